import type { Pod } from "../../api/machinery/resources.ts";
import { parseTime } from "../../api/machinery/time.ts";
import { podReason } from "../../crds/conditions.ts";
import { isFinished } from "./desired.ts";

/** Why a pod ends for good that has run for as long as it may. */
type Overdue = { readonly reason: string; readonly message: string };

/**
 * For how long a pod may still be active on its host; `undefined` without a limit. Milliseconds, 0 or
 * less once it is over. Counts from `status.startTime`, or from now for a pod that has none yet.
 */
export function activeMsLeft({ spec, status }: Pod, nowMs: number): number | undefined {
  const { activeDeadlineSeconds } = spec;
  if (activeDeadlineSeconds === undefined) return undefined;
  const startMs = status?.startTime === undefined ? nowMs : (parseTime(status.startTime) ?? nowMs);
  return startMs + activeDeadlineSeconds * 1_000 - nowMs;
}

/** Whether the pod has outlived `spec.activeDeadlineSeconds`, in the kubelet's words. */
export function overdueOf(pod: Pod, nowMs: number): Overdue | undefined {
  const { status } = pod;
  const said = status?.reason === podReason.deadlineExceeded;
  if (isFinished(pod) && !said) return undefined; // it ended in time
  if (!said && (activeMsLeft(pod, nowMs) ?? 1) > 0) return undefined;
  const message = "Pod was active on the node longer than the specified deadline";
  return { reason: podReason.deadlineExceeded, message };
}
