import type { RequestInfo } from "../objects/request-info.ts";
import type { PolicyRule } from "./policy.ts";

const has = (list: readonly string[], value: string): boolean =>
  list.includes("*") || list.includes(value);

/** Whether one of the patterns stands for the path: equal to it, or its beginning before a `*`. */
export function coversPath(patterns: readonly string[], path: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  );
}

function coversResource(
  resources: readonly string[],
  plural: string,
  subresource: string,
): boolean {
  if (subresource === "") return has(resources, plural);
  return has(resources, `${plural}/${subresource}`) || resources.includes(`*/${subresource}`);
}

/**
 * Whether a rule allows a request, as Kubernetes' RBAC decides it.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
 */
export function ruleAllows(rule: PolicyRule, { verb, path, resource }: RequestInfo): boolean {
  if (!has(rule.verbs, verb)) return false;
  if (resource === undefined) return coversPath(rule.nonResourceURLs, path);
  const { resourceNames } = rule;
  return (
    has(rule.apiGroups, resource.group) &&
    coversResource(rule.resources, resource.plural, resource.subresource) &&
    (resourceNames.length === 0 || resourceNames.includes(resource.name))
  );
}
