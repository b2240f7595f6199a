import { formatTime } from "../../api/machinery/time.ts";
import type { InterfaceStats } from "../engine/stats.ts";
import { containerRate, hostRate, type MeasuredContainer } from "./sample.ts";
import type { Measured } from "./sampler.ts";

type Json = Readonly<Record<string, unknown>>;

const time = (ms: number): string => formatTime(ms);

function networkOf(atMs: number, interfaces: readonly InterfaceStats[]): Json {
  const list = interfaces.map((one) => ({
    name: one.name,
    rxBytes: one.receivedBytes,
    rxErrors: one.receivedErrors,
    txBytes: one.sentBytes,
    txErrors: one.sentErrors,
  }));
  return { time: time(atMs), ...list[0], interfaces: list };
}

type Cpu = { readonly atMs: number; readonly nanos: number; readonly nanoCores?: number };

function cpuOf({ atMs, nanos, nanoCores }: Cpu): Json {
  const rate = nanoCores === undefined ? {} : { usageNanoCores: nanoCores };
  return { time: time(atMs), ...rate, usageCoreNanoSeconds: nanos };
}

function containerOf(container: MeasuredContainer, { mark }: Measured, name: string): Json {
  const { startedAtMs, limits, stats } = container;
  const { memory, atMs } = stats;
  const rate = containerRate(container, mark);
  const free = limits.memoryBytes - memory.workingSetBytes;
  return {
    name,
    startTime: time(startedAtMs),
    cpu: cpuOf({
      atMs,
      nanos: stats.cpuNanos,
      ...(rate === undefined ? {} : { nanoCores: rate.nanoCores }),
    }),
    memory: {
      time: time(atMs),
      ...(limits.memoryBytes > 0 ? { availableBytes: Math.max(0, free) } : {}),
      usageBytes: memory.usageBytes,
      workingSetBytes: memory.workingSetBytes,
      rssBytes: memory.rssBytes,
      pageFaults: memory.pageFaults,
      majorPageFaults: memory.majorPageFaults,
    },
  };
}

function podOf(containers: readonly MeasuredContainer[], measured: Measured): readonly Json[] {
  const [first] = containers;
  if (first?.part === undefined) return [];
  const { namespace, pod, uid } = first.part;
  const owner = containers.find(({ ownNetwork }) => ownNetwork);
  const network =
    owner === undefined || owner.stats.interfaces.length === 0
      ? {}
      : { network: networkOf(owner.stats.atMs, owner.stats.interfaces) };
  const rates = containers.map((one) => containerRate(one, measured.mark));
  const atMs = Math.max(...containers.map(({ stats }) => stats.atMs));
  const sum = (read: (one: MeasuredContainer) => number): number =>
    containers.reduce((total, one) => total + read(one), 0);
  const known = rates.every((rate) => rate !== undefined);
  const nanoCores = rates.reduce((total, rate) => total + (rate?.nanoCores ?? 0), 0);
  return [
    {
      podRef: { name: pod, namespace, uid },
      startTime: time(Math.min(...containers.map(({ startedAtMs }) => startedAtMs))),
      containers: containers.map((one) => containerOf(one, measured, one.part?.container ?? "")),
      cpu: cpuOf({
        atMs,
        nanos: sum(({ stats }) => stats.cpuNanos),
        ...(known ? { nanoCores } : {}),
      }),
      memory: {
        time: time(atMs),
        usageBytes: sum(({ stats }) => stats.memory.usageBytes),
        workingSetBytes: sum(({ stats }) => stats.memory.workingSetBytes),
        rssBytes: sum(({ stats }) => stats.memory.rssBytes),
        pageFaults: sum(({ stats }) => stats.memory.pageFaults),
        majorPageFaults: sum(({ stats }) => stats.memory.majorPageFaults),
      },
      ...network,
      process_stats: { process_count: sum(({ stats }) => stats.pids) },
    },
  ];
}

function nodeOf(nodeName: string, measured: Measured): Json {
  const { host } = measured.sample;
  if (host === undefined) return { nodeName };
  const rate = hostRate(measured.sample, measured.mark);
  const { atMs, memory } = host;
  return {
    nodeName,
    startTime: time(host.bootedAtMs),
    cpu: cpuOf({
      atMs,
      nanos: host.cpuNanos,
      ...(rate === undefined ? {} : { nanoCores: rate.nanoCores }),
    }),
    memory: {
      time: time(atMs),
      availableBytes: memory.totalBytes - memory.workingSetBytes,
      usageBytes: memory.usageBytes,
      workingSetBytes: memory.workingSetBytes,
      rssBytes: memory.rssBytes,
    },
    network: networkOf(atMs, host.interfaces),
  };
}

/**
 * The kubelet's Summary (k8s.io/kubelet/pkg/apis/stats/v1alpha1) with what an engine tells; of the
 * machine there is only what the agent on it can read. Foreign containers are no Pods. Pure.
 */
export function toSummary(nodeName: string, measured: Measured): Json {
  const byPod = new Map<string, MeasuredContainer[]>();
  for (const container of measured.sample.containers) {
    if (container.part === undefined) continue;
    const { uid } = container.part;
    byPod.set(uid, [...(byPod.get(uid) ?? []), container]);
  }
  return {
    node: nodeOf(nodeName, measured),
    pods: [...byPod.values()].flatMap((containers) => podOf(containers, measured)),
  };
}
