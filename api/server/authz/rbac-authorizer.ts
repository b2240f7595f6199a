import type { Authorizer, Decision, User } from "../access.ts";
import { type Grants, type Held, heldBy, judge, rulesFor } from "./evaluate.ts";
import type { PolicyRule, RoleRef } from "./policy.ts";
import type { RbacIndex } from "./rbac-index.ts";

/** Members may do everything, whatever roles and bindings say: the way back in. */
export const mastersGroup = "system:masters";

/** Who may do what now, by the RBAC objects. */
export interface Rights extends Authorizer {
  /** All that a user may do in a namespace; in none, if that is empty, what holds everywhere. */
  rulesFor(user: User, namespace: string): readonly PolicyRule[];
  /** What a role allows; `undefined` when there is no such role. A Role is in `namespace`. */
  rulesOf(role: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
}

type Index = Grants & Pick<RbacIndex, "revision">;

/** Of a user who works in more namespaces, what is known is found out anew now and then. */
const maxNamespaces = 64;

/**
 * What users hold, found out once for each user and namespace after a change of RBAC. Authenticators hand
 * the same object out for the same user, so that this is one look-up for most requests.
 */
function knownHolders(index: Index): (user: User, namespace: string) => readonly Held[] {
  type Known = { readonly revision: number; readonly held: Map<string, readonly Held[]> };
  const byUser = new WeakMap<User, Known>();
  return (user, namespace) => {
    const { revision } = index;
    let known = byUser.get(user);
    if (known?.revision !== revision || known.held.size > maxNamespaces) {
      known = { revision, held: new Map() };
      byUser.set(user, known);
    }
    const found = known.held.get(namespace) ?? heldBy(index, user, namespace);
    known.held.set(namespace, found);
    return found;
  };
}

const master = Promise.resolve<Decision>({ allowed: true });

/** Judges by the RBAC objects; the first administrator's group needs none. */
export function rbacRights(grants: Index): Rights {
  const held = knownHolders(grants);
  return {
    authorize(user, request) {
      if (user.groups.includes(mastersGroup)) return master;
      const own = held(user, request.resource?.namespace ?? "");
      return Promise.resolve(judge(grants, own, request));
    },
    rulesFor: (user, namespace) => rulesFor(grants, user, namespace),
    rulesOf: (role, namespace) => grants.rulesOf(role, namespace),
  };
}
