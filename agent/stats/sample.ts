import type { ContainerLimits } from "../engine/engine.ts";
import type { ContainerStats, InterfaceStats } from "../engine/stats.ts";

/** The container of a Pod that a container on the host is. */
export type PodPart = {
  readonly namespace: string;
  readonly pod: string;
  /** metadata.uid of the Pod. */
  readonly uid: string;
  /** Name of the container in the Pod's spec. */
  readonly container: string;
};

/** A container that ran when it was read: one of ours, or a foreign one. */
export type MeasuredContainer = {
  /** 64 hex digits. */
  readonly id: string;
  /** Docker's name without the leading slash. */
  readonly name: string;
  readonly image: string;
  /** Absent for foreign containers. */
  readonly part?: PodPart;
  /** By the engine's clock. */
  readonly startedAtMs: number;
  readonly limits: ContainerLimits;
  /** Whether its network is its own: one that it shares is counted where it belongs. */
  readonly ownNetwork: boolean;
  /** Times that the kernel killed one of its processes for want of memory, since the agent began. */
  readonly oomEvents: number;
  readonly stats: ContainerStats;
};

/** What the whole machine uses, where the agent runs on it. */
export type HostReading = {
  readonly atMs: number;
  /** Time that all processors together were not idle since the boot, in nanoseconds. */
  readonly cpuNanos: number;
  readonly bootedAtMs: number;
  readonly memory: {
    readonly totalBytes: number;
    readonly usageBytes: number;
    /** Usage without the page cache that was not used of late. */
    readonly workingSetBytes: number;
    readonly rssBytes: number;
  };
  /** Physical and virtual ones, loopback left out. */
  readonly interfaces: readonly InterfaceStats[];
};

/** One look at everything that runs on a host. */
export type Sample = {
  /** By the agent's clock. */
  readonly atMs: number;
  readonly containers: readonly MeasuredContainer[];
  /** Ids of containers that run and did not tell in time. */
  readonly silent: readonly string[];
  /** Absent where the agent is on another machine: then only containers are known. */
  readonly host?: HostReading;
};

/** What must be remembered of a sample to tell rates later. */
export type Mark = {
  /** By the agent's clock. */
  readonly atMs: number;
  /** By container id; times are the engine's. */
  readonly cpu: ReadonlyMap<string, { readonly atMs: number; readonly cpuNanos: number }>;
  readonly host?: { readonly atMs: number; readonly cpuNanos: number };
};

/** The part of a sample that rates need. */
export function markOf({ atMs, containers, host }: Sample): Mark {
  const cpu = containers.map(
    ({ id, stats }) => [id, { atMs: stats.atMs, cpuNanos: stats.cpuNanos }] as const,
  );
  return {
    atMs,
    cpu: new Map(cpu),
    ...(host === undefined ? {} : { host: { atMs: host.atMs, cpuNanos: host.cpuNanos } }),
  };
}

/** CPU in use, on average over a window that ended at `atMs`. */
export type Rate = {
  /** Billionths of a CPU. */
  readonly nanoCores: number;
  readonly atMs: number;
  /** Milliseconds, 1 or more. */
  readonly windowMs: number;
};

type Point = { readonly atMs: number; readonly cpuNanos: number };

function between(older: Point, newer: Point): Rate | undefined {
  const windowMs = newer.atMs - older.atMs;
  const nanos = newer.cpuNanos - older.cpuNanos;
  if (windowMs < 1 || nanos < 0) return undefined;
  return { nanoCores: Math.round((nanos * 1000) / windowMs), atMs: newer.atMs, windowMs };
}

/** How young a container must be to count from its start, for want of an earlier reading. */
const youngMs = 120_000;

/**
 * The rate of one container. One that was not read at the mark counts from its start, where its
 * counter was 0, if that was of late; else there is no rate.
 */
export function containerRate(
  { id, startedAtMs, stats }: MeasuredContainer,
  mark: Mark,
): Rate | undefined {
  const before = mark.cpu.get(id);
  if (before !== undefined && before.atMs >= startedAtMs) return between(before, stats);
  if (stats.atMs - startedAtMs > youngMs) return undefined;
  return between({ atMs: startedAtMs, cpuNanos: 0 }, stats);
}

/** The rate of the machine; `undefined` where the agent does not run on it. */
export function hostRate({ host }: Sample, mark: Mark): Rate | undefined {
  return host === undefined || mark.host === undefined ? undefined : between(mark.host, host);
}
