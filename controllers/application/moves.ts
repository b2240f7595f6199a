import type { DesiredState } from "../../crds/labels.ts";
import type { ImageDigest, RolloutOrder } from "../../crds/types.gen.ts";
import { defined } from "./defined.ts";
import { podName } from "./names.ts";
import type { PodSeen } from "./seen.ts";
import { isReady, isTaken, type View } from "./slots.ts";
import type { Order, Step } from "./step.ts";

/** Where the slots shall go, and how. One set of rules serves rollout, rollback and repair. */
export type Course = {
  /** Name of the wanted Revision, and the digests its pods run. */
  readonly revision: string;
  readonly images: readonly ImageDigest[];
  /** `spec.runState` is Running. */
  readonly running: boolean;
  readonly order: RolloutOrder;
  /** Slots that may be unavailable by our hand (StopFirst), or doubled (StartFirst). */
  readonly batch: number;
  /** The goal must be prepared before a serving pod of its slot is touched. */
  readonly prepare: boolean;
  /** Slots that may be on the wanted Revision after this pass; those with nothing to lose are free. */
  readonly allowed: number;
  /** A goal that is ready is good, so that its rival may stop (StartFirst). */
  readonly proven: boolean;
  /** The rival of a forgiven slot stops although its goal is not good. */
  readonly insists?: boolean;
  /** Slots whose unavailability is tolerated and takes nothing from the budget. */
  readonly forgiven: ReadonlySet<string>;
  /** Slots that count for the budget and are moved by somebody else. */
  readonly held: ReadonlySet<string>;
};

/** What is left to spend while slots are moved one after the other. */
type Budget = { taken: number; unavailable: number; doubled: number };

const order = (pod: PodSeen, to: DesiredState, replaces?: string): Order => ({
  pod: pod.name,
  uid: pod.uid,
  from: pod.desired,
  to,
  ...(replaces === undefined ? {} : { replaces }),
});

const orders = (view: View, list: readonly Order[]): readonly Step[] =>
  list.length === 0 ? [] : [{ kind: "order", slot: view.slot.id, orders: list }];

/** The Node that the slot keeps across Revisions. */
function homeOf({ slot, rivals, others }: View): string | undefined {
  if (slot.node !== undefined) return slot.node;
  const resident = rivals[0] ?? others.find((pod) => pod.up) ?? others[0];
  if (resident === undefined || !resident.fits || resident.evicting === true) return undefined;
  return resident.node;
}

/** The pod whose place the goal takes on its Node, so that the agent swaps them in one local step. */
function predecessorOf(view: View, node: string | undefined, course: Course): string | undefined {
  if (course.order === "StartFirst" || node === undefined) return undefined;
  const local = view.others.filter((pod) => pod.node === node);
  const resident = local.find((pod) => pod.desired === "Running") ?? local.find((pod) => pod.up);
  return resident?.name;
}

function create(view: View, course: Course, desired: DesiredState): Step {
  // Two pods side by side need room for two: the scheduler keeps a slot at home if there is any.
  const isFree = course.order === "StartFirst" && view.slot.node === undefined;
  const node = isFree ? undefined : homeOf(view);
  const replaces = predecessorOf(view, node, course);
  return {
    kind: "createPod",
    name: podName(
      course.revision,
      view.slot.id,
      view.spent.map(({ uid }) => uid),
    ),
    slot: view.slot.id,
    revision: course.revision,
    desired,
    ...(replaces === undefined ? {} : { replaces }),
    ...(node === undefined ? defined({ home: view.home }) : { node }),
    slotIsNode: view.slot.node !== undefined,
    images: course.images,
  };
}

/** Whether a pod that we cannot hand over from still runs where only one may. */
function isCrowded(view: View, node: string | undefined, course: Course): boolean {
  if (course.order === "StartFirst") return false;
  const isAway = (pod: PodSeen): boolean => pod.node !== node;
  const stopping = view.others.filter((pod) => pod.desired !== "Running" && isAway(pod));
  return [...stopping, ...view.leaving].some((pod) => pod.up && !pod.offline);
}

/** Whether one more slot may be switched now; if so, it is paid for. */
function admits(view: View, course: Course, budget: Budget): boolean {
  if (budget.taken >= course.allowed) return false;
  const startFirst = course.order === "StartFirst";
  if (view.available && (startFirst ? budget.doubled : budget.unavailable) >= course.batch) {
    return false;
  }
  budget.taken += 1;
  if (view.available && startFirst) budget.doubled += 1;
  if (view.available && !startFirst) budget.unavailable += 1;
  return true;
}

/** The wanted pod is not there. */
function fill(view: View, course: Course, budget: Budget): readonly Step[] {
  if (view.blocked) return [];
  if (view.rivals.length === 0) {
    return [create(view, course, isCrowded(view, homeOf(view), course) ? "Prepared" : "Running")];
  }
  if (course.prepare) return [create(view, course, "Prepared")];
  return admits(view, course, budget) ? [create(view, course, "Running")] : [];
}

