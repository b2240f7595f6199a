import { readdir, readlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { residentMb } from "../bench/process-usage.ts";

/** What a process holds. */
export type Vitals = {
  /** Resident memory in MB (10^6 bytes). */
  readonly mb: number;
  /** Open file descriptors. */
  readonly fds: number;
  /** Those of them that are sockets. */
  readonly sockets: number;
};

/** By how much a process may hold more than before. */
export type Growth = { readonly mb: number; readonly fds: number };

const settleLooks = 20;
const lookMs = 1_000;

/** What a process holds now. */
export async function vitalsOf(pid: number): Promise<Vitals> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  // One may be closed before it is looked at.
  const targets = await Promise.all(names.map((fd) => readlink(`${folder}/${fd}`).catch(() => "")));
  const sockets = targets.filter((target) => target.startsWith("socket:")).length;
  return { mb: await residentMb(pid), fds: names.length, sockets };
}

/** Whether `now` is within the bounds of `before`. */
export function isFlat(before: Vitals, now: Vitals, growth: Growth): boolean {
  return now.fds <= before.fds + growth.fds && now.mb <= before.mb + growth.mb;
}

/** What it holds once it is back within bounds, or after twenty seconds: memory is given back when a process is idle. */
export async function settledVitals(pid: number, before: Vitals, growth: Growth): Promise<Vitals> {
  let now = await vitalsOf(pid);
  for (let look = 0; look < settleLooks && !isFlat(before, now, growth); look++) {
    await sleep(lookMs);
    now = await vitalsOf(pid);
  }
  return now;
}

/** e.g. `132 MB, 41 fds`. */
export function vitalsText({ mb, fds }: Vitals): string {
  return `${mb.toFixed(0)} MB, ${fds} fds`;
}
