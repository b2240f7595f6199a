import { readdirSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { Reading, Registry } from "./registry.ts";

const one = (value: number): readonly Reading[] => [{ labels: {}, value }];

/** File descriptors of this process; none where there is no /proc. */
function openFiles(): readonly Reading[] {
  try {
    return one(readdirSync("/proc/self/fd").length);
  } catch {
    return []; // not Linux: the series is absent
  }
}

/** What the process itself uses, under the names that every Prometheus dashboard knows. */
export function addProcessMetrics(registry: Registry): void {
  const startSeconds = Math.round(performance.timeOrigin / 1_000);
  registry.counterOf(
    { name: "process_cpu_seconds_total", help: "Processor time of the process in seconds." },
    () => {
      const { user, system } = process.cpuUsage();
      return one((user + system) / 1e6);
    },
  );
  registry.gauge(
    { name: "process_resident_memory_bytes", help: "Resident memory of the process." },
    () => one(process.memoryUsage.rss()),
  );
  registry.gauge(
    { name: "process_start_time_seconds", help: "When the process began, in Unix time." },
    () => one(startSeconds),
  );
  registry.gauge({ name: "process_open_fds", help: "Open file descriptors." }, openFiles);
  registry.gauge(
    { name: "nodejs_heap_size_used_bytes", help: "JavaScript heap that is in use." },
    () => one(process.memoryUsage().heapUsed),
  );
  registry.gauge(
    { name: "nodejs_eventloop_utilization", help: "Share of time in which the loop was busy." },
    () => one(performance.eventLoopUtilization().utilization),
  );
}
