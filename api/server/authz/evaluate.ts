import type { Decision, User } from "../access.ts";
import type { RequestInfo } from "../objects/request-info.ts";
import { type PolicyRule, rbacGroup } from "./policy.ts";
import type { Grant, RbacIndex } from "./rbac-index.ts";
import { ruleMatcher } from "./rule-match.ts";

/** What evaluation asks: `RbacIndex` in the product, a plain list in tests. */
export type Grants = Pick<RbacIndex, "ofUser" | "ofGroup" | "rulesOf" | "holds">;

/** A grant, with the rules of its role; `undefined` when there is no such role. */
export type Held = { readonly grant: Grant; readonly rules: readonly PolicyRule[] | undefined };

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

/** Everything bound to a user that may count in a namespace, cluster-wide rights first. Pure. */
export function heldBy(grants: Grants, user: User, namespace: string): readonly Held[] {
  return grantsOf(grants, user, namespace)
    .flat()
    .map((grant) => {
      const { roleRef, namespace: where } = grant.binding;
      return { grant, rules: grants.rulesOf(roleRef, where) };
    });
}

/**
 * Whether any role that a user holds allows the request. Denies by default; the reason then names
 * the roles that bindings refer to and that do not exist.
 */
export function judge(grants: Grants, held: readonly Held[], request: RequestInfo): Decision {
  const allows = ruleMatcher(request);
  for (const { grant, rules } of held) {
    if (rules?.some(allows) === true && grants.holds(grant.binding)) return allowedBy(grant);
  }
  const missing = held.filter(
    ({ rules, grant }) => rules === undefined && grants.holds(grant.binding),
  );
  if (missing.length === 0) return denied;
  const roles = [...new Set(missing.map(({ grant }) => missingRole(grant)))];
  const list = roles.join(", ");
  return { allowed: false, reason: `RBAC: ${roles.length === 1 ? list : `[${list}]`}` };
}

const denied: Decision = { allowed: false };

/** The same for a user of whom nothing is known yet. */
export function evaluate(grants: Grants, user: User, request: RequestInfo): Decision {
  return judge(grants, heldBy(grants, user, request.resource?.namespace ?? ""), request);
}

/** All that a user may do in a namespace, cluster-wide rights included. */
export function rulesFor(grants: Grants, user: User, namespace: string): readonly PolicyRule[] {
  return heldBy(grants, user, namespace)
    .filter(({ grant }) => grants.holds(grant.binding))
    .flatMap(({ rules }) => rules ?? []);
}
