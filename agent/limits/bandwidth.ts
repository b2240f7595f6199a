import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Upkeep } from "../engine/upkeep.ts";
import { cables, type Link, readLinks, type Shape, shapeArgs } from "./bandwidth-plan.ts";

const run = promisify(execFile);
const timeoutMs = 5_000;
const maxOutput = 4 << 20;

/** Why a container's traffic is not limited, as the end of a sentence. */
export class NotShapeable extends Error {
  override readonly name = "NotShapeable";
}

/** Runs a program of iproute2 in the network of a process; no shell is between. */
async function within(
  pid: number,
  program: "ip" | "tc",
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const argv = [`--net=/proc/${pid}/ns/net`, "--", program, ...args];
  try {
    const { stdout } = await run("nsenter", argv, {
      signal,
      timeout: timeoutMs,
      maxBuffer: maxOutput,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    });
    return stdout;
  } catch (err) {
    signal.throwIfAborted();
    const { code, stderr = "" } = err as { readonly code?: unknown; readonly stderr?: string };
    const missing = code === "ENOENT" ? "nsenter of util-linux is not installed" : undefined;
    const words = stderr.trim().split("\n").at(-1) ?? "";
    throw new NotShapeable(missing ?? `${program} failed: ${words}`, { cause: err });
  }
}

const text = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

/** Process ids mean something only where we see the same processes as the engine. */
async function requireOurs(id: string, pid: number): Promise<void> {
  const groups = await text(`/proc/${pid}/cgroup`);
  if (!groups.includes(id))
    throw new NotShapeable("the agent does not see the processes of the engine");
}

/** The process that keeps a container lives in the network of its host. */
async function parentOf(pid: number): Promise<number> {
  const stat = await text(`/proc/${pid}/stat`);
  const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  if (!(parent > 0)) throw new NotShapeable("its process is gone");
  return parent;
}

async function linksOf(pid: number, signal: AbortSignal): Promise<readonly Link[]> {
  return readLinks(await within(pid, "ip", ["-json", "link", "show"], signal));
}

/**
 * Limits what comes into the network of a container, and what goes out of it, at both ends of its
 * cable: the kernel drops the limits with the cable when the container ends. Needs root on the
 * machine of the engine, `nsenter` and iproute2. The same twice does no harm.
 *
 * @throws NotShapeable saying why it cannot be
 */
export async function shapeContainer(
  upkeep: Upkeep,
  id: string,
  { ingressBits, egressBits }: Shape,
  signal: AbortSignal,
): Promise<void> {
  const place = await upkeep.placeOf(id, signal);
  if (place === undefined || place.pid === 0) return; // over already
  await requireOurs(id, place.pid);
  const host = await parentOf(place.pid);
  const inside = await linksOf(place.pid, signal);
  const found = cables(inside, await linksOf(host, signal));
  if (found.length === 0) throw new NotShapeable("its network has no cable to the host");
  for (const { inner, outer } of found) {
    // What comes in leaves the host's end, what goes out leaves the container's.
    if (ingressBits !== undefined) await within(host, "tc", shapeArgs(outer, ingressBits), signal);
    if (egressBits !== undefined)
      await within(place.pid, "tc", shapeArgs(inner, egressBits), signal);
  }
}
