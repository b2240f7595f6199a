import type { AnyObject } from "../../machinery/object.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { objectIn } from "./fill.ts";

function textAt(budget: AnyObject, part: "spec" | "status", field: string): string {
  const value = objectIn(budget, part)?.[field];
  return typeof value === "number" || typeof value === "string" ? String(value) : "N/A";
}

/**
 * policy/v1 PodDisruptionBudget, for reading only, and there are none: without its group in
 * discovery, `kubectl drain` up to 1.21 takes it that pods cannot be evicted, and deletes them.
 */
export const podDisruptionBudgetKind: BuiltIn = {
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  namespaced: true,
  shortNames: ["pdb"],
  definition: "io.k8s.api.policy.v1.PodDisruptionBudget",
  verbs: ["get", "list", "watch"],
  unservedReason:
    "the Application controller alone decides how many slots may be away, see strategy.batch",
  columns: [
    nameColumn,
    column("Min Available", (budget) => textAt(budget, "spec", "minAvailable")),
    column("Max Unavailable", (budget) => textAt(budget, "spec", "maxUnavailable")),
    column("Allowed Disruptions", (budget) => textAt(budget, "status", "disruptionsAllowed")),
    ageColumn,
  ],
};
