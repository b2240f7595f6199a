import type { NodeUsage, PodUsage, Usage } from "../../api/tunnel/node-usage.ts";
import {
  containerRate,
  hostRate,
  type Mark,
  type MeasuredContainer,
  type Sample,
} from "./sample.ts";
import type { Measured } from "./sampler.ts";

function usageOf(container: MeasuredContainer, mark: Mark): Usage | undefined {
  const rate = containerRate(container, mark);
  if (rate === undefined) return undefined;
  const { nanoCores, atMs, windowMs } = rate;
  const memoryBytes = container.stats.memory.workingSetBytes;
  return { cpuNanoCores: nanoCores, memoryBytes, atMs, windowMs };
}

/** All containers together, foreign ones too; the window is the longest of them. */
function sumOf(usages: readonly Usage[]): Usage | undefined {
  if (usages.length === 0) return undefined;
  return usages.reduce((sum, one) => ({
    cpuNanoCores: sum.cpuNanoCores + one.cpuNanoCores,
    memoryBytes: sum.memoryBytes + one.memoryBytes,
    atMs: Math.max(sum.atMs, one.atMs),
    windowMs: Math.max(sum.windowMs, one.windowMs),
  }));
}

function nodeUsage(
  sample: Sample,
  mark: Mark,
  all: readonly Usage[],
): NonNullable<NodeUsage["node"]> | undefined {
  const rate = hostRate(sample, mark);
  if (rate !== undefined && sample.host !== undefined) {
    const { nanoCores, atMs, windowMs } = rate;
    const memoryBytes = sample.host.memory.workingSetBytes;
    return { cpuNanoCores: nanoCores, memoryBytes, atMs, windowMs, of: "machine" };
  }
  const nothing = { cpuNanoCores: 0, memoryBytes: 0, atMs: sample.atMs };
  const idle = { ...nothing, windowMs: Math.max(1, sample.atMs - mark.atMs) };
  if (sample.containers.length === 0 && sample.silent.length === 0)
    return { ...idle, of: "containers" };
  const sum = sumOf(all);
  return sum === undefined ? undefined : { ...sum, of: "containers" };
}

/** What the containers of Pods use, and the machine; see {@link NodeUsage}. Pure. */
export function toUsage({ sample, mark }: Measured): NodeUsage {
  const pods = new Map<string, Record<string, Usage>>();
  const all: Usage[] = [];
  for (const container of sample.containers) {
    const usage = usageOf(container, mark);
    if (usage === undefined) continue;
    all.push(usage);
    if (container.part === undefined) continue;
    const { uid, container: name } = container.part;
    pods.set(uid, { ...pods.get(uid), [name]: usage });
  }
  const node = nodeUsage(sample, mark, all);
  const list = [...pods].map(([uid, containers]): PodUsage => ({ uid, containers }));
  return { ...(node === undefined ? {} : { node }), pods: list };
}
