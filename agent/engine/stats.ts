/** What passed one network interface of a container since it was made. */
export type InterfaceStats = {
  /** As the container sees it, e.g. `eth0`. */
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receivedErrors: number;
  readonly receivedDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sentErrors: number;
  readonly sentDropped: number;
};

/** What went to and came from one block device since the start. */
export type BlockDeviceStats = {
  /** Major and minor number, e.g. `8:0`. */
  readonly device: string;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly reads: number;
  readonly writes: number;
};

/** Memory of a container's processes and of the page cache on their behalf, in bytes. */
export type MemoryStats = {
  /** Everything that is charged, page cache included. */
  readonly usageBytes: number;
  /** Usage without the page cache that can be dropped at once: what the kubelet calls so. */
  readonly workingSetBytes: number;
  /** Anonymous memory. */
  readonly rssBytes: number;
  /** Page cache. */
  readonly cacheBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
};

/** How often the CPU quota held the processes back since the start. */
export type ThrottlingStats = {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNanos: number;
};

/** One reading of a container's resource use. Counters start anew with each start of the container. */
export type ContainerStats = {
  readonly atMs: number;
  /** CPU time used since the start, in nanoseconds: the rate comes from two readings. */
  readonly cpuNanos: number;
  readonly cpuUserNanos: number;
  readonly cpuSystemNanos: number;
  readonly throttling: ThrottlingStats;
  readonly memory: MemoryStats;
  /** Of the network that it uses, which may be another container's; empty on the host's. */
  readonly interfaces: readonly InterfaceStats[];
  readonly blockDevices: readonly BlockDeviceStats[];
  readonly pids: number;
};
