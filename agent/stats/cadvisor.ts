import type { InterfaceStats } from "../engine/stats.ts";
import type { MetricFamily, Series, SeriesLabels } from "./exposition.ts";
import type { HostReading, MeasuredContainer, Sample } from "./sample.ts";

/** What is known of the machine beside its use. */
export type MachineFacts = {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Docker Engine ID. */
  readonly engineId: string;
};

type Kind = Pick<MetricFamily, "name" | "help" | "type">;

const counter = (name: string, help: string): Kind => ({ name, help, type: "counter" });
const gauge = (name: string, help: string): Kind => ({ name, help, type: "gauge" });

const nano = 1e-9;
/** What the kernel gives a group of processes that nobody gave shares. */
const defaultShares = 1024;

/** As cAdvisor labels a container. A foreign one has neither container, namespace nor pod. */
function labelsOf({ id, image, name, part }: MeasuredContainer): SeriesLabels {
  return {
    container: part?.container ?? "",
    id: `/docker/${id}`,
    image,
    name,
    namespace: part?.namespace ?? "",
    pod: part?.pod ?? "",
  };
}

/** The network belongs to all containers of a pod, so it names none of them. */
function networkLabels(container: MeasuredContainer, { name }: InterfaceStats): SeriesLabels {
  const { container: _one, ...labels } = labelsOf(container);
  return { ...labels, interface: name };
}

/** Metrics with one series for each container; `undefined`: it has none. */
const perContainer: readonly (readonly [Kind, (one: MeasuredContainer) => number | undefined])[] = [
  [
    counter("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds."),
    ({ stats }) => stats.cpuNanos * nano,
  ],
  [
    counter("container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds."),
    ({ stats }) => stats.cpuUserNanos * nano,
  ],
  [
    counter(
      "container_cpu_system_seconds_total",
      "Cumulative system cpu time consumed in seconds.",
    ),
    ({ stats }) => stats.cpuSystemNanos * nano,
  ],
  [
    counter("container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals."),
    ({ limits, stats }) => (limits.cpuQuotaMicros > 0 ? stats.throttling.periods : undefined),
  ],
  [
    counter("container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals."),
    ({ limits, stats }) =>
      limits.cpuQuotaMicros > 0 ? stats.throttling.throttledPeriods : undefined,
  ],
  [
    counter(
      "container_cpu_cfs_throttled_seconds_total",
      "Total time duration the container has been throttled.",
    ),
    ({ limits, stats }) =>
      limits.cpuQuotaMicros > 0 ? stats.throttling.throttledNanos * nano : undefined,
  ],
  [
    gauge("container_memory_usage_bytes", "Current memory usage in bytes, page cache included."),
    ({ stats }) => stats.memory.usageBytes,
  ],
  [
    gauge("container_memory_working_set_bytes", "Current working set in bytes."),
    ({ stats }) => stats.memory.workingSetBytes,
  ],
  [gauge("container_memory_rss", "Size of RSS in bytes."), ({ stats }) => stats.memory.rssBytes],
  [
    gauge("container_memory_cache", "Number of bytes of page cache memory."),
    ({ stats }) => stats.memory.cacheBytes,
  ],
  [
    counter("container_oom_events_total", "Count of out of memory events since the agent began."),
    ({ oomEvents }) => oomEvents,
  ],
  [
    gauge("container_processes", "Number of processes running inside the container."),
    ({ stats }) => stats.pids,
  ],
  [
    gauge(
      "container_start_time_seconds",
      "Start time of the container since unix epoch in seconds.",
    ),
    ({ startedAtMs }) => startedAtMs / 1000,
  ],
  [
    gauge("container_last_seen", "Last time a container was seen by the exporter."),
    ({ stats }) => Math.floor(stats.atMs / 1000),
  ],
  [
    gauge("container_spec_memory_limit_bytes", "Memory limit for the container, 0 for none."),
    ({ limits }) => limits.memoryBytes,
  ],
  [
    gauge(
      "container_spec_memory_reservation_limit_bytes",
      "Memory reservation limit for the container, 0 for none.",
    ),
    ({ limits }) => limits.memoryReservationBytes,
  ],
  [
    gauge("container_spec_cpu_shares", "CPU share of the container."),
    ({ limits }) => (limits.cpuShares === 0 ? defaultShares : limits.cpuShares),
  ],
  [
    gauge("container_spec_cpu_quota", "CPU quota of the container, in microseconds."),
    ({ limits }) => (limits.cpuQuotaMicros > 0 ? limits.cpuQuotaMicros : undefined),
  ],
  [
    gauge("container_spec_cpu_period", "CPU period of the container, in microseconds."),
    ({ limits }) => (limits.cpuQuotaMicros > 0 ? limits.cpuPeriodMicros : undefined),
  ],
];

