import { readFile, statfs } from "node:fs/promises";
import type { DiskUse } from "../images/plan.ts";

/** How much of a machine is left; what nobody could read is absent. */
export type Readings = {
  readonly disk?: DiskUse;
  readonly memoryFreeBytes?: number;
  readonly processes?: { readonly used: number; readonly most: number };
};

/** A condition of a Node, without its times. */
export type Pressure = {
  readonly type: "DiskPressure" | "MemoryPressure" | "PIDPressure";
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
};

/** The kubelet's thresholds: a tenth of the disk, 100 MiB, a tenth of the process ids. */
const leastPercent = 10;
const leastMemoryBytes = 100 * 1024 ** 2;
/** One that is under pressure has to get so much better before it is not: no flapping at the edge. */
const relief = 1.2;

type Check = {
  readonly type: Pressure["type"];
  readonly free: number | undefined;
  readonly least: number;
  /** The kubelet's reasons. */
  readonly reasons: readonly [string, string];
  readonly words: readonly [string, string];
};

function freeProcesses({ processes }: Readings): number | undefined {
  if (processes === undefined || processes.most === 0) return undefined;
  return 100 - (processes.used * 100) / processes.most;
}

function freeDisk({ disk }: Readings): number | undefined {
  return disk === undefined || disk.totalBytes === 0
    ? undefined
    : 100 - (disk.usedBytes * 100) / disk.totalBytes;
}

const checksOf = (readings: Readings): readonly Check[] => [
  {
    type: "MemoryPressure",
    free: readings.memoryFreeBytes,
    least: leastMemoryBytes,
    reasons: ["KubeletHasInsufficientMemory", "KubeletHasSufficientMemory"],
    words: ["agent sees insufficient memory available", "agent sees sufficient memory available"],
  },
  {
    type: "DiskPressure",
    free: freeDisk(readings),
    least: leastPercent,
    reasons: ["KubeletHasDiskPressure", "KubeletHasNoDiskPressure"],
    words: ["agent sees disk pressure", "agent sees no disk pressure"],
  },
  {
    type: "PIDPressure",
    free: freeProcesses(readings),
    least: leastPercent,
    reasons: ["KubeletHasInsufficientPID", "KubeletHasSufficientPID"],
    words: ["agent sees insufficient PID available", "agent sees sufficient PID available"],
  },
];

/** The conditions of a Node that say what its machine runs out of; none for what nobody could read. */
export function pressuresOf(
  readings: Readings,
  before: ReadonlySet<Pressure["type"]>,
): readonly Pressure[] {
  return checksOf(readings).flatMap(({ type, free, least, reasons, words }) => {
    if (free === undefined) return [];
    const isShort = free < (before.has(type) ? least * relief : least);
    const [index, status] = isShort ? ([0, "True"] as const) : ([1, "False"] as const);
    return [{ type, status, reason: reasons[index], message: words[index] }];
  });
}

/** How full the disk is that a path of this machine is on, as `df` counts it. */
export async function readDisk(path: string): Promise<DiskUse | undefined> {
  try {
    const { blocks, bfree, bavail, bsize } = await statfs(path);
    const usedBytes = (blocks - bfree) * bsize;
    // What is reserved for root is nobody's: neither used nor free.
    return { usedBytes, totalBytes: usedBytes + bavail * bsize };
  } catch {
    return undefined; // an engine in a container tells a path that is none here
  }
}

const text = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

/** What is left of memory and process ids of this machine. */
export async function readMachine(): Promise<Omit<Readings, "disk">> {
  const free = /^MemAvailable:\s+(\d+) kB$/m.exec(await text("/proc/meminfo"))?.[1];
  const used = /^\S+ \S+ \S+ \d+\/(\d+) /.exec(await text("/proc/loadavg"))?.[1];
  const most = Number(await text("/proc/sys/kernel/pid_max"));
  return {
    ...(free === undefined ? {} : { memoryFreeBytes: Number(free) * 1024 }),
    ...(used === undefined || !(most > 0) ? {} : { processes: { used: Number(used), most } }),
  };
}
