import { readFile } from "node:fs/promises";
import { release } from "node:os";
import type { EngineInfo } from "../engine/engine.ts";
import type { InterfaceStats } from "../engine/stats.ts";
import type { HostReading } from "./sample.ts";

/** Reads what a whole machine uses. */
export type HostMeter = () => Promise<HostReading>;

/** The files that are read; other ones in tests. */
export type ProcFiles = {
  readonly stat: string;
  readonly meminfo: string;
  /** Of the first process: that of this one is another network in a container. */
  readonly netDev: string;
};

const proc: ProcFiles = {
  stat: "/proc/stat",
  meminfo: "/proc/meminfo",
  netDev: "/proc/1/net/dev",
};

/** USER_HZ is 100 on every architecture that Docker runs on. */
const nanosPerTick = 10_000_000;

function cpuNanos(stat: string): number {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/ +/).map(Number);
  // Guests are in user already; idle, iowait and steal are nobody's work here.
  return (user + nice + system + irq + softirq) * nanosPerTick;
}

function bootedAtMs(stat: string): number {
  return Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000;
}

function memoryOf(meminfo: string): HostReading["memory"] {
  const bytes = (name: string): number => {
    const found = new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(meminfo);
    return Number(found?.[1] ?? 0) * 1024;
  };
  const totalBytes = bytes("MemTotal");
  const usageBytes = totalBytes - bytes("MemFree");
  // As the kubelet has it for the root of all control groups.
  const workingSetBytes = Math.max(0, usageBytes - bytes("Inactive\\(file\\)"));
  return { totalBytes, usageBytes, workingSetBytes, rssBytes: bytes("AnonPages") };
}

/** Columns of /proc/net/dev, which come after the interface's name. */
function toInterface(name: string, columns: readonly number[]): InterfaceStats {
  const at = (index: number): number => columns[index] ?? 0;
  return {
    name,
    receivedBytes: at(0),
    receivedPackets: at(1),
    receivedErrors: at(2),
    receivedDropped: at(3),
    sentBytes: at(8),
    sentPackets: at(9),
    sentErrors: at(10),
    sentDropped: at(11),
  };
}

function interfacesOf(netDev: string): readonly InterfaceStats[] {
  return [...netDev.matchAll(/^ *([^:\s]+): *(.*)$/gm)].flatMap(([, name = "", rest = ""]) => {
    // The far ends of veth pairs are the containers' own.
    const own = name !== "lo" && !name.startsWith("veth");
    return own ? [toInterface(name, rest.trim().split(/ +/).map(Number))] : [];
  });
}

/** Reads the machine that this process runs on. */
export function createHostMeter(nowMs: () => number, files: ProcFiles = proc): HostMeter {
  return async () => {
    const [stat, meminfo, netDev] = await Promise.all([
      readFile(files.stat, "utf8"),
      readFile(files.meminfo, "utf8"),
      readFile(files.netDev, "utf8").catch(() => ""), // needs root where /proc is protected
    ]);
    return {
      atMs: nowMs(),
      cpuNanos: cpuNanos(stat),
      bootedAtMs: bootedAtMs(stat),
      memory: memoryOf(meminfo),
      interfaces: interfacesOf(netDev),
    };
  };
}

/**
 * A meter of the engine's machine, if that is this one. An endpoint does not tell, because a local
 * socket may lead through ssh to the other end of the world: kernel and memory have to be the same.
 */
export async function hostMeterOf(
  info: Pick<EngineInfo, "kernel" | "memoryBytes" | "simulated">,
  nowMs: () => number,
  files: ProcFiles = proc,
): Promise<HostMeter | undefined> {
  if (info.simulated || info.kernel !== release()) return undefined;
  const meter = createHostMeter(nowMs, files);
  try {
    const { memory } = await meter();
    return memory.totalBytes === info.memoryBytes ? meter : undefined;
  } catch {
    return undefined; // no such files: not Linux
  }
}
