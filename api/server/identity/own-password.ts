import type { User } from "../access.ts";
import type { PolicyRule } from "../authz/policy.ts";
import type { Rights } from "../authz/rbac-authorizer.ts";
import { sessionExtra } from "../authn/session.ts";
import { userCollection } from "./collections.ts";

/** The Session by which a User acts for itself; `undefined` for all others, whatever their name. */
export function ownSession({ extra, actor }: User): string | undefined {
  // Whoever acts as another may say to have a session: only whom the server knows by one has it.
  return actor === undefined ? extra?.[sessionExtra]?.[0] : undefined;
}

/**
 * The rights of everybody, and beside them that of each User who is logged in to change the own password.
 * The endpoint asks for the current one.
 */
export function withOwnPassword(rights: Rights): Rights {
  const { group, plural } = userCollection;
  const ruleFor = (user: User): PolicyRule => ({
    verbs: ["update"],
    apiGroups: [group],
    resources: [`${plural}/password`],
    resourceNames: [user.name],
    nonResourceURLs: [],
  });
  return {
    ...rights,
    async authorize(user, request) {
      const { resource, verb } = request;
      const isPassword =
        resource?.group === group &&
        resource.plural === plural &&
        resource.subresource === "password";
      const isOwn = isPassword && verb === "update" && resource.name === user.name;
      if (isOwn && ownSession(user) !== undefined) {
        return { allowed: true, reason: "users change their own passwords" };
      }
      return rights.authorize(user, request);
    },
    rulesFor(user, namespace) {
      const rules = rights.rulesFor(user, namespace);
      return ownSession(user) === undefined ? rules : [...rules, ruleFor(user)];
    },
  };
}
