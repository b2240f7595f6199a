import { equalJson } from "../../machinery/equality.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { type LabelSelector, selects } from "../../machinery/selector.ts";
import { objectIn, objectsIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";

/** Whether a ClusterRole's rules are those of others. */
export function isAggregated(role: AnyObject): boolean {
  return objectIn(role, "aggregationRule") !== undefined;
}

/**
 * The rules of an aggregated ClusterRole: those of all roles that one of its selectors selects, in
 * the order of their names, each rule once.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
 */
export function aggregatedRules(
  role: AnyObject,
  roles: readonly AnyObject[],
): readonly JsonObject[] {
  const rule = objectIn(role, "aggregationRule");
  const selectors = objectsIn(rule, "clusterRoleSelectors") as readonly LabelSelector[];
  const rules: JsonObject[] = [];
  const selected = roles
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .filter(({ metadata }) => selectors.some((selector) => selects(selector, metadata.labels)))
    .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
  for (const added of selected.flatMap((other) => objectsIn(other, "rules"))) {
    if (!rules.some((known) => equalJson(known, added))) rules.push(added);
  }
  return rules;
}
