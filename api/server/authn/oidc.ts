import { errors, type JWTPayload, jwtVerify } from "jose";
import type { Clock } from "../../machinery/clock.ts";
import type { Authenticator, User } from "../access.ts";
import type { JwtConfig } from "./oidc-config.ts";
import { type IssuerKeys, type KeySet, wantsOtherKeys } from "./oidc-keys.ts";
import { ClaimProblem, type ToUser } from "./oidc-user.ts";
import { bearerToken, tokenHash } from "./token.ts";

/** The algorithms that Kubernetes accepts. All are asymmetric: a public key is never taken for a secret. */
const algorithms = "RS256 RS384 RS512 ES256 ES384 ES512 PS256 PS384 PS512".split(" ");

/** An issuer that is trusted, ready to judge tokens. */
export type TrustedIssuer = {
  readonly config: JwtConfig;
  readonly keys: IssuerKeys;
  readonly toUser: ToUser;
};

/** What knowing users by ID tokens needs. */
export type OidcOptions = {
  readonly issuers: readonly TrustedIssuer[];
  readonly clock: Pick<Clock, "nowMs">;
  /** Whether there is a User object of that name that is disabled; asked with each request. */
  readonly isDisabled: (name: string) => boolean;
  /** Told why a token of a trusted issuer was refused: its bearer only learns that it was. */
  readonly onRefused?: (issuer: string, why: string) => void;
  /** Told of groups of the system that a token claimed in vain. */
  readonly onDropped?: (issuer: string, user: string, groups: readonly string[]) => void;
};

/** Longer ones are not looked at: an ID token with two hundred groups has a quarter of it. */
const maxTokenLength = 32_768;
/** Most tokens whose verification is remembered: each costs as much as it is long, at most. */
const maxCached = 4_096;
/** Longer ones are verified each time, which takes a fraction of a millisecond: memory stays bounded. */
const maxCachedLength = 8_192;
/** How far an issuer's clock may be ahead of ours, for `nbf` alone. As long as in Kubernetes. */
const leewaySeconds = 300;
/** Of a token without `kid`, so many keys are tried. */
const maxTried = 8;

type Cached = {
  readonly user: User;
  readonly issuer: TrustedIssuer;
  readonly expiresMs: number;
  readonly generation: number;
};

/** The issuer that a token claims; nothing of it is believed yet. */
function claimedIssuer(token: string): string | undefined {
  const [, payload = "", , more] = token.split(".", 4);
  if (more !== undefined || payload === "") return undefined;
  try {
    const { iss } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as JWTPayload;
    return typeof iss === "string" ? iss : undefined;
  } catch {
    return undefined; // no JWT at all
  }
}

type Terms = {
  readonly issuer: TrustedIssuer;
  readonly nowMs: number;
  /** It opened something that goes on: that its time is over does not matter. */
  readonly ongoing: boolean;
};

/** Longer than any token lives. */
const anySeconds = 1e11;

async function payloadBy(token: string, keys: KeySet, terms: Terms): Promise<JWTPayload> {
  const { url, audiences } = terms.issuer.config.issuer;
  const options = {
    issuer: url,
    audience: [...audiences],
    algorithms,
    requiredClaims: ["exp"],
    currentDate: new Date(terms.nowMs),
    clockTolerance: terms.ongoing ? anySeconds : leewaySeconds,
  };
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (err) {
    if (!(err instanceof errors.JWKSMultipleMatchingKeys)) throw err;
    return anyOf(token, err, options);
  }
}

/** A token that names no key may be signed with any that fits its algorithm. */
async function anyOf(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: Parameters<typeof jwtVerify>[2],
): Promise<JWTPayload> {
  let tried = 0;
  for await (const key of keys) {
    tried += 1;
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (err) {
      const isOther = err instanceof errors.JWSSignatureVerificationFailed;
      if (!isOther || tried >= maxTried) throw err;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

async function verify(token: string, terms: Terms): Promise<JWTPayload> {
  const { keys } = terms.issuer;
  const first = await keys.current();
  try {
    return await payloadBy(token, first, terms);
  } catch (err) {
    const others = wantsOtherKeys(err) ? await keys.otherThan(first) : undefined;
    if (others === undefined) throw err;
    return payloadBy(token, others, terms);
  }
}

/** Milliseconds since the epoch. The leeway is for the clock of who begins, not for who is late. */
function expiryOf({ exp = 0 }: JWTPayload, nowMs: number): number {
  if (exp * 1_000 > nowMs) return exp * 1_000;
  throw new ClaimProblem("the token has expired");
}

/** In words without anything of the token: claims are named, not quoted. */
function whyOf(err: unknown): string {
  if (err instanceof errors.JWTClaimValidationFailed) return `claim ${err.claim}: ${err.reason}`;
  return err instanceof Error ? err.message : String(err);
}

/**
 * Knows users by ID tokens of trusted issuers (OpenID Connect Core 3.1.3.7, as Kubernetes does it). What
 * was verified is remembered until the token ends, the issuer's keys change or there are too many.
 */
export function oidcAuthenticator(options: OidcOptions): Authenticator {
  const { clock, isDisabled, onRefused = () => {}, onDropped = () => {} } = options;
  const issuers = new Map(options.issuers.map((one) => [one.config.issuer.url, one]));
  const cache = new Map<string, Cached>();

  function remembered(digest: string, ongoing: boolean): User | undefined {
    const found = cache.get(digest);
    if (found === undefined) return undefined;
    const holds = found.generation === found.issuer.keys.generation;
    if (holds && (ongoing || found.expiresMs > clock.nowMs())) return found.user;
    cache.delete(digest);
    return undefined;
  }

  async function judged(token: string, digest: string, terms: Terms): Promise<User> {
    const { issuer, nowMs, ongoing } = terms;
    const payload = await verify(token, terms);
    const { user, droppedGroups } = issuer.toUser(payload);
    if (ongoing) return user;
    const expiresMs = expiryOf(payload, nowMs);
    if (droppedGroups.length > 0) onDropped(issuer.config.issuer.url, user.name, droppedGroups);
    if (token.length > maxCachedLength) return user;
    if (cache.size >= maxCached) {
      const [oldest] = cache.keys();
      if (oldest !== undefined) cache.delete(oldest);
    }
    cache.set(digest, { user, issuer, expiresMs, generation: issuer.keys.generation });
    return user;
  }

  async function userOf(token: string, ongoing: boolean): Promise<User | undefined> {
    const digest = tokenHash(token);
    const known = remembered(digest, ongoing);
    if (known !== undefined) return known;
    const url = claimedIssuer(token);
    const issuer = url === undefined ? undefined : issuers.get(url);
    if (url === undefined || issuer === undefined) return undefined;
    try {
      return await judged(token, digest, { issuer, nowMs: clock.nowMs(), ongoing });
    } catch (err) {
      onRefused(url, whyOf(err));
      return undefined;
    }
  }

  return {
    async authenticate(credentials) {
      const token = bearerToken(credentials);
      if (token === undefined || token.length > maxTokenLength) return undefined;
      const user = await userOf(token, credentials.ongoing === true);
      if (user === undefined || !isDisabled(user.name)) return user;
      onRefused("", `User ${user.name} is disabled`);
      return undefined;
    },
  };
}
