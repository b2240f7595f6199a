import type { Decision, User } from "../access.ts";
import type { RequestInfo } from "../objects/request-info.ts";
import { type PolicyRule, rbacGroup } from "./policy.ts";
import type { Grant, RbacIndex } from "./rbac-index.ts";
import { ruleMatcher } from "./rule-match.ts";

/** What evaluation asks: `RbacIndex` in the product, a plain list in tests. */
export type Grants = Pick<RbacIndex, "ofUser" | "ofGroup" | "rulesOf">;

/** Everything bound to a user, in some namespace; cluster-wide if that is empty. */
function grantsIn(grants: Grants, user: User, where: string): readonly (readonly Grant[])[] {
  const lists = user.groups.map((group) => grants.ofGroup(group, where));
  lists.push(grants.ofUser(user.name, where));
  return lists;
}

/** Everything bound to a user: cluster-wide first, then in the namespace if there is one. */
function grantsOf(grants: Grants, user: User, namespace: string): readonly (readonly Grant[])[] {
  const everywhere = grantsIn(grants, user, "");
  return namespace === "" ? everywhere : [...everywhere, ...grantsIn(grants, user, namespace)];
}

function subjectText({ subject: { kind, name, namespace } }: Grant): string {
  return `${kind} ${JSON.stringify(kind === "ServiceAccount" ? `${name}/${namespace}` : name)}`;
}

/** Each request is told why it is allowed: that text is made once per grant. */
const allowances = new WeakMap<Grant, Decision>();

function allowedBy(grant: Grant): Decision {
  const known = allowances.get(grant) ?? allowanceOf(grant);
  allowances.set(grant, known);
  return known;
}

function allowanceOf(grant: Grant): Decision {
  const { name, namespace, roleRef } = grant.binding;
  const binding =
    namespace === ""
      ? `ClusterRoleBinding ${JSON.stringify(name)}`
      : `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`;
  const role = `${roleRef.kind} ${JSON.stringify(roleRef.name)}`;
  return {
    allowed: true,
    reason: `RBAC: allowed by ${binding} of ${role} to ${subjectText(grant)}`,
  };
}

function missingRole({ binding: { roleRef } }: Grant): string {
  return `${roleRef.kind.toLowerCase()}.${rbacGroup} ${JSON.stringify(roleRef.name)} not found`;
}

/**
 * Whether any role bound to the user allows the request. Denies by default; the reason then names
 * the roles that bindings refer to and that do not exist. Pure.
 */
export function evaluate(grants: Grants, user: User, request: RequestInfo): Decision {
  const missing = new Set<string>();
  const allows = ruleMatcher(request);
  for (const list of grantsOf(grants, user, request.resource?.namespace ?? "")) {
    for (const grant of list) {
      const rules = grants.rulesOf(grant.binding.roleRef, grant.binding.namespace);
      if (rules === undefined) missing.add(missingRole(grant));
      else if (rules.some(allows)) return allowedBy(grant);
    }
  }
  if (missing.size === 0) return { allowed: false };
  const list = [...missing].join(", ");
  return { allowed: false, reason: `RBAC: ${missing.size === 1 ? list : `[${list}]`}` };
}

/** All that a user may do in a namespace, cluster-wide rights included. */
export function rulesFor(grants: Grants, user: User, namespace: string): readonly PolicyRule[] {
  return grantsOf(grants, user, namespace)
    .flat()
    .flatMap(({ binding }) => grants.rulesOf(binding.roleRef, binding.namespace) ?? []);
}
