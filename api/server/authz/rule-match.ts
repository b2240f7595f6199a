import type { RequestInfo, ResourceInfo } from "../objects/request-info.ts";
import type { PolicyRule } from "./policy.ts";

/** Whether one of the patterns stands for the path: equal to it, or its beginning before a `*`. */
export function coversPath(patterns: readonly string[], path: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  );
}

// These run for every rule of every request: plain loops take half the time of includes().
function has(list: readonly string[], value: string): boolean {
  for (const item of list) if (item === value || item === "*") return true;
  return false;
}

function hasEither(list: readonly string[], value: string, other: string): boolean {
  for (const item of list) if (item === value || item === other || item === "*") return true;
  return false;
}

function resourceMatcher(verb: string, asked: ResourceInfo): (rule: PolicyRule) => boolean {
  const { group, plural, subresource, name } = asked;
  const whole = subresource === "" ? plural : `${plural}/${subresource}`;
  const ofAnyKind = subresource === "" ? plural : `*/${subresource}`;
  return ({ verbs, apiGroups, resources, resourceNames }) =>
    hasEither(resources, whole, ofAnyKind) &&
    has(verbs, verb) &&
    has(apiGroups, group) &&
    (resourceNames.length === 0 || resourceNames.includes(name));
}

/**
 * Whether a rule allows the request, as Kubernetes' RBAC decides it.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
 */
export function ruleMatcher({ verb, path, resource }: RequestInfo): (rule: PolicyRule) => boolean {
  if (resource !== undefined) return resourceMatcher(verb, resource);
  return ({ verbs, nonResourceURLs }) => coversPath(nonResourceURLs, path) && has(verbs, verb);
}
