import type { PolicyRule } from "./policy.ts";
import { coversPath } from "./rule-match.ts";

/**
 * Whether rights contain other rights: nobody may grant what they do not have themselves.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */

const none: readonly string[] = [];

/** A rule as rules of one verb, one group, one resource and at most one name each. */
function parts(rule: PolicyRule): readonly PolicyRule[] {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule;
  const names = resourceNames.length === 0 ? [none] : resourceNames.map((name) => [name]);
  const ofResources = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        names.map((name) => ({
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          resourceNames: name,
          nonResourceURLs: none,
        })),
      ),
    ),
  );
  const ofPaths = nonResourceURLs.flatMap((path) =>
    verbs.map((verb) => ({
      verbs: [verb],
      apiGroups: none,
      resources: none,
      resourceNames: none,
      nonResourceURLs: [path],
    })),
  );
  return [...ofResources, ...ofPaths];
}

const hasAll = (owned: readonly string[], wanted: readonly string[]): boolean =>
  owned.includes("*") || wanted.every((item) => owned.includes(item));

/** `*` and `/scale` in one cover the subresource of every kind. */
function coversResources(owned: readonly string[], wanted: readonly string[]): boolean {
  if (hasAll(owned, wanted)) return true;
  return wanted.every((resource) => {
    const slash = resource.indexOf("/");
    if (owned.includes(resource)) return true;
    return slash >= 0 && owned.includes(`*${resource.slice(slash)}`);
  });
}

function coversNames(owned: readonly string[], wanted: readonly string[]): boolean {
  if (owned.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => owned.includes(name));
}

function covers(owned: PolicyRule, wanted: PolicyRule): boolean {
  return (
    hasAll(owned.verbs, wanted.verbs) &&
    hasAll(owned.apiGroups, wanted.apiGroups) &&
    coversResources(owned.resources, wanted.resources) &&
    coversNames(owned.resourceNames, wanted.resourceNames) &&
    wanted.nonResourceURLs.every((path) => coversPath(owned.nonResourceURLs, path))
  );
}

/** The rights in `wanted` that no single rule of `owned` contains; rules that differ only in
 * their verb are one. */
export function missingRights(
  owned: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): readonly PolicyRule[] {
  const missing = wanted.flatMap(parts).filter((part) => !owned.some((rule) => covers(rule, part)));
  const compact = new Map<string, PolicyRule>();
  for (const { verbs, ...rest } of missing) {
    const key = JSON.stringify(rest);
    const known = compact.get(key)?.verbs ?? [];
    compact.set(key, { ...rest, verbs: [...new Set([...known, ...verbs])] });
  }
  return [...compact.values()];
}

const quoted = (list: readonly string[]): string =>
  `[${list.map((item) => JSON.stringify(item)).join(" ")}]`;

/** A rule on one line, as Kubernetes words it, e.g. `{APIGroups:[""], Resources:["pods"], …}`. */
function ruleText(rule: PolicyRule): string {
  const fields: readonly (readonly [string, readonly string[]])[] = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ];
  const shown = fields.filter(([, list]) => list.length > 0);
  return `{${shown.map(([name, list]) => `${name}:${quoted(list)}`).join(", ")}}`;
}

/** Why somebody may not grant rights, in the words of Kubernetes. */
export function escalationText(
  user: { readonly name: string; readonly groups: readonly string[] },
  missing: readonly PolicyRule[],
): string {
  const lines = [...new Set(missing.map(ruleText))].sort();
  return `user ${JSON.stringify(user.name)} (groups=${quoted(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${lines.join("\n")}`;
}
