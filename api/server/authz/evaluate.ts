import type { Decision, User } from "../access.ts";
import type { RequestInfo } from "../objects/request-info.ts";

/** One permission, as in an RBAC role; `*` in a list stands for everything. */
export type Rule = {
  readonly verbs: readonly string[];
  /** API groups; the core group is the empty string. */
  readonly groups?: readonly string[];
  /** Plurals, or `plural/subresource`; `plural/*` covers all subresources. */
  readonly resources?: readonly string[];
  /** Absent: objects of every name. A request without a name does not match a list of names. */
  readonly names?: readonly string[];
  /** Absent: in every namespace, and cluster-scoped objects. */
  readonly namespaces?: readonly string[];
  /** Other paths; a `*` at the end stands for any rest. */
  readonly paths?: readonly string[];
};

/** Rules and the groups that have them. */
export type Grant = { readonly to: readonly string[]; readonly rules: readonly Rule[] };

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes("*") || list.includes(value));

const unrestricted = (list: readonly string[] | undefined, value: string): boolean =>
  list === undefined || has(list, value);

function coversPath(patterns: readonly string[] | undefined, path: string): boolean {
  return (patterns ?? []).some((pattern) =>
    pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  );
}

function coversResource(
  resources: readonly string[] | undefined,
  plural: string,
  subresource: string,
): boolean {
  if (subresource === "") return has(resources, plural);
  return has(resources, `${plural}/${subresource}`) || resources?.includes(`${plural}/*`) === true;
}

function covers(rule: Rule, { verb, path, resource }: RequestInfo): boolean {
  if (!has(rule.verbs, verb)) return false;
  if (resource === undefined) return coversPath(rule.paths, path);
  return (
    has(rule.groups, resource.group) &&
    coversResource(rule.resources, resource.plural, resource.subresource) &&
    unrestricted(rule.names, resource.name) &&
    unrestricted(rule.namespaces, resource.namespace)
  );
}

/** Whether any grant of the user's groups covers the request. Denies by default. */
export function evaluate(
  grants: readonly Grant[],
  user: Pick<User, "groups">,
  request: RequestInfo,
): Decision {
  const mine = grants.filter(({ to }) => to.some((group) => user.groups.includes(group)));
  return { allowed: mine.some(({ rules }) => rules.some((rule) => covers(rule, request))) };
}
