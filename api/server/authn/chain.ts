import type { Authenticator, User } from "../access.ts";

/** Asks all in order; the first that knows the sender decides. Adds `system:authenticated`. */
export function authenticatorChain(links: readonly Authenticator[]): Authenticator {
  const known = new WeakMap<User, User>();
  return {
    async authenticate(credentials) {
      for (const link of links) {
        const found = await link.authenticate(credentials);
        if (found === undefined) continue;
        const user = known.get(found) ?? {
          ...found,
          groups: [...found.groups, "system:authenticated"],
        };
        known.set(found, user);
        return user;
      }
      return undefined;
    },
  };
}
