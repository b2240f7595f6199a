import type { Authenticator, User } from "../access.ts";
import type { TokenReviewer } from "../tokens/account-review.ts";

/** The user who bears a token that is no ServiceAccount's; `undefined`: nobody we know. */
export type TokenUser = (token: string) => Promise<User | undefined>;

/** Knows bearers of tokens by authenticators; the first that knows one decides. */
export function tokenUserBy(authenticators: readonly Authenticator[]): TokenUser {
  return async (token) => {
    const credentials = { headers: { authorization: `Bearer ${token}` } };
    for (const one of authenticators) {
      const user = await one.authenticate(credentials);
      if (user !== undefined) return user;
    }
    return undefined;
  };
}

/**
 * Reviews tokens of people beside those of ServiceAccounts. They are for this server alone, whatever
 * else their issuer wrote into them: who asks for another audience learns that they are not for it.
 *
 * @param ownAudience the audience that means this server
 */
export function withTokenUsers(
  accounts: TokenReviewer,
  tokenUser: TokenUser,
  ownAudience: string,
): TokenReviewer {
  return {
    async review(token, options = {}) {
      const { audiences = [ownAudience] } = options;
      const verdict = await accounts.review(token, options);
      if (verdict !== undefined || !audiences.includes(ownAudience)) return verdict;
      const user = await tokenUser(token);
      return user === undefined ? undefined : { user, audiences: [ownAudience] };
    },
  };
}
