import { readFile } from "node:fs/promises";
import type { EngineStorage } from "../engine/upkeep.ts";

/** Drivers whose layers are file systems of their own, with a size. */
const sizing: ReadonlySet<string> = new Set(["btrfs", "zfs"]);

/** The mount that a path is on: the longest that leads to it. Lines as in `/proc/self/mounts`. */
function optionsOf(path: string, mounts: string): string {
  const below = mounts.split("\n").flatMap((line) => {
    const [, at = "", , options = ""] = line.split(" ");
    const isOn = at !== "" && (path === at || path.startsWith(at === "/" ? "/" : `${at}/`));
    return isOn ? [{ at, options }] : [];
  });
  // Of two mounts at one place the later one counts.
  return below.reduce((best, one) => (one.at.length >= best.at.length ? one : best), {
    at: "",
    options: "",
  }).options;
}

/**
 * Whether an engine can limit by itself what a container writes (`docker create --storage-opt size`).
 * With overlay2 the mount tells, which must be xfs with project quotas; of another machine nobody
 * knows the mounts, and an engine refuses every container that asks for what it cannot do.
 */
export function canLimitDisk({ driver, facts, rootDir }: EngineStorage, mounts: string): boolean {
  if (sizing.has(driver)) return true;
  if (driver !== "overlay2" || facts["Backing Filesystem"] !== "xfs") return false;
  return /(^|,)(pquota|prjquota)(,|$)/.test(optionsOf(rootDir, mounts));
}

/** The mounts of this machine; empty where there is no such list. */
export async function readMounts(): Promise<string> {
  return readFile("/proc/self/mounts", "utf8").catch(() => "");
}
