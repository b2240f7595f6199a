import { isConditionTrue, findCondition } from "../../api/machinery/conditions.ts";
import type { Condition } from "../../api/machinery/conditions.ts";
import type { Pod, PodStatus } from "../../api/machinery/resources.ts";
import { parseTime } from "../../api/machinery/time.ts";
import { podCondition, podReason } from "../../crds/conditions.ts";
import { annotation, type DesiredState, label } from "../../crds/labels.ts";
import type { ImageDigest } from "../../crds/types.gen.ts";
import { defined } from "./defined.ts";
import type { PodSeen, Trouble } from "./seen.ts";

type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number];

/** What the Node of a pod says about it. */
export type NodeFacts = Pick<
  PodSeen,
  "offline" | "misplaced" | "fits" | "evicting" | "answeringSinceMs"
>;

/** Reasons that say where a container is, and not that something is wrong. */
const harmless: readonly string[] = [
  podReason.creating,
  podReason.initializing,
  podReason.prepared,
  podReason.stopped,
];

/** What the pod asks of its agent; absent means Running, as for any Kubernetes. */
export function desiredOf(pod: Pod): DesiredState {
  const asked = pod.metadata.annotations?.[annotation.desiredState];
  return asked === "Prepared" || asked === "Stopped" ? asked : "Running";
}

/** {@link Slot.id} of the pod's slot. */
export function slotOf({ metadata }: Pod): string {
  return metadata.annotations?.[annotation.slotNode] ?? metadata.labels?.[label.slot] ?? "";
}

/** The last thing it said: the rest stays in the Pod's status and in its log. */
const lastLine = (message = ""): string => message.trimEnd().split("\n").at(-1) ?? "";

function endingOf({ name, state, lastState }: ContainerStatus): Trouble | undefined {
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended === undefined) return undefined;
  const { exitCode, reason, message } = ended;
  const line = lastLine(message);
  const words = line === "" ? "" : `: ${line}`;
  return {
    reason: reason ?? "Error",
    message: `container ${name} ended with exit code ${exitCode}${words}`,
  };
}

/** It ended, or runs for not the first time: whoever holds that against it wants to know how. */
function hasEnded({ state, restartCount, lastState }: ContainerStatus): boolean {
  const fell = lastState?.terminated?.reason === podReason.hostRestarted;
  const restarted = state?.running !== undefined && restartCount > 0 && !fell;
  return restarted || state?.terminated !== undefined;
}

function troubleOfContainer(status: ContainerStatus): Trouble | undefined {
  const waiting = status.state?.waiting;
  const reason = waiting?.reason ?? podReason.creating;
  if (waiting === undefined || harmless.includes(reason)) {
    return hasEnded(status) ? endingOf(status) : undefined;
  }
  const said = reason === podReason.crashLoop ? endingOf(status)?.message : waiting.message;
  return { reason, message: `${reason}: ${said ?? waiting.message ?? ""}` };
}

function troubleOf(pod: Pod, statuses: readonly ContainerStatus[]): Trouble | undefined {
  const conditions = pod.status?.conditions as readonly Condition[] | undefined;
  const scheduled = findCondition(conditions, "PodScheduled");
  if (pod.spec.nodeName === undefined && scheduled?.status === "False") {
    return { reason: "Unschedulable", message: scheduled.message };
  }
  const ofContainer = statuses.flatMap((status) => troubleOfContainer(status) ?? [])[0];
  if (ofContainer !== undefined) return ofContainer;
  const ready = findCondition(conditions, "Ready");
  if (ready?.status === "False" && ready.reason === podReason.probeFailed) {
    return { reason: ready.reason, message: ready.message };
  }
  const prepared = findCondition(conditions, podCondition.prepared);
  if (prepared?.status !== "False" || harmless.includes(prepared.reason)) return undefined;
  return { reason: prepared.reason, message: `${prepared.reason}: ${prepared.message}` };
}

