import type { Condition } from "../../api/machinery/conditions.ts";

/** What a client of kstatus (Flux, kpt, Helm, cli-utils) makes of an object. */
export type KStatus = "Current" | "Failed" | "InProgress";

/**
 * The rules of sigs.k8s.io/cli-utils pkg/kstatus/status for a custom resource: the first of
 * Reconciling and Stalled in the list that is True decides, then Ready; an object without any of
 * them is taken for current.
 */
export function kstatusOf(conditions: readonly Condition[]): KStatus {
  for (const { type, status } of conditions) {
    if (type === "Reconciling" && status === "True") return "InProgress";
    if (type === "Stalled" && status === "True") return "Failed";
  }
  const ready = conditions.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "True" ? "Current" : "InProgress";
}