/**
 * Whether what runs must leave its Node and no other has room. It leaves all the same, as far as
 * the batch allows; where slots must not go down at all, it stays.
 */
function isHomeless({ rivals }: View, goal: PodSeen, course: Course): boolean {
  if (course.order === "StartFirst" || goal.node !== undefined) return false;
  const isUnschedulable = goal.trouble?.reason === "Unschedulable";
  return isUnschedulable && rivals.every((pod) => pod.evicting === true);
}

/** The wanted pod is there and waits for its turn. */
function flip(view: View, goal: PodSeen, course: Course, budget: Budget): readonly Step[] {
  if (view.rivals.length === 0) {
    if (isCrowded(view, goal.node, course)) return [];
    return orders(view, [order(goal, "Running", predecessorOf(view, goal.node, course))]);
  }
  if (!(goal.prepared || isHomeless(view, goal, course))) return [];
  if (!admits(view, course, budget)) return [];
  const stops = (pods: readonly PodSeen[]): readonly Order[] =>
    pods.map((pod) => order(pod, "Stopped"));
  if (course.order === "StartFirst") {
    const idle = view.rivals.filter((pod) => !pod.ready);
    return orders(view, [order(goal, "Running"), ...stops(idle)]);
  }
  // Hosts cannot hand over to each other: the old one stops first, the new one starts once it has.
  const away = view.rivals.filter((pod) => pod.node !== goal.node && !pod.offline);
  if (away.length > 0) return orders(view, stops(away));
  const replaces = predecessorOf(view, goal.node, course);
  return orders(view, [order(goal, "Running", replaces), ...stops(view.rivals)]);
}

/** The wanted pod runs; what else is asked to run in the slot has had its time. */
function settle(view: View, goal: PodSeen, course: Course, budget: Budget): readonly Step[] {
  const stopFirst = course.order === "StopFirst";
  if (stopFirst && view.rivals.length > 0 && view.available && !goal.ready) {
    // On another host, where it serves as long as nobody stops it.
    if (budget.unavailable >= course.batch) return [];
    budget.unavailable += 1;
  }
  const isGood = course.proven && isReady(view, course.running);
  const isGivenUp = course.insists === true && course.forgiven.has(view.slot.id);
  const handsOver = stopFirst || isGood || isGivenUp;
  const ending = handsOver ? view.rivals : view.rivals.filter((pod) => !pod.ready);
  return orders(
    view,
    ending.map((pod) => order(pod, "Stopped")),
  );
}

/** `spec.runState` is Stopped: containers exist and none runs. */
function halt(view: View, course: Course): readonly Step[] {
  const { goal, rivals, blocked } = view;
  const running = goal?.desired === "Running" ? [goal, ...rivals] : rivals;
  const stops = orders(
    view,
    running.map((pod) => order(pod, "Stopped")),
  );
  return goal === undefined && !blocked ? [...stops, create(view, course, "Prepared")] : stops;
}

function move(view: View, course: Course, budget: Budget): readonly Step[] {
  if (!course.running) return halt(view, course);
  const { goal } = view;
  if (goal === undefined) return fill(view, course, budget);
  if (goal.finished) return [];
  const isOn = goal.desired === "Running";
  return isOn ? settle(view, goal, course, budget) : flip(view, goal, course, budget);
}

/** The steps that make the wanted pod of every slot on a reachable Node, and start none of them. */
export function planPrepare(views: readonly View[], course: Course): readonly Step[] {
  return views
    .filter((view) => !view.offline && !view.blocked && view.goal === undefined)
    .map((view) => create(view, course, "Prepared"));
}

/**
 * The next steps that bring the slots to the wanted Revision. Guarantees (plan.test.ts): serving
 * slots never fall below `slots - batch` by these steps; a slot with StopFirst never has two pods
 * that run; slots on Nodes that do not answer are left alone. `removed` slots lose a serving pod
 * in the same turn by other steps.
 */
export function planMoves(views: readonly View[], course: Course, removed = 0): readonly Step[] {
  const reachable = views.filter((view) => !view.offline);
  const down = reachable.filter((view) => !view.available && !course.forgiven.has(view.slot.id));
  // One that failed and is tolerated stays doubled until all others are good.
  const isDoubled = ({ slot, goal, rivals }: View): boolean =>
    goal?.desired === "Running" && rivals.length > 0 && !course.forgiven.has(slot.id);
  const budget: Budget = {
    taken: reachable.filter((view) => isTaken(view, course.running)).length,
    unavailable: down.length + removed,
    doubled: reachable.filter(isDoubled).length,
  };
  // What does not serve has nothing to lose, so it goes first.
  const sorted = [
    ...reachable.filter((view) => !view.available),
    ...reachable.filter((view) => view.available),
  ];
  return sorted
    .filter(({ slot }) => !course.held.has(slot.id))
    .flatMap((view) => move(view, course, budget));
}