function digestsOf(pod: Pod, statuses: readonly ContainerStatus[]): readonly ImageDigest[] {
  const specs = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  return statuses.flatMap(({ name, imageID }) => {
    const image = specs.find((spec) => spec.name === name)?.image ?? "";
    const digest = /@(sha256:[0-9a-f]{64})$/.exec(imageID)?.[1];
    // An image that never was in a registry has an id and no digest: it cannot be pinned.
    return image === "" || image.includes("@") || digest === undefined ? [] : [{ image, digest }];
  });
}

const lastEnd = ({ state, lastState }: ContainerStatus) =>
  state?.terminated ?? lastState?.terminated;

const endedByHost = (status: ContainerStatus): boolean =>
  lastEnd(status)?.reason === podReason.hostRestarted;

const isEnded = (status: ContainerStatus): boolean =>
  (status.state?.terminated !== undefined ||
    status.state?.waiting?.reason === podReason.crashLoop) &&
  !endedByHost(status);

type Facts = "up" | "restarts" | "ended" | "hostRestarted" | "digests";

function containerFacts(pod: Pod, all: readonly ContainerStatus[]): Pick<PodSeen, Facts> {
  return {
    up: all.some(({ state }) => state?.running !== undefined),
    restarts: all.reduce((sum, { restartCount }) => sum + restartCount, 0),
    ended: (pod.status?.containerStatuses ?? []).some(isEnded),
    hostRestarted: all.some(endedByHost),
    digests: digestsOf(pod, all),
  };
}

/**
 * Whether readiness never changed since the containers were made, or since it was known that they
 * are not. Both times are the agent's, so that only their order counts.
 */
function isNeverReady(conditions: readonly Condition[] | undefined): boolean {
  const ready = findCondition(conditions, "Ready");
  const prepared = findCondition(conditions, podCondition.prepared);
  if (ready === undefined) return true;
  if (ready.status !== "False" || prepared === undefined) return false;
  const changedMs = parseTime(ready.lastTransitionTime);
  const preparedMs = parseTime(prepared.lastTransitionTime);
  return changedMs !== undefined && preparedMs !== undefined && changedMs <= preparedMs;
}

function conditionFacts(conditions: readonly Condition[] | undefined) {
  return {
    prepared: isConditionTrue(conditions, podCondition.prepared),
    ready: isConditionTrue(conditions, "Ready"),
    ...(isNeverReady(conditions) ? { neverReady: true } : {}),
  };
}

const statusesOf = ({ status }: Pod): readonly ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** The pod whose place it takes; agents read an empty name as none. */
const replacedBy = ({ metadata }: Pod): string | undefined =>
  metadata.annotations?.[annotation.replaces] || undefined;

type PodFacts = Omit<PodSeen, keyof NodeFacts>;

function read(pod: Pod): PodFacts {
  const { metadata, spec, status } = pod;
  const all = statusesOf(pod);
  return {
    name: metadata.name,
    uid: metadata.uid,
    slot: slotOf(pod),
    revision: metadata.labels?.[label.revision] ?? "",
    desired: desiredOf(pod),
    terminating: metadata.deletionTimestamp !== undefined,
    createdAtMs: parseTime(metadata.creationTimestamp) ?? 0,
    finished: status?.phase === "Failed" || status?.phase === "Succeeded",
    succeeded: status?.phase === "Succeeded",
    ...conditionFacts(status?.conditions as readonly Condition[] | undefined),
    ...containerFacts(pod, all),
    ...defined({
      node: spec.nodeName,
      replaces: replacedBy(pod),
      trouble: troubleOf(pod, all),
    }),
  };
}

/** Objects of a cache are frozen, so each is read once however often its Application is looked at. */
const known = new WeakMap<Pod, PodSeen>();

const isSame = (one: NodeFacts, other: NodeFacts): boolean =>
  one.offline === other.offline &&
  one.misplaced === other.misplaced &&
  one.fits === other.fits &&
  one.evicting === other.evicting;

/** A pod reduced to what decisions rest on. The same object for as long as nothing of it changes. */
export function podSeen(pod: Pod, node: NodeFacts): PodSeen {
  const before = known.get(pod);
  if (before !== undefined && isSame(before, node)) return before;
  const seen = { ...read(pod), ...node };
  known.set(pod, seen);
  return seen;
}
