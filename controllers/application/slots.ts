import { defined } from "./defined.ts";
import type { PodSeen, Seen, Slot } from "./seen.ts";

/** One slot, seen from the Revision that it shall run. Pods that were deleted count as leaving. */
export type View = {
  readonly slot: Slot;
  /** The pod of the wanted Revision. */
  readonly goal?: PodSeen;
  /** A deleted pod still holds the name of the goal, and its host is about to let go of it. */
  readonly blocked: boolean;
  /** Pods of the wanted Revision that cannot be its goal any more; see `podName()`. */
  readonly spent: readonly PodSeen[];
  /** Pods of other Revisions, and those of this one that are on their way out. */
  readonly others: readonly PodSeen[];
  /** Those of `others` that are asked to run. */
  readonly rivals: readonly PodSeen[];
  readonly leaving: readonly PodSeen[];
  /** The Node where its last pod was, when it has none. */
  readonly home?: string;
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

/** Whether it is to move: a pod that only its own Node may have has nowhere to go to. */
export function isMoving(pod: PodSeen, slot: Slot): boolean {
  return pod.evicting === true && slot.node === undefined;
}

/** Which of several pods of one Revision is worth most to its slot: that one comes first. */
export const byWorth = (one: PodSeen, other: PodSeen): number =>
  Number(other.desired === "Running") - Number(one.desired === "Running") ||
  Number(other.ready) - Number(one.ready) ||
  one.createdAtMs - other.createdAtMs;

/** Of twins, which a race may leave behind, the one that serves; the others are given up. */
function goalOf(candidates: readonly PodSeen[], slot: Slot): PodSeen | undefined {
  return candidates.filter((pod) => !isMoving(pod, slot)).toSorted(byWorth)[0];
}

function viewOf(seen: Seen, slot: Slot, pods: readonly PodSeen[], wanted: string): View {
  const living = pods.filter((pod) => !pod.terminating);
  const leaving = pods.filter((pod) => pod.terminating);
  const own = pods.filter((pod) => pod.revision === wanted);
  const { homes } = seen.memory;
  const goal = goalOf(
    own.filter((pod) => !pod.terminating),
    slot,
  );
  const others = living.filter((pod) => pod !== goal);
  const rivals = others.filter((pod) => pod.desired === "Running");
  // A slot that is on its way from one host to another is as reachable as the better of the two.
  const reachable = living.find((pod) => pod.desired === "Running" && !pod.offline);
  return {
    slot,
    ...(goal === undefined ? {} : { goal }),
    // A host that is away lets go of nothing: its pod must not keep the slot from another one.
    blocked: leaving.some((pod) => pod.revision === wanted && !pod.offline),
    spent: own.filter((pod) => pod !== goal),
    ...defined({ home: living.length > 0 ? undefined : homes?.[slot.id] }),
    others,
    rivals,
    leaving,
    offline: isOffline(seen, slot, reachable ?? rivals[0] ?? goal ?? others[0]),
    available: living.some((pod) => isServing(pod, living)),
  };
}

function look(seen: Seen, wanted: string): readonly View[] {
  const bySlot = Map.groupBy(seen.pods, (pod) => pod.slot);
  return seen.slots.map((slot) => viewOf(seen, slot, bySlot.get(slot.id) ?? [], wanted));
}

/** One pass asks for the same views several times, and there may be thousands of slots. */
const known = new WeakMap<Seen, Map<string, readonly View[]>>();

/** All slots as seen from the Revision named `wanted`, in the order of `seen.slots`. */
export function viewsOf(seen: Seen, wanted: string): readonly View[] {
  const ofSeen = known.get(seen) ?? new Map<string, readonly View[]>();
  const views = ofSeen.get(wanted) ?? look(seen, wanted);
  known.set(seen, ofSeen.set(wanted, views));
  return views;
}

/** Pods that were not deleted although their slot is no longer asked for. */
export function surplusOf(seen: Seen): readonly PodSeen[] {
  const wanted = new Set(seen.slots.map(({ id }) => id));
  return seen.pods.filter((pod) => !pod.terminating && !wanted.has(pod.slot));
}

/** Whether the goal was told to run, or to be there if nothing shall run. */
export function isTaken(view: View, running: boolean): boolean {
  if (view.goal === undefined) return false;
  return running ? view.goal.desired === "Running" : view.goal.prepared;
}

/** Whether the goal serves, or is there if nothing shall run; not for how long. */
export function isReady({ goal }: View, running: boolean): boolean {
  if (goal === undefined || goal.offline) return false;
  return running ? goal.desired === "Running" && goal.ready : goal.prepared && !goal.up;
}

/** What counts as the goal having arrived. */
export type Arrival = {
  /** `spec.runState` is Running. */
  readonly running: boolean;
  /** Whether being ready is enough: it was for long enough, or it need not be. */
  readonly proven: boolean;
};

/** Whether the slot runs the wanted Revision and nothing else is asked to run in it. */
export function isDone(view: View, { running, proven }: Arrival): boolean {
  const { goal, rivals } = view;
  if (goal === undefined || rivals.length > 0) return false;
  if (!running) return goal.prepared && goal.desired !== "Running" && !goal.up;
  return proven && isReady(view, running);
}

/** Whether a container of another Revision still runs on a host that answers. */
export function hasResidue({ others, leaving, goal }: View): boolean {
  return [...others, ...leaving].some((pod) => pod !== goal && pod.up && !pod.offline);
}
