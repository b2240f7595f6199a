import type { PodSeen, Seen, Slot } from "./seen.ts";

/** One slot, seen from the Revision that it shall run. Pods that were deleted count as leaving. */
export type View = {
  readonly slot: Slot;
  /** The pod of the wanted Revision. */
  readonly goal?: PodSeen;
  /** A deleted pod still holds the name of the goal. */
  readonly blocked: boolean;
  /** Pods of other Revisions. */
  readonly others: readonly PodSeen[];
  /** Those of `others` that are asked to run. */
  readonly rivals: readonly PodSeen[];
  readonly leaving: readonly PodSeen[];
  /** Its Node does not answer: nothing is expected of it until it is back. */
  readonly offline: boolean;
  /** Some pod of it serves, and we have not asked it to stop. */
  readonly available: boolean;
};

function isNewer(one: PodSeen, other: PodSeen): boolean {
  if (one.createdAtMs !== other.createdAtMs) return one.createdAtMs > other.createdAtMs;
  return one.name > other.name;
}

/** Whether its agent is already told to give its place to another pod, as agents read the orders. */
function isHandedOver(pod: PodSeen, siblings: readonly PodSeen[]): boolean {
  return siblings.some((other) => {
    if (other.desired !== "Running" || other.replaces !== pod.name) return false;
    return pod.replaces !== other.name || isNewer(other, pod);
  });
}

function isServing(pod: PodSeen, siblings: readonly PodSeen[]): boolean {
  if (!pod.ready || pod.desired !== "Running" || pod.offline) return false;
  return !isHandedOver(pod, siblings);
}

function isOffline(seen: Seen, slot: Slot, anchor: PodSeen | undefined): boolean {
  if (slot.node !== undefined && seen.offlineNodes.has(slot.node)) return true;
  return anchor?.offline === true && !anchor.misplaced;
}

function viewOf(seen: Seen, slot: Slot, pods: readonly PodSeen[], wanted: string): View {
  const living = pods.filter((pod) => !pod.terminating);
  const leaving = pods.filter((pod) => pod.terminating);
  const goal = living.find((pod) => pod.revision === wanted);
  const others = living.filter((pod) => pod.revision !== wanted);
  const rivals = others.filter((pod) => pod.desired === "Running");
  return {
    slot,
    ...(goal === undefined ? {} : { goal }),
    blocked: leaving.some((pod) => pod.revision === wanted),
    others,
    rivals,
    leaving,
    offline: isOffline(seen, slot, rivals[0] ?? goal ?? others[0]),
    available: living.some((pod) => isServing(pod, living)),
  };
}

/** All slots as seen from the Revision named `wanted`, in the order of `seen.slots`. */
export function viewsOf(seen: Seen, wanted: string): readonly View[] {
  const bySlot = Map.groupBy(seen.pods, (pod) => pod.slot);
  return seen.slots.map((slot) => viewOf(seen, slot, bySlot.get(slot.id) ?? [], wanted));
}

/** Pods that were not deleted although their slot is no longer asked for. */
export function surplusOf(seen: Seen): readonly PodSeen[] {
  const wanted = new Set(seen.slots.map(({ id }) => id));
  return seen.pods.filter((pod) => !pod.terminating && !wanted.has(pod.slot));
}

/** When the pod will have been ready for `forMs`; `undefined` while it is not ready. */
export function goodAtMs(pod: PodSeen, forMs: number): number | undefined {
  if (pod.desired !== "Running" || !pod.ready || pod.offline) return undefined;
  return (pod.readyChangedAtMs ?? 0) + forMs;
}

/** Whether the pod has been ready for `forMs`, in milliseconds. */
export function isGood(pod: PodSeen, forMs: number, nowMs: number): boolean {
  const atMs = goodAtMs(pod, forMs);
  return atMs !== undefined && atMs <= nowMs;
}

/** Whether the goal was told to run, or to be there if nothing shall run. */
export function isTaken(view: View, running: boolean): boolean {
  if (view.goal === undefined) return false;
  return running ? view.goal.desired === "Running" : view.goal.prepared;
}

/** What counts as the goal having arrived. */
export type Arrival = {
  /** `spec.runState` is Running. */
  readonly running: boolean;
  /** How long it must be ready, in milliseconds. */
  readonly goodMs: number;
  readonly nowMs: number;
};

/** Whether the slot runs the wanted Revision and nothing else is asked to run in it. */
export function isDone({ goal, rivals }: View, { running, goodMs, nowMs }: Arrival): boolean {
  if (goal === undefined || rivals.length > 0) return false;
  if (!running) return goal.prepared && goal.desired !== "Running" && !goal.up;
  return isGood(goal, goodMs, nowMs);
}

/** Whether a container of another Revision still runs on a host that answers. */
export function hasResidue({ others, leaving, goal }: View): boolean {
  return [...others, ...leaving].some((pod) => pod !== goal && pod.up && !pod.offline);
}
