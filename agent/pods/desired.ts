import type { Pod } from "../../api/machinery/resources.ts";
import { annotation, type DesiredState } from "../../crds/labels.ts";

/** What the pod alone asks for. A word that we do not know counts as absent, as for any Kubernetes. */
export function askedState(pod: Pod): DesiredState {
  const asked = pod.metadata.annotations?.[annotation.desiredState];
  return asked === "Prepared" || asked === "Stopped" ? asked : "Running";
}

/** Whether the pod takes part in prepare and hand-over at all. */
export function hasDesiredState(pod: Pod): boolean {
  return pod.metadata.annotations?.[annotation.desiredState] !== undefined;
}

/** Name of the pod in the same namespace whose place this one takes, if any. */
export function replacedBy(pod: Pod): string | undefined {
  const name = pod.metadata.annotations?.[annotation.replaces];
  return name === "" || name === pod.metadata.name ? undefined : name;
}

/** Whether the pod has reached a phase that it never leaves. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

function isNewer(one: Pod, other: Pod): boolean {
  const [a, b] = [one.metadata.creationTimestamp, other.metadata.creationTimestamp];
  return a === b ? one.metadata.name > other.metadata.name : a > b;
}

function takesOver(successor: Pod, pod: Pod): boolean {
  if (successor.metadata.uid === pod.metadata.uid) return false;
  if (successor.metadata.deletionTimestamp !== undefined || isFinished(successor)) return false;
  if (askedState(successor) !== "Running") return false;
  // Each claims the other's place only while a roll-back is half written: the newer one stays.
  return replacedBy(pod) !== successor.metadata.name || isNewer(successor, pod);
}

/**
 * What the agent works towards: what the pod asks for, except that a running pod yields its place
 * to a successor that is asked to run. `successors` are the pods of its namespace and Node that
 * name it in `lighthouse.dev/replaces`.
 */
export function effectiveState(pod: Pod, successors: readonly Pod[]): DesiredState {
  const asked = askedState(pod);
  if (asked !== "Running") return asked;
  return successors.some((successor) => takesOver(successor, pod)) ? "Stopped" : "Running";
}
