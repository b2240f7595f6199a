import type { ContainerStats } from "../../agent/engine/stats.ts";
import type { MeasuredContainer } from "../../agent/stats/sample.ts";

/** How a measured container differs from the plain one. */
export type MeasuredParts = Partial<Omit<MeasuredContainer, "stats">> & {
  readonly atMs?: number;
  readonly cpuNanos?: number;
  readonly stats?: Partial<ContainerStats>;
};

const noLimits = {
  memoryBytes: 0,
  memoryReservationBytes: 0,
  cpuShares: 0,
  cpuQuotaMicros: 0,
  cpuPeriodMicros: 0,
};

/** A foreign container as a sample holds it, running since second 10 unless said otherwise. */
export function buildMeasured(parts: MeasuredParts = {}): MeasuredContainer {
  const { atMs = 60_000, cpuNanos = 0, stats, ...rest } = parts;
  return {
    id: "a",
    name: "web",
    image: "web:1",
    startedAtMs: 10_000,
    limits: noLimits,
    ownNetwork: true,
    oomEvents: 0,
    ...rest,
    stats: {
      atMs,
      cpuNanos,
      cpuUserNanos: cpuNanos,
      cpuSystemNanos: 0,
      throttling: { periods: 0, throttledPeriods: 0, throttledNanos: 0 },
      memory: {
        usageBytes: 4096,
        workingSetBytes: 3072,
        rssBytes: 2048,
        cacheBytes: 1024,
        pageFaults: 1,
        majorPageFaults: 0,
      },
      interfaces: [],
      blockDevices: [],
      pids: 1,
      ...stats,
    },
  };
}
