import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Layout } from "./layout.ts";

const exec = promisify(execFile);

/** /usr/sbin is not on every user's PATH. */
const ip = (...args: readonly string[]): Promise<{ readonly stdout: string }> =>
  exec("ip", args, {
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  });

/** First three bytes of every IPv4 network that this machine has an address in. */
async function takenPrefixes(): Promise<ReadonlySet<string>> {
  const { stdout } = await ip("-o", "-4", "addr", "show");
  return new Set(
    Array.from(stdout.matchAll(/inet (\d+\.\d+\.\d+)\.\d+/g), ([, prefix = ""]) => prefix),
  );
}

/** First three bytes of a private /24 network in which this machine has no address, `10.210.3`. */
export async function freePrefix(): Promise<string> {
  const taken = await takenPrefixes();
  for (;;) {
    const prefix = `10.${randomInt(200, 255)}.${randomInt(0, 256)}`;
    if (!taken.has(prefix)) return prefix;
  }
}

async function choosePrefix(layout: Layout): Promise<string> {
  const known = (await readFile(layout.subnetFile, "utf8").catch(() => "")).trim();
  const taken = await takenPrefixes();
  return known === "" || taken.has(known) ? freePrefix() : known;
}

/**
 * Makes the bridge that containers are joined to. Each private dockerd has its own, because two on
 * `docker0` would hand out the same addresses. An old one of the same directory is replaced.
 */
export async function createBridge(layout: Layout): Promise<void> {
  await removeBridge(layout);
  const prefix = await choosePrefix(layout);
  await ip("link", "add", layout.bridge, "type", "bridge");
  await ip("addr", "add", `${prefix}.1/24`, "dev", layout.bridge);
  await ip("link", "set", layout.bridge, "up");
  await writeFile(layout.subnetFile, `${prefix}\n`);
}

async function removeLink(name: string): Promise<void> {
  await ip("link", "del", name).catch((err: unknown) => {
    if (!/Cannot find device/i.test(String(err))) throw err;
  });
}

/** Removes the bridge; a missing one is fine. */
export async function removeBridge({ bridge }: Layout): Promise<void> {
  await removeLink(bridge);
}

/**
 * Removes the bridges of networks that were made with this dockerd: it leaves them in the machine when
 * it ends, and makes them anew when it starts. Its records are a database that names them in plain text.
 */
export async function removeNetworkBridges({ dataRoot }: Layout): Promise<void> {
  const records = join(dataRoot, "network", "files", "local-kv.db");
  const text = await readFile(records, "latin1").catch(() => "");
  const names = new Set(Array.from(text.matchAll(/br-[0-9a-f]{12}\b/g), ([name]) => name));
  await Promise.all([...names].map(removeLink));
}
