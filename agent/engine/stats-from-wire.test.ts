import { expect, test } from "vitest";
import { toStats, type WireStats } from "./stats-from-wire.ts";

const wire: WireStats = {
  read: "2026-11-21T09:55:32.254981384Z",
  cpu_stats: {
    cpu_usage: { total_usage: 9, usage_in_kernelmode: 4, usage_in_usermode: 5 },
    throttling_data: { periods: 3, throttled_periods: 1, throttled_time: 7 },
  },
  memory_stats: { usage: 100, stats: { inactive_file: 30, anon: 40, file: 50, pgfault: 6 } },
  networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 10, tx_bytes: 20 } },
  pids_stats: { current: 4 },
};

test("toStats() reads the names of cgroup v2", () => {
  expect(toStats(wire)).toMatchObject({
    atMs: Date.parse("2026-11-21T09:55:32.254Z"),
    cpuNanos: 9,
    cpuUserNanos: 5,
    cpuSystemNanos: 4,
    throttling: { periods: 3, throttledPeriods: 1, throttledNanos: 7 },
    memory: { usageBytes: 100, workingSetBytes: 70, rssBytes: 40, cacheBytes: 50, pageFaults: 6 },
    interfaces: [
      { name: "eth0", receivedBytes: 1, sentBytes: 2, receivedErrors: 0 },
      { name: "eth1", receivedBytes: 10, sentBytes: 20 },
    ],
    blockDevices: [],
    pids: 4,
  });
});

test("toStats() reads the names of cgroup v1, where those with children count", () => {
  const stats = {
    cache: 1,
    inactive_file: 1,
    rss: 1,
    total_cache: 20,
    total_inactive_file: 8,
    total_rss: 60,
    total_pgmajfault: 2,
  };
  expect(toStats({ ...wire, memory_stats: { usage: 100, stats } })?.memory).toEqual({
    usageBytes: 100,
    workingSetBytes: 92,
    rssBytes: 60,
    cacheBytes: 20,
    pageFaults: 0,
    majorPageFaults: 2,
  });
});

test("toStats() never goes below an empty working set", () => {
  const memory_stats = { usage: 10, stats: { inactive_file: 30 } };
  expect(toStats({ ...wire, memory_stats })?.memory.workingSetBytes).toBe(0);
});

test("toStats() adds up operations per block device, in either spelling", () => {
  const blkio_stats = {
    io_service_bytes_recursive: [
      { major: 8, minor: 0, op: "Read", value: 4096 },
      { major: 8, minor: 0, op: "Total", value: 4096 },
      { major: 253, minor: 1, op: "write", value: 512 },
    ],
    io_serviced_recursive: [{ major: 8, minor: 0, op: "Read", value: 1 }],
  };
  expect(toStats({ ...wire, blkio_stats })?.blockDevices).toEqual([
    { device: "8:0", readBytes: 4096, writtenBytes: 0, reads: 1, writes: 0 },
    { device: "253:1", readBytes: 0, writtenBytes: 512, reads: 0, writes: 0 },
  ]);
});

test("toStats() has nothing for a container that does not run, and takes null for no networks", () => {
  const never = "0001-01-01T00:00:00Z";
  expect(toStats({ ...wire, read: never, memory_stats: {} })).toBeUndefined();
  expect(toStats({ ...wire, networks: null })?.interfaces).toEqual([]);
});
