import type { Pod, PodStatus } from "../../machinery/resources.ts";
import { humanDuration, parseTime } from "../../machinery/time.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import type { Column, RowCondition } from "./kind.ts";

const wide = { priority: 1 };
type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number];
type State = ContainerStatus["state"];

const hasEnded = ({ status }: Pod): boolean =>
  status?.phase === "Succeeded" || status?.phase === "Failed";

const isTrue = ({ status }: Pod, condition: string): boolean =>
  status?.conditions?.some((one) => one.type === condition && one.status === "True") === true;

/** The words of `kubectl get pods`: why the pod is not simply running. */
export function podStatusText(pod: Pod): string {
  const { status, metadata } = pod;
  if (metadata.deletionTimestamp !== undefined && !hasEnded(pod)) {
    return status?.reason === "NodeLost" ? "Unknown" : "Terminating";
  }
  return gatedText(pod) ?? initText(pod) ?? containersText(pod) ?? wholeText(pod);
}

const wholeText = ({ status }: Pod): string => status?.reason || status?.phase || "Unknown";

function gatedText({ status }: Pod): string | undefined {
  const gated = "SchedulingGated";
  const conditions = status?.conditions ?? [];
  const isGated = conditions.some(
    ({ type, reason }) => type === "PodScheduled" && reason === gated,
  );
  return isGated ? gated : undefined;
}

/** Why the first init container that is not done is not done. */
function initText(pod: Pod): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? [];
  const index = statuses.findIndex((status) => !isInitDone(pod, status));
  const first = statuses[index];
  if (first === undefined) return undefined;
  const { terminated, waiting } = first.state ?? {};
  if (terminated !== undefined) return `Init:${endText(terminated)}`;
  const reason = waiting?.reason ?? "PodInitializing";
  if (reason !== "" && reason !== "PodInitializing") return `Init:${reason}`;
  return `Init:${index}/${pod.spec.initContainers?.length ?? 0}`;
}

function isInitDone({ spec }: Pod, { name, state, started }: ContainerStatus): boolean {
  if (state?.terminated?.exitCode === 0) return true;
  const sidecar = spec.initContainers?.find((candidate) => candidate.name === name);
  return sidecar?.restartPolicy === "Always" && started === true;
}

function endText({
  reason,
  signal,
  exitCode,
}: NonNullable<NonNullable<State>["terminated"]>): string {
  if (reason !== undefined && reason !== "") return reason;
  return signal !== undefined && signal !== 0 ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

function containersText(pod: Pod): string | undefined {
  const statuses = pod.status?.containerStatuses ?? [];
  const text = statuses.map(({ state }) => stateText(state)).find((one) => one !== undefined);
  const running = statuses.some(({ state, ready }) => ready && state?.running !== undefined);
  // Beside one that has ended well, another one may still serve.
  if (text !== "Completed" || !running) return text;
  return isTrue(pod, "Ready") ? "Running" : "NotReady";
}

function stateText(state: State): string | undefined {
  const waiting = state?.waiting?.reason ?? "";
  if (waiting !== "") return waiting;
  return state?.terminated === undefined ? undefined : endText(state.terminated);
}

/** Sidecars go on running beside the containers, and count like them. */
function lastingStatuses({ spec, status }: Pod): readonly ContainerStatus[] {
  const sidecars = new Set(sidecarsOf(spec).map(({ name }) => name));
  const inits = (status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name));
  return [...inits, ...(status?.containerStatuses ?? [])];
}

const sidecarsOf = ({ initContainers = [] }: Pod["spec"]) =>
  initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");

function readyText(pod: Pod): string {
  const ready = lastingStatuses(pod).filter((one) => one.ready && one.state?.running);
  return `${ready.length}/${pod.spec.containers.length + sidecarsOf(pod.spec).length}`;
}

/** Until the init containers are done, the restarts are theirs. */
function countedStatuses(pod: Pod): readonly ContainerStatus[] {
  const initializing = initText(pod) !== undefined && !isTrue(pod, "Initialized");
  return initializing ? (pod.status?.initContainerStatuses ?? []) : lastingStatuses(pod);
}

function restartsText(pod: Pod, nowMs: number): string {
  let restarts = 0;
  let last: number | undefined;
  for (const { restartCount, lastState } of countedStatuses(pod)) {
    restarts += restartCount;
    const end = lastState?.terminated?.finishedAt;
    const endMs = end === undefined ? undefined : parseTime(end);
    if (endMs !== undefined && endMs > (last ?? 0)) last = endMs;
  }
  const ago = last === undefined ? "" : ` (${humanDuration(nowMs - last)} ago)`;
  return restarts === 0 ? "0" : `${restarts}${ago}`;
}

function gatesText(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const met = gates.filter(({ conditionType }) => isTrue(pod, conditionType));
  return `${met.length}/${gates.length}`;
}

/** The columns of a Pod. */
export const podColumns: readonly Column[] = [
  nameColumn,
  column("Ready", (object) => readyText(object as Pod)),
  column("Status", (object) => podStatusText(object as Pod)),
  column("Restarts", (object, nowMs) => restartsText(object as Pod, nowMs)),
  ageColumn,
  column("IP", (object) => (object as Pod).status?.podIP || "<none>", wide),
  column("Node", (object) => (object as Pod).spec.nodeName || "<none>", wide),
  column("Nominated Node", (object) => (object as Pod).status?.nominatedNodeName || "<none>", wide),
  column("Readiness Gates", (object) => gatesText(object as Pod), wide),
];

/** Finished pods are marked, so that clients may grey them out. */
export function podRowConditions({ status }: Pod): readonly RowCondition[] {
  const phase = status?.phase;
  if (phase === "Succeeded") {
    const message = "The pod has completed successfully.";
    return [{ type: "Completed", status: "True", reason: "Succeeded", message }];
  }
  if (phase === "Failed") {
    const message = "The pod failed.";
    return [{ type: "Completed", status: "True", reason: "Failed", message }];
  }
  return [];
}
