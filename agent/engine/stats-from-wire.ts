import { timeMs } from "./from-wire.ts";
import type {
  BlockDeviceStats,
  ContainerStats,
  InterfaceStats,
  MemoryStats,
  ThrottlingStats,
} from "./stats.ts";

type WireInterface = {
  readonly rx_bytes: number;
  readonly rx_packets?: number;
  readonly rx_errors?: number;
  readonly rx_dropped?: number;
  readonly tx_bytes: number;
  readonly tx_packets?: number;
  readonly tx_errors?: number;
  readonly tx_dropped?: number;
};

/** A counter of one kind of operation of one device; `op` is `Read` with cgroup v1, `read` with v2. */
type WireBlock = {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
};

/** `GET /containers/{id}/stats`; only what we read. */
export type WireStats = {
  readonly read: string;
  readonly cpu_stats: {
    readonly cpu_usage: {
      readonly total_usage: number;
      readonly usage_in_kernelmode?: number;
      readonly usage_in_usermode?: number;
    };
    readonly throttling_data?: {
      readonly periods?: number;
      readonly throttled_periods?: number;
      readonly throttled_time?: number;
    };
  };
  readonly memory_stats: {
    readonly usage?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly networks?: Readonly<Record<string, WireInterface>> | null;
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly WireBlock[] | null;
    readonly io_serviced_recursive?: readonly WireBlock[] | null;
  };
  readonly pids_stats?: { readonly current?: number };
};

/** The first of several names that the kernel knows: cgroup v1 with and without children, then v2. */
function first(stats: Readonly<Record<string, number>>, ...names: readonly string[]): number {
  const found = names.find((name) => stats[name] !== undefined);
  return found === undefined ? 0 : (stats[found] ?? 0);
}

function toMemory(usage: number, stats: Readonly<Record<string, number>>): MemoryStats {
  const reclaimable = first(stats, "total_inactive_file", "inactive_file");
  return {
    usageBytes: usage,
    workingSetBytes: Math.max(0, usage - reclaimable),
    rssBytes: first(stats, "total_rss", "rss", "anon"),
    cacheBytes: first(stats, "total_cache", "cache", "file"),
    pageFaults: first(stats, "total_pgfault", "pgfault"),
    majorPageFaults: first(stats, "total_pgmajfault", "pgmajfault"),
  };
}

const toThrottling = (wire: WireStats["cpu_stats"]["throttling_data"] = {}): ThrottlingStats => ({
  periods: wire.periods ?? 0,
  throttledPeriods: wire.throttled_periods ?? 0,
  throttledNanos: wire.throttled_time ?? 0,
});

const toInterface = ([name, wire]: readonly [string, WireInterface]): InterfaceStats => ({
  name,
  receivedBytes: wire.rx_bytes,
  receivedPackets: wire.rx_packets ?? 0,
  receivedErrors: wire.rx_errors ?? 0,
  receivedDropped: wire.rx_dropped ?? 0,
  sentBytes: wire.tx_bytes,
  sentPackets: wire.tx_packets ?? 0,
  sentErrors: wire.tx_errors ?? 0,
  sentDropped: wire.tx_dropped ?? 0,
});

function toBlockDevices({ blkio_stats: blocks }: WireStats): readonly BlockDeviceStats[] {
  const bytes = blocks?.io_service_bytes_recursive ?? [];
  const counts = blocks?.io_serviced_recursive ?? [];
  const deviceOf = ({ major, minor }: WireBlock): string => `${major}:${minor}`;
  const sum = (list: readonly WireBlock[], device: string, wanted: string): number =>
    list
      .filter((one) => deviceOf(one) === device && one.op.toLowerCase() === wanted)
      .reduce((total, { value }) => total + value, 0);
  return [...new Set([...bytes, ...counts].map(deviceOf))].map((device) => ({
    device,
    readBytes: sum(bytes, device, "read"),
    writtenBytes: sum(bytes, device, "write"),
    reads: sum(counts, device, "read"),
    writes: sum(counts, device, "write"),
  }));
}

/** One reading, or `undefined` when the container does not run: the engine answers zeros then. */
export function toStats(wire: WireStats): ContainerStats | undefined {
  const atMs = timeMs(wire.read);
  const { usage, stats = {} } = wire.memory_stats;
  if (atMs === undefined || usage === undefined) return undefined;
  const { cpu_usage: cpu, throttling_data: throttling } = wire.cpu_stats;
  return {
    atMs,
    cpuNanos: cpu.total_usage,
    cpuUserNanos: cpu.usage_in_usermode ?? 0,
    cpuSystemNanos: cpu.usage_in_kernelmode ?? 0,
    throttling: toThrottling(throttling),
    memory: toMemory(usage, stats),
    interfaces: Object.entries(wire.networks ?? {}).map(toInterface),
    blockDevices: toBlockDevices(wire),
    pids: wire.pids_stats?.current ?? 0,
  };
}
