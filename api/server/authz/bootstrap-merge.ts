import { equalJson } from "../../machinery/equality.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { objectIn, objectsIn, textIn } from "../kinds/fill.ts";
import type { Body, JsonObject } from "../kinds/kind.ts";
import type { BootstrapObject } from "./bootstrap.ts";
import { ruleBody, rulesIn } from "./policy.ts";
import { missingRights } from "./rule-cover.ts";

const autoupdate = "rbac.authorization.kubernetes.io/autoupdate";

/** Whether a stored object is ours to change: nobody has opted out of it. */
export function isKeptUpToDate({ metadata }: AnyObject): boolean {
  return metadata.annotations?.[autoupdate] === "true";
}

/** Those of `wanted` that are not in `have` yet, behind it. */
function united(have: readonly JsonObject[], wanted: readonly JsonObject[]): readonly JsonObject[] {
  const added = wanted.filter((item) => !have.some((other) => equalJson(other, item)));
  return [...have, ...added];
}

function mergedRules(stored: AnyObject, { object, exact }: BootstrapObject): readonly JsonObject[] {
  if (exact) return objectsIn(object, "rules");
  const missing = missingRights(rulesIn(stored), rulesIn(object));
  return [...objectsIn(stored, "rules"), ...missing.map(ruleBody)];
}

/** The fields that differ between kinds: what is wanted, and what somebody added to it. */
function mergedContent(stored: AnyObject, bootstrap: BootstrapObject): JsonObject {
  const { object, exact } = bootstrap;
  const rule = objectIn(object, "aggregationRule");
  if (rule !== undefined) {
    const selectors = (from: JsonObject | undefined): readonly JsonObject[] =>
      objectsIn(from, "clusterRoleSelectors");
    const have = selectors(objectIn(stored, "aggregationRule"));
    return { aggregationRule: { clusterRoleSelectors: united(have, selectors(rule)) } };
  }
  if (object["roleRef"] === undefined) return { rules: mergedRules(stored, bootstrap) };
  const wanted = objectsIn(object, "subjects");
  return { subjects: exact ? wanted : united(objectsIn(stored, "subjects"), wanted) };
}

/** Whether a binding leads to another role: that cannot be changed, only made anew. */
export function leadsElsewhere(stored: AnyObject, { object }: BootstrapObject): boolean {
  const [have, want] = [objectIn(stored, "roleRef"), objectIn(object, "roleRef")];
  return (
    textIn(have, "kind") !== textIn(want, "kind") || textIn(have, "name") !== textIn(want, "name")
  );
}

/**
 * A stored bootstrap object brought up to date: rights, subjects, labels and annotations that are
 * missing are added, and others kept unless the object is exact. `undefined`: nothing to do, which
 * is always so once somebody has set the annotation `autoupdate` to something but `true`.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
 */
export function mergedBootstrap(stored: AnyObject, bootstrap: BootstrapObject): Body | undefined {
  const { labels = {}, annotations = {} } = stored.metadata;
  if (!isKeptUpToDate(stored)) return undefined;
  const wanted = bootstrap.object.metadata;
  const merged: Body = {
    ...stored,
    metadata: {
      ...stored.metadata,
      labels: { ...labels, ...wanted.labels },
      annotations: { ...annotations, ...wanted.annotations },
    },
    ...mergedContent(stored, bootstrap),
  };
  return equalJson(merged, stored) ? undefined : merged;
}
