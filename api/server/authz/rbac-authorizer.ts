import type { Authorizer, User } from "../access.ts";
import { evaluate, type Grants, rulesFor } from "./evaluate.ts";
import type { PolicyRule, RoleRef } from "./policy.ts";

/** Members may do everything, whatever roles and bindings say: the way back in. */
export const mastersGroup = "system:masters";

/** Who may do what now, by the RBAC objects. */
export interface Rights extends Authorizer {
  /** All that a user may do in a namespace; in none, if that is empty, what holds everywhere. */
  rulesFor(user: User, namespace: string): readonly PolicyRule[];
  /** What a role allows; `undefined` when there is no such role. A Role is in `namespace`. */
  rulesOf(role: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
}

/** Judges by the RBAC objects; the first administrator's group needs none. */
export function rbacRights(grants: Grants): Rights {
  return {
    async authorize(user, request) {
      const allowed = user.groups.includes(mastersGroup);
      return Promise.resolve(allowed ? { allowed } : evaluate(grants, user, request));
    },
    rulesFor: (user, namespace) => rulesFor(grants, user, namespace),
    rulesOf: (role, namespace) => grants.rulesOf(role, namespace),
  };
}
