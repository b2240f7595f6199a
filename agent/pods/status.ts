import { type Condition, findCondition, setCondition } from "../../api/machinery/conditions.ts";
import { equalJson } from "../../api/machinery/equality.ts";
import type { Pod, PodStatus } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import { podCondition, podReason } from "../../crds/conditions.ts";
import { type Member, membersOf, networkRoot, restartPolicyOf } from "./containers.ts";
import { hasDesiredState } from "./desired.ts";
import { type ContainerFact, isUp } from "./facts.ts";
import { type Ending, type History, noHistory } from "./history.ts";
import { type PullState, pullMessage } from "./pull-meter.ts";
import { isInitialized, isPrepared, mayRun, restartAtMs, type Seen } from "./plan.ts";

type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number];
type ContainerState = NonNullable<ContainerStatus["state"]>;

/** What the probes say about one container; absent fields have not been answered yet. */
export type Verdict = {
  readonly started?: boolean;
  readonly ready?: boolean;
  /** Why it is not ready, e.g. `Readiness probe failed: HTTP 503`. */
  readonly why?: string;
};

/** Probes may say a lot; this much of it fits into a condition. Characters. */
const maxWhy = 256;

/** What the status rests on beside what the plan does. */
export type StatusInput = {
  readonly seen: Seen;
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** The name of an image for people and pins: a repository digest, else its id. */
  imageName(imageId: string, reference: string): string;
  /** How far the pull of an image has come; `undefined` when none goes on, or none was told. */
  pulling(reference: string): PullState | undefined;
  /** Address of the host, as on its Node. */
  readonly hostIp: string;
  readonly nowMs: number;
};

const dockerId = (id: string): string => `docker://${id}`;

/** Whether the container takes part in readiness now. */
export function isReady(
  member: Member,
  fact: ContainerFact | undefined,
  verdict: Verdict | undefined,
): boolean {
  if (fact?.state !== "running") return false;
  if (member.spec.startupProbe !== undefined && verdict?.started !== true) return false;
  if (member.spec.readinessProbe !== undefined) return verdict?.ready === true;
  return fact.health === undefined || fact.health === "healthy";
}

function terminated(ending: Ending): NonNullable<ContainerState["terminated"]> {
  return {
    exitCode: ending.exitCode,
    reason: ending.reason,
    ...(ending.message === undefined || ending.message === "" ? {} : { message: ending.message }),
    ...(ending.startedAtMs === undefined ? {} : { startedAt: formatTime(ending.startedAtMs) }),
    finishedAt: formatTime(ending.finishedAtMs),
    containerID: dockerId(ending.containerId),
  };
}

const waiting = (reason: string, message?: string): ContainerState => ({
  waiting: message === undefined ? { reason } : { reason, message },
});

/** Why a container that does not run, and has not ended for good, waits. */
function waitingState(input: StatusInput, member: Member, history: History) {
  const { seen, nowMs } = input;
  // A taken port, or a predecessor that does not stop, is the trouble of every container.
  const trouble = seen.troubles.get(member.name) ?? seen.troubles.get("");
  if (trouble !== undefined) return waiting(trouble.reason, trouble.message);
  if (seen.desired === "Stopped") return waiting(podReason.stopped);
  const pull = input.pulling(member.spec.image ?? "");
  const missing = chosenFact(seen, member.name) === undefined;
  if (pull !== undefined && missing) return waiting(podReason.creating, pullMessage(pull));
  if (seen.desired === "Prepared")
    return waiting(isPrepared(seen) ? podReason.prepared : podReason.creating);
  const delayMs = restartAtMs(history) - nowMs;
  if (delayMs > 0) {
    const spec = `container ${member.name} of pod ${seen.pod.metadata.name}`;
    return waiting(podReason.crashLoop, `Waiting ${Math.ceil(delayMs / 1000)}s to start ${spec}`);
  }
  const early = member.role !== "init" && !isInitialized(seen);
  return waiting(early ? podReason.initializing : podReason.creating);
}

function stateOf(input: StatusInput, member: Member, fact: ContainerFact | undefined) {
  const history = input.seen.histories.get(member.name) ?? noHistory;
  if (fact !== undefined && isUp(fact)) {
    const startedAt = formatTime(fact.startedAtMs ?? input.nowMs);
    return { running: { startedAt } };
  }
  const { ending, parked } = history;
  const isOver = input.seen.evicted !== undefined;
  const policy = isOver ? "Never" : restartPolicyOf(input.seen.pod.spec, member);
  if (ending !== undefined && !parked && !mayRun(history, policy))
    return { terminated: terminated(ending) };
  return waitingState(input, member, history);
}

