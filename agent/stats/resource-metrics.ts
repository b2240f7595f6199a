import type { MetricFamily, Series, SeriesLabels } from "./exposition.ts";
import type { MeasuredContainer, Sample } from "./sample.ts";

const nano = 1e-9;

/** The memory of all containers of each Pod. */
function podMemory(containers: readonly MeasuredContainer[]): readonly Series[] {
  const sums = new Map<string, { labels: SeriesLabels; value: number; atMs: number }>();
  for (const { part, stats } of containers) {
    if (part === undefined) continue;
    const labels = { namespace: part.namespace, pod: part.pod };
    const sum = sums.get(part.uid) ?? { labels, value: 0, atMs: 0 };
    sum.value += stats.memory.workingSetBytes;
    sum.atMs = Math.max(sum.atMs, stats.atMs);
    sums.set(part.uid, sum);
  }
  return [...sums.values()];
}

function containerSeries(
  containers: readonly MeasuredContainer[],
  read: (one: MeasuredContainer) => number,
): readonly Series[] {
  return containers.flatMap((one): readonly Series[] => {
    if (one.part === undefined) return [];
    const { container, namespace, pod } = one.part;
    return [{ labels: { container, namespace, pod }, value: read(one), atMs: one.stats.atMs }];
  });
}

function nodeFamilies({ host }: Sample): readonly MetricFamily[] {
  if (host === undefined) return []; // sums of containers are no truth about a machine
  const { atMs, cpuNanos, memory } = host;
  return [
    {
      name: "node_cpu_usage_seconds_total",
      help: "Cumulative cpu time consumed by the node in core-seconds",
      type: "counter",
      series: [{ labels: {}, value: cpuNanos * nano, atMs }],
    },
    {
      name: "node_memory_working_set_bytes",
      help: "Current working set of the node in bytes",
      type: "gauge",
      series: [{ labels: {}, value: memory.workingSetBytes, atMs }],
    },
  ];
}

/**
 * What the kubelet exposes at `/metrics/resource`, from which metrics-server tells rates
 * (https://kubernetes.io/docs/reference/instrumentation/metrics/). Containers of Pods alone. A sum
 * of counters is no counter once one of them starts anew, so there is none for the CPU of a Pod.
 */
export function resourceFamilies(sample: Sample): readonly MetricFamily[] {
  const { containers } = sample;
  return [
    {
      name: "container_cpu_usage_seconds_total",
      help: "Cumulative cpu time consumed by the container in core-seconds",
      type: "counter",
      series: containerSeries(containers, ({ stats }) => stats.cpuNanos * nano),
    },
    {
      name: "container_memory_working_set_bytes",
      help: "Current working set of the container in bytes",
      type: "gauge",
      series: containerSeries(containers, ({ stats }) => stats.memory.workingSetBytes),
    },
    {
      name: "container_start_time_seconds",
      help: "Start time of the container since unix epoch in seconds",
      type: "gauge",
      series: containerSeries(containers, ({ startedAtMs }) => startedAtMs / 1000),
    },
    ...nodeFamilies(sample),
    {
      name: "pod_memory_working_set_bytes",
      help: "Current working set of the pod in bytes",
      type: "gauge",
      series: podMemory(containers),
    },
    {
      name: "resource_scrape_error",
      help: "1 if there was an error while getting container metrics, 0 otherwise",
      type: "gauge",
      series: [{ labels: {}, value: sample.silent.length > 0 ? 1 : 0 }],
    },
  ];
}
