import { randomUUID } from "node:crypto";
import { decodeJwt, errors, exportJWK, type JSONWebKeySet, jwtVerify, SignJWT } from "jose";
import type { Clock } from "../../machinery/clock.ts";
import type { User } from "../access.ts";
import { tokenHash } from "../authn/token.ts";
import {
  type AccountClaims,
  accountUser,
  privateClaim,
  privateClaimName,
  readClaims,
  userOf,
} from "./account-claims.ts";
import type { TokenKeys } from "./token-keys.ts";

/** A token that is to be made. */
export type TokenOrder = {
  readonly claims: Omit<AccountClaims, "id">;
  /** Who shall accept it; not empty. */
  readonly audiences: readonly string[];
  /** Integer, 1 or more; absent: it ends only with what it is bound to. */
  readonly lifetimeSeconds?: number;
};

/** A token whose signature, issuer and times are right. Whether its objects exist is not known. */
export type VerifiedToken = {
  readonly claims: AccountClaims;
  readonly user: User;
  readonly audiences: readonly string[];
};

/** Makes and verifies the tokens of ServiceAccounts. */
export interface AccountTokens {
  /** The `iss` of every token, and the audience of those for this server. */
  readonly issuer: string;
  sign(order: TokenOrder): Promise<string>;
  /**
   * `undefined`: it is not one of ours. With `ended` its time may be over: it was good when something
   * began that still goes on.
   * @throws Error that says what is wrong with one of ours
   */
  verify(token: string, ended?: boolean): Promise<VerifiedToken | undefined>;
  /** The public keys, for others who verify. */
  jwks(): Promise<JSONWebKeySet>;
}

/** Where tokens come from unless the configuration says otherwise. */
export const defaultIssuer = "https://kubernetes.default.svc";

/** What tokens are made with. */
export type AccountTokensOptions = {
  readonly keys: TokenKeys;
  readonly clock: Pick<Clock, "nowMs">;
  /** Default {@link defaultIssuer}. */
  readonly issuer?: string;
};

type Cached = { readonly token: VerifiedToken; readonly expiresMs: number };

/** Most tokens whose verification is remembered: each costs about a kilobyte. */
const maxCached = 10_000;

/** A signature is checked once per token, which takes 0.2 ms; times on each use. */
class TokenCache {
  readonly #entries = new Map<string, Cached>();

  get(hash: string, nowMs: number): VerifiedToken | undefined {
    const found = this.#entries.get(hash);
    if (found === undefined) return undefined;
    if (found.expiresMs > nowMs) return found.token;
    this.#entries.delete(hash);
    throw expired();
  }

  set(hash: string, entry: Cached): void {
    if (this.#entries.size >= maxCached) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(hash, entry);
  }
}

const expired = (): Error => new Error("service account token has expired");

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined; // no JWT at all
  }
}

/** Tokens in the form of Kubernetes, signed with keys of our own. */
export function accountTokens(options: AccountTokensOptions): AccountTokens {
  const { keys, clock, issuer = defaultIssuer } = options;
  const cache = new TokenCache();
  const nowSeconds = (): number => Math.floor(clock.nowMs() / 1_000);
  return {
    issuer,
    async sign({ claims, audiences, lifetimeSeconds }) {
      const now = nowSeconds();
      const payload = { [privateClaimName]: privateClaim({ ...claims, id: "" }) };
      const jwt = new SignJWT(payload)
        .setProtectedHeader({ alg: keys.signing.algorithm, kid: keys.signing.id })
        .setIssuer(issuer)
        .setSubject(accountUser(claims.namespace, claims.account.name))
        .setAudience([...audiences])
        .setIssuedAt(now)
        .setNotBefore(now)
        .setJti(randomUUID());
      if (lifetimeSeconds !== undefined) jwt.setExpirationTime(now + lifetimeSeconds);
      return jwt.sign(keys.signing.key);
    },
    async verify(token, ended = false) {
      const hash = tokenHash(token);
      const nowMs = ended ? 0 : clock.nowMs();
      const known = cache.get(hash, nowMs);
      if (known !== undefined) return known;
      if (issuerOf(token) !== issuer) return undefined;
      const { payload } = await checked(token, { keys, issuer, nowMs, ended });
      const claims = readClaims(payload);
      if (claims === undefined) throw new Error("service account token has invalid claims");
      const { exp, aud = [] } = payload;
      const verified = { claims, user: userOf(claims), audiences: [aud].flat() };
      cache.set(hash, { token: verified, expiresMs: exp === undefined ? Infinity : exp * 1_000 });
      return verified;
    },
    async jwks() {
      const list = [...keys.verifying.values()].map(async ({ id, key, algorithm }) => ({
        ...(await exportJWK(key)),
        use: "sig",
        kid: id,
        alg: algorithm,
      }));
      return { keys: await Promise.all(list) };
    },
  };
}

type Rules = {
  readonly keys: TokenKeys;
  readonly issuer: string;
  readonly nowMs: number;
  readonly ended: boolean;
};

/** Longer than any token lives. */
const anySeconds = 1e11;

/** @throws Error in the words of Kubernetes; never with anything of the token in it */
async function checked(token: string, { keys, issuer, nowMs, ended }: Rules) {
  try {
    return await jwtVerify(
      token,
      ({ kid = "", alg }) => {
        const found = keys.verifying.get(kid);
        // A key verifies the one algorithm it was made for, whatever the token says.
        if (found === undefined || found.algorithm !== alg) throw new Error("unknown key");
        return found.key;
      },
      {
        issuer,
        algorithms: ["ES256", "RS256"],
        currentDate: new Date(nowMs),
        clockTolerance: ended ? anySeconds : 0,
      },
    );
  } catch (err) {
    if (err instanceof errors.JWTExpired) throw expired();
    throw new Error("invalid service account token", { cause: err });
  }
}