function lastEnding(history: History, state: ContainerState): Ending | undefined {
  return state.waiting === undefined ? history.last : (history.ending ?? history.last);
}

function isStarted(input: StatusInput, member: Member, fact: ContainerFact | undefined): boolean {
  if (fact === undefined || !isUp(fact)) return false;
  return (
    member.spec.startupProbe === undefined || input.verdicts.get(member.name)?.started === true
  );
}

/** Which container the status speaks of, in wire form. */
function identity(
  image: string,
  fact: ContainerFact | undefined,
  state: ContainerState,
  input: StatusInput,
) {
  if (fact !== undefined)
    return { imageID: input.imageName(fact.imageId, image), containerID: dockerId(fact.id) };
  const containerID = state.terminated?.containerID;
  return { imageID: "", ...(containerID === undefined ? {} : { containerID }) };
}

/** What `ready` says of containers that nobody waits to become ready. */
function isDone({ role }: Member, state: ContainerState): boolean | undefined {
  if (role === "ephemeral") return false;
  return role === "init" ? state.terminated?.exitCode === 0 : undefined;
}

function containerStatus(input: StatusInput, member: Member): ContainerStatus {
  const fact = chosenFact(input.seen, member.name);
  const history = input.seen.histories.get(member.name) ?? noHistory;
  const state = stateOf(input, member, fact);
  const last = lastEnding(history, state);
  const ready = isReady(member, fact, input.verdicts.get(member.name));
  return {
    name: member.name,
    image: member.spec.image ?? "",
    ...identity(member.spec.image ?? "", fact, state, input),
    ready: isDone(member, state) ?? ready,
    started: isStarted(input, member, fact),
    restartCount: history.restarts,
    state,
    lastState: last === undefined ? {} : { terminated: terminated(last) },
  };
}

/** The container that stands for a member: the one that is up, else any. */
function chosenFact({ containers }: Seen, name: string): ContainerFact | undefined {
  const facts = containers.filter((fact) => fact.name === name);
  return facts.find(isUp) ?? facts.find((fact) => fact.startedAtMs !== undefined) ?? facts[0];
}

function phaseOf(seen: Seen, mains: readonly ContainerStatus[]): string {
  const { pod, histories, desired } = seen;
  if (seen.evicted !== undefined) return "Failed";
  const members = membersOf(pod.spec);
  const failedInit = members.some((member) => {
    const { ending } = histories.get(member.name) ?? noHistory;
    if (member.role !== "init" || ending === undefined || ending.exitCode === 0) return false;
    return restartPolicyOf(pod.spec, member) === "Never";
  });
  if (failedInit) return "Failed";
  if (mains.every(({ state }) => state?.terminated !== undefined)) {
    return mains.every(({ state }) => state?.terminated?.exitCode === 0) ? "Succeeded" : "Failed";
  }
  if (desired !== "Running") return "Pending";
  const ran = mains.every(({ name }) => histories.get(name)?.startedAtMs !== undefined);
  return ran ? "Running" : "Pending";
}

type Verdicts = { readonly ok: boolean; readonly reason: string; readonly message: string };

function readyVerdict(
  { seen, verdicts }: StatusInput,
  statuses: readonly ContainerStatus[],
  phase: string,
): Verdicts {
  if (phase === "Succeeded") return { ok: false, reason: "PodCompleted", message: "" };
  if (seen.evicted !== undefined) return { ok: false, reason: "PodFailed", message: "" };
  if (seen.desired !== "Running") return { ok: false, reason: seen.desired, message: "" };
  const unready = statuses.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return { ok: true, reason: "ContainersReady", message: "" };
  for (const name of unready) {
    const why = verdicts.get(name)?.why;
    if (why === undefined) continue;
    const message = `container ${name}: ${why.slice(0, maxWhy)}`;
    return { ok: false, reason: podReason.probeFailed, message };
  }
  const message = `containers with unready status: [${unready.join(" ")}]`;
  return { ok: false, reason: "ContainersNotReady", message };
}

function preparedVerdict(seen: Seen): Verdicts {
  const trouble = [...seen.troubles.values()][0];
  if (trouble !== undefined && seen.desired === "Prepared")
    return { ok: false, reason: trouble.reason, message: trouble.message };
  return isPrepared(seen)
    ? { ok: true, reason: "ContainersCreated", message: "" }
    : { ok: false, reason: podReason.creating, message: "" };
}

