import type { NodeTaint } from "./plan.ts";

/** A toleration as it stands in a pod; absent fields match everything. */
export type Toleration = {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  /** For how long `NoExecute` is tolerated; absent: for ever. Zero and less: not at all. */
  readonly tolerationSeconds?: number;
};

/** A pod on the Node, reduced to what decides whether it may stay. */
export type PodSeen = { readonly uid: string; readonly tolerations: readonly Toleration[] };

/** Everything the decision rests on. Times in milliseconds since the epoch. */
export type EvictionSeen = {
  readonly taints: readonly NodeTaint[];
  /** When each `NoExecute` taint was put on the Node, in the order of `taints`. */
  readonly sinceMs: readonly number[];
  /** The Node says that it is well: taints of its loss are about to go. */
  readonly ready: boolean;
  /** Some Node of the fleet is well. Where none is, there is nowhere to go to. */
  readonly fleetAnswers: boolean;
  readonly pods: readonly PodSeen[];
};

/** Who must go now, and when the next one must. Milliseconds since the epoch. */
export type EvictionPlan = { readonly evict: readonly string[]; readonly nextAtMs?: number };

const lost: ReadonlySet<string> = new Set([
  "node.kubernetes.io/not-ready",
  "node.kubernetes.io/unreachable",
]);

/** Whether the taint only says that the Node is away. */
export const isLoss = ({ key }: NodeTaint): boolean => lost.has(key);

function tolerates(toleration: Toleration, taint: NodeTaint): boolean {
  const { key = "", operator = "Equal", value = "", effect = "" } = toleration;
  if (effect !== "" && effect !== taint.effect) return false;
  if (key === "") return operator === "Exists";
  if (key !== taint.key) return false;
  return operator === "Exists" || value === (taint.value ?? "");
}

/** Until when the pod may stay in spite of one taint; Infinity for as long as it likes. */
function untilMs({ tolerations }: PodSeen, taint: NodeTaint, sinceMs: number): number {
  const used = tolerations.filter((toleration) => tolerates(toleration, taint));
  if (used.length === 0) return sinceMs;
  const seconds = used.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
  return sinceMs + Math.min(...seconds.map((one) => Math.max(0, one) * 1_000), Infinity);
}

/**
 * Which pods must leave a tainted Node, as Kubernetes' taint manager decides it: who does not
 * tolerate a `NoExecute` taint goes now, who tolerates it for a time goes when that is over. A Node
 * that says it is well is not lost, whatever taint it still has; and where no Node answers, it is
 * more likely we who are cut off.
 */
export function planEvictions(seen: EvictionSeen, nowMs: number): EvictionPlan {
  const { taints, sinceMs, ready, fleetAnswers, pods } = seen;
  const binding = taints.flatMap((taint, index) => {
    const isMoot = isLoss(taint) && (ready || !fleetAnswers);
    const isFor = taint.effect === "NoExecute" && !isMoot;
    return isFor ? [{ taint, since: sinceMs[index] ?? nowMs }] : [];
  });
  const due = pods.map((pod) => ({
    uid: pod.uid,
    atMs: Math.min(...binding.map(({ taint, since }) => untilMs(pod, taint, since)), Infinity),
  }));
  const nextAtMs = Math.min(...due.flatMap(({ atMs }) => (atMs > nowMs ? atMs : [])), Infinity);
  return {
    evict: due.flatMap(({ uid, atMs }) => (atMs <= nowMs ? uid : [])),
    ...(Number.isFinite(nextAtMs) ? { nextAtMs } : {}),
  };
}
