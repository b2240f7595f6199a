import type { Authenticator } from "../access.ts";
import type { TokenReviewer } from "../tokens/account-review.ts";
import { bearerToken } from "./token.ts";

/** Knows ServiceAccounts by their tokens for this server. */
export function accountAuthenticator(reviewer: TokenReviewer): Authenticator {
  return {
    async authenticate(credentials) {
      const { ongoing } = credentials;
      const token = bearerToken(credentials);
      if (token === undefined) return undefined;
      const verdict = await reviewer.review(token, ongoing === true ? { ongoing } : {});
      return verdict !== undefined && "user" in verdict ? verdict.user : undefined;
    },
  };
}
