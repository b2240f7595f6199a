import type { Pod, PodStatus } from "../../api/machinery/resources.ts";
import { podCondition, podReason } from "../../crds/conditions.ts";
import { annotation, label } from "../../crds/labels.ts";
import { harmless, lastLines } from "./plain-text.ts";

type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number];

/** How far a slot is towards the Revision that it shall run. */
export type SlotPhase =
  /** Its turn has not come. */
  | "ahead"
  /** Its image is being fetched or its container made. */
  | "preparing"
  /** Everything is there; it waits for its batch. */
  | "prepared"
  /** It was told to run and is not ready. */
  | "starting"
  /** Ready, and not yet for minReadySeconds. */
  | "proving"
  | "good"
  | "failed"
  /** Its host does not answer. */
  | "offline";

/** What is known of a container that ended. */
export type Failure = {
  /** One line, e.g. `container web ended with exit code 1, restarted 2 times`. */
  readonly summary: string;
  /** The last lines of its log, oldest first, safe to print. */
  readonly words: readonly string[];
};

/** One slot as people see it. */
export type SlotView = {
  /** An ordinal or the name of a Node. */
  readonly slot: string;
  /** The Node it is on; absent until it has one. */
  readonly node?: string;
  readonly phase: SlotPhase;
  /** Why it is not good, in words; may be empty. */
  readonly text: string;
  /** How much of its images is there, from 0 to 1, while they are being pulled. */
  readonly pulled?: number;
  /** When it will have been ready long enough, in ms since the epoch. */
  readonly goodAtMs?: number;
  readonly failure?: Failure;
};

/** What the view of a slot rests on beside its pods. */
export type Course = {
  /** Name of the Revision that the slots shall run. */
  readonly goal: string;
  /** `spec.strategy.minReadySeconds` in milliseconds; 0 on the way back. */
  readonly minReadyMs: number;
  readonly failedSlots: ReadonlySet<string>;
  readonly offlineSlots: ReadonlySet<string>;
  readonly nowMs: number;
};

/** {@link SlotView.slot} of a pod. */
export function slotOf({ metadata }: Pod): string {
  return metadata.annotations?.[annotation.slotNode] ?? metadata.labels?.[label.slot] ?? "";
}

const statusesOf = ({ status }: Pod): readonly ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);

/** How a container of the pod failed; `undefined` when none did. */
export function failureOf(pod: Pod): Failure | undefined {
  for (const { name, state, lastState, restartCount } of statusesOf(pod)) {
    const ended = state?.terminated ?? lastState?.terminated;
    const isBad = ended !== undefined && (ended.exitCode !== 0 || restartCount > 0);
    if (!isBad) continue;
    const why = ended.reason === undefined || ended.reason === "Error" ? "" : ` (${ended.reason})`;
    const again = restartCount > 0 ? `, restarted ${times(restartCount)}` : "";
    return {
      summary: harmless(`container ${name} ended with exit code ${ended.exitCode}${why}${again}`),
      words: lastLines(ended.message ?? "", 5),
    };
  }
  return undefined;
}

const quiet: readonly string[] = [
  podReason.creating,
  podReason.initializing,
  podReason.prepared,
  podReason.stopped,
];

/** The share that a message such as `Pulling web:v2: 43%` tells, from 0 to 1. */
function shareIn(message: string): number | undefined {
  const percent = /(\d{1,3}(?:\.\d+)?) ?%/.exec(message)?.[1];
  return percent === undefined ? undefined : Math.min(1, Number(percent) / 100);
}

type Waiting = { readonly reason: string; readonly message: string };

const waiting = ({ reason = "", message = "" }: Partial<Waiting> = {}): Waiting => ({
  reason,
  message,
});

const conditionOf = (pod: Pod, type: string) =>
  pod.status?.conditions?.find((one) => one.type === type);

function waitingOf(pod: Pod): Waiting {
  const scheduled = conditionOf(pod, "PodScheduled");
  if (pod.spec.nodeName === undefined && scheduled?.status === "False") {
    return waiting({ ...scheduled, reason: "no Node" });
  }
  const waits = statusesOf(pod).flatMap(({ state }) => state?.waiting ?? []);
  const told = waits.find(({ reason = "" }) => !quiet.includes(reason)) ?? waits[0];
  const prepared = conditionOf(pod, podCondition.prepared);
  return waiting(told ?? (prepared?.status === "False" ? prepared : undefined));
}

/** Why it waits, in one line: the reason only where it says more than that work goes on. */
function waitText({ reason, message }: Waiting): string {
  const said = harmless(message.trim().replaceAll(/\s*[\r\n]+\s*/g, " "));
  if (quiet.includes(reason) || reason === "") return said;
  return said === "" || said.startsWith(reason) ? said || reason : `${reason}: ${said}`;
}

const isTrue = (pod: Pod, type: string): boolean => conditionOf(pod, type)?.status === "True";

const readySinceMs = (pod: Pod): number =>
  Date.parse(conditionOf(pod, "Ready")?.lastTransitionTime ?? "") || 0;

type State = Pick<SlotView, "phase" | "text" | "pulled" | "goodAtMs">;

function preparationOf(pod: Pod): State {
  if (isTrue(pod, podCondition.prepared)) return { phase: "prepared", text: "" };
  const why = waitingOf(pod);
  const pulled = shareIn(why.message);
  const text = waitText(why);
  return { phase: "preparing", text, ...(pulled === undefined ? {} : { pulled }) };
}

function stateOf(pod: Pod, { minReadyMs, nowMs }: Course): State {
  const desired = pod.metadata.annotations?.[annotation.desiredState] ?? "Running";
  if (desired === "Prepared") return preparationOf(pod);
  if (!isTrue(pod, "Ready")) {
    const why = waitingOf(pod);
    const pulled = shareIn(why.message);
    const isUp = statusesOf(pod).some(({ state }) => state?.running !== undefined);
    const text = waitText(why) || (isUp ? "runs, not ready yet" : "");
    return { phase: "starting", text, ...(pulled === undefined ? {} : { pulled }) };
  }
  const goodAtMs = readySinceMs(pod) + minReadyMs;
  return goodAtMs <= nowMs ? { phase: "good", text: "" } : { phase: "proving", text: "", goodAtMs };
}

/** One slot, from its pods. Pods of other Revisions only tell where it is. */
export function slotView(slot: string, pods: readonly Pod[], course: Course): SlotView {
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const goal = living.find(({ metadata }) => metadata.labels?.[label.revision] === course.goal);
  const node = [goal, ...living].find((pod) => pod?.spec.nodeName !== undefined)?.spec.nodeName;
  const place = { slot, ...(node === undefined ? {} : { node }) };
  if (course.offlineSlots.has(slot)) {
    return { ...place, phase: "offline", text: "its host does not answer" };
  }
  const isFailed = course.failedSlots.has(slot);
  if (goal === undefined) return { ...place, phase: isFailed ? "failed" : "ahead", text: "" };
  const failure = failureOf(goal);
  const state = stateOf(goal, course);
  const told = { ...place, ...state, ...(failure === undefined ? {} : { failure }) };
  return isFailed ? { ...told, phase: "failed" } : told;
}