const perInterface: readonly (readonly [Kind, (one: InterfaceStats) => number])[] = [
  [
    counter("container_network_receive_bytes_total", "Cumulative count of bytes received."),
    ({ receivedBytes }) => receivedBytes,
  ],
  [
    counter("container_network_receive_packets_total", "Cumulative count of packets received."),
    ({ receivedPackets }) => receivedPackets,
  ],
  [
    counter(
      "container_network_receive_packets_dropped_total",
      "Cumulative count of packets dropped while receiving.",
    ),
    ({ receivedDropped }) => receivedDropped,
  ],
  [
    counter(
      "container_network_receive_errors_total",
      "Cumulative count of errors encountered while receiving.",
    ),
    ({ receivedErrors }) => receivedErrors,
  ],
  [
    counter("container_network_transmit_bytes_total", "Cumulative count of bytes transmitted."),
    ({ sentBytes }) => sentBytes,
  ],
  [
    counter("container_network_transmit_packets_total", "Cumulative count of packets transmitted."),
    ({ sentPackets }) => sentPackets,
  ],
  [
    counter(
      "container_network_transmit_packets_dropped_total",
      "Cumulative count of packets dropped while transmitting.",
    ),
    ({ sentDropped }) => sentDropped,
  ],
  [
    counter(
      "container_network_transmit_errors_total",
      "Cumulative count of errors encountered while transmitting.",
    ),
    ({ sentErrors }) => sentErrors,
  ],
];

type Device = MeasuredContainer["stats"]["blockDevices"][number];

const perDevice: readonly (readonly [Kind, (one: Device) => number])[] = [
  [
    counter("container_fs_reads_bytes_total", "Cumulative count of bytes read."),
    ({ readBytes }) => readBytes,
  ],
  [
    counter("container_fs_writes_bytes_total", "Cumulative count of bytes written."),
    ({ writtenBytes }) => writtenBytes,
  ],
  [
    counter("container_fs_reads_total", "Cumulative count of reads completed."),
    ({ reads }) => reads,
  ],
  [
    counter("container_fs_writes_total", "Cumulative count of writes completed."),
    ({ writes }) => writes,
  ],
];

/** Memory faults come in two kinds. */
const failures: Kind = counter(
  "container_memory_failures_total",
  "Cumulative count of memory allocation failures.",
);

function failureSeries(containers: readonly MeasuredContainer[]): readonly Series[] {
  return containers.flatMap((one) => {
    const { pageFaults, majorPageFaults } = one.stats.memory;
    const labels = { ...labelsOf(one), scope: "container" };
    const { atMs } = one.stats;
    return [
      { labels: { ...labels, failure_type: "pgfault" }, value: pageFaults, atMs },
      { labels: { ...labels, failure_type: "pgmajfault" }, value: majorPageFaults, atMs },
    ];
  });
}

function containerFamilies(containers: readonly MeasuredContainer[]): readonly MetricFamily[] {
  const own = perContainer.map(([kind, read]): MetricFamily => {
    const series = containers.flatMap((one): readonly Series[] => {
      const value = read(one);
      return value === undefined ? [] : [{ labels: labelsOf(one), value, atMs: one.stats.atMs }];
    });
    return { ...kind, series };
  });
  const networks = perInterface.map(([kind, read]): MetricFamily => {
    const series = containers
      .filter(({ ownNetwork }) => ownNetwork)
      .flatMap((one) =>
        one.stats.interfaces.map((card): Series => {
          const { atMs } = one.stats;
          return { labels: networkLabels(one, card), value: read(card), atMs };
        }),
      );
    return { ...kind, series };
  });
  const devices = perDevice.map(([kind, read]): MetricFamily => {
    const series = containers.flatMap((one) =>
      one.stats.blockDevices.map((device): Series => {
        const labels = { ...labelsOf(one), device: device.device };
        return { labels, value: read(device), atMs: one.stats.atMs };
      }),
    );
    return { ...kind, series };
  });
  return [...own, { ...failures, series: failureSeries(containers) }, ...networks, ...devices];
}

/** cAdvisor calls the whole machine the container `/`. */
const root: SeriesLabels = { id: "/" };

function rootValues({ cpuNanos, memory }: HostReading): ReadonlyMap<string, number> {
  return new Map([
    ["container_cpu_usage_seconds_total", cpuNanos * nano],
    ["container_memory_usage_bytes", memory.usageBytes],
    ["container_memory_working_set_bytes", memory.workingSetBytes],
    ["container_memory_rss", memory.rssBytes],
    ["container_spec_memory_limit_bytes", memory.totalBytes],
  ]);
}

/** Puts the machine before its containers. */
function withRoot(family: MetricFamily, host: HostReading): MetricFamily {
  const { atMs } = host;
  const network = perInterface.find(([{ name }]) => name === family.name);
  if (network !== undefined) {
    const [, read] = network;
    const own = host.interfaces.map((card): Series => {
      return { labels: { ...root, interface: card.name }, value: read(card), atMs };
    });
    return { ...family, series: [...own, ...family.series] };
  }
  const value = rootValues(host).get(family.name);
  if (value === undefined) return family;
  return { ...family, series: [{ labels: root, value, atMs }, ...family.series] };
}

/**
 * What cAdvisor of a kubelet exposes, by its names and labels
 * (https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md). Of metrics that an
 * engine does not tell there are none, rather than zeros.
 */
export function cadvisorFamilies(sample: Sample, facts: MachineFacts): readonly MetricFamily[] {
  const { host, silent } = sample;
  const labels = { machine_id: facts.engineId };
  const containers = containerFamilies(sample.containers);
  return [
    ...(host === undefined ? containers : containers.map((family) => withRoot(family, host))),
    {
      ...gauge(
        "container_scrape_error",
        "1 if there was an error while getting container metrics.",
      ),
      series: [{ labels: {}, value: silent.length > 0 ? 1 : 0 }],
    },
    {
      ...gauge("machine_cpu_cores", "Number of logical CPU cores."),
      series: [{ labels, value: facts.cpus }],
    },
    {
      ...gauge("machine_memory_bytes", "Amount of memory installed on the machine."),
      series: [{ labels, value: facts.memoryBytes }],
    },
  ];
}