function gatesOpen(pod: Pod): boolean {
  const conditions = pod.status?.conditions ?? [];
  return (pod.spec.readinessGates ?? []).every(({ conditionType }) =>
    conditions.some(({ type, status }) => type === conditionType && status === "True"),
  );
}

function conditionsOf(input: StatusInput, statuses: readonly ContainerStatus[], phase: string) {
  const { seen } = input;
  const { pod } = seen;
  const now = formatTime(input.nowMs);
  let list = pod.status?.conditions as readonly Condition[] | undefined;
  const set = (type: string, { ok, reason, message }: Verdicts): void => {
    const before = findCondition(list, type);
    const status = ok ? "True" : "False";
    if (before?.status === status && before.reason === reason && before.message === message) return;
    list = setCondition(list, { type, status, reason, message }, now);
  };
  const initialized = isInitialized(seen);
  const initReason = initialized ? "InitContainersDone" : "ContainersNotInitialized";
  set("Initialized", { ok: initialized, reason: initReason, message: "" });
  const ready = readyVerdict(input, statuses, phase);
  set("ContainersReady", ready);
  const gated = ready.ok && !gatesOpen(pod);
  set("Ready", gated ? { ok: false, reason: "ReadinessGatesNotReady", message: "" } : ready);
  if (hasDesiredState(pod)) set(podCondition.prepared, preparedVerdict(seen));
  const { evicted } = seen;
  if (evicted !== undefined && evicted.reason === undefined)
    set("DisruptionTarget", { ok: true, reason: "TerminationByKubelet", message: evicted.message });
  return list ?? [];
}

function addressOf({ containers, pod }: Seen, hostIp: string): string {
  const root = networkRoot(pod.spec);
  const up = containers.some(isUp);
  if (!up) return "";
  if (pod.spec.hostNetwork === true) return hostIp;
  return containers.find((fact) => fact.name === root && isUp(fact))?.ip ?? "";
}

/**
 * What the agent reports of a pod. Pure: the same facts give the same status, so that only a change
 * is written. Holds the fields that the agent owns and no other.
 */
export function podStatus(input: StatusInput): PodStatus {
  const { seen, hostIp } = input;
  const members = membersOf(seen.pod.spec);
  const inits = members.filter(({ role }) => role === "init" || role === "sidecar");
  const ephemerals = members.filter(({ role }) => role === "ephemeral");
  const mains = members.filter(({ role }) => role === "main");
  const statuses = mains.map((member) => containerStatus(input, member));
  const initStatuses = inits.map((member) => containerStatus(input, member));
  const phase = phaseOf(seen, statuses);
  const sidecars = initStatuses.filter((_, i) => inits[i]?.role === "sidecar");
  const podIP = addressOf(seen, hostIp);
  const startTime = seen.pod.status?.startTime ?? formatTime(input.nowMs);
  return {
    phase,
    ...(seen.evicted === undefined ? {} : { reason: podReason.evicted, ...seen.evicted }),
    conditions: conditionsOf(input, [...sidecars, ...statuses], phase),
    ...(hostIp === "" ? {} : { hostIP: hostIp, hostIPs: [{ ip: hostIp }] }),
    ...(podIP === "" ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime,
    ...(inits.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(ephemerals.length === 0
      ? {}
      : { ephemeralContainerStatuses: ephemerals.map((one) => containerStatus(input, one)) }),
  };
}

const owned = [
  "phase",
  "conditions",
  "hostIP",
  "hostIPs",
  "podIP",
  "podIPs",
  "startTime",
  "initContainerStatuses",
  "containerStatuses",
  "ephemeralContainerStatuses",
] as const;

/**
 * The merge patch from one status to another, of the agent's own fields alone; `undefined` when
 * there is nothing to write.
 */
export function statusPatch(
  before: PodStatus | undefined,
  after: PodStatus,
): Readonly<Record<string, unknown>> | undefined {
  // Others may have words of their own for why a pod is as it is: kept unless we have some.
  const words = (["reason", "message"] as const).filter((field) => after[field] !== undefined);
  const changed = [...owned, ...words].filter((field) => !equalJson(before?.[field], after[field]));
  if (changed.length === 0) return undefined;
  return Object.fromEntries(changed.map((field) => [field, after[field] ?? null]));
}
