import type { AnyObject } from "../../machinery/object.ts";
import { encodeObject } from "../../store/item.ts";
import {
  isSameDigest,
  isSecret,
  newSecret,
  secretDigest,
  type SessionToken,
  sessionTokenText,
  splitRefresh,
} from "./session-token.ts";

/** How long an access token lives, in milliseconds. */
export const accessMs = 15 * 60_000;
/** An answer with new tokens may be lost: its refresh token may be shown again for so long. */
export const graceMs = 30_000;
/** Answers that may get lost one after the other. */
const maxAccesses = 4;

type Access = { readonly digest: string; readonly endsMs: number };

/** Digests of the tokens that open one Session. No token itself is ever kept. */
export type SessionSecrets = {
  /** Of a browser: of its cookie. */
  readonly cookie?: string;
  /** Access tokens, the newest last. */
  readonly accesses: readonly Access[];
  /** Of the part that all refresh tokens of the session share. */
  readonly family?: string;
  /** Of the part that only the newest has. */
  readonly turn?: string;
  /** Of the same part of the one before, and when it was replaced, in milliseconds. */
  readonly before?: { readonly digest: string; readonly atMs: number };
};

/** What a client gets; `accessEndsMs` in milliseconds since the epoch. */
export type TokenPair = {
  readonly access: string;
  readonly accessEndsMs: number;
  readonly refresh: string;
};

/** Secrets of a session, and the tokens that go to its client, never to be seen again. */
export type Minted<Tokens> = { readonly secrets: SessionSecrets; readonly tokens: Tokens };

/** Secrets for a browser. */
export function mintCookie(session: string): Minted<string> {
  const secret = newSecret();
  const tokens = sessionTokenText({ kind: "cookie", session, secret });
  return { secrets: { cookie: secretDigest(secret), accesses: [] }, tokens };
}

/** Secrets for a client that keeps a pair of tokens. */
export function mintPair(session: string, nowMs: number): Minted<TokenPair> {
  const family = newSecret();
  const secrets: SessionSecrets = { accesses: [], family: secretDigest(family) };
  return nextPair(secrets, { session, family, nowMs });
}

type Turn = { readonly session: string; readonly family: string; readonly nowMs: number };

function nextPair(secrets: SessionSecrets, { session, family, nowMs }: Turn): Minted<TokenPair> {
  const [access, turn] = [newSecret(), newSecret()];
  const accessEndsMs = nowMs + accessMs;
  const alive = secrets.accesses.filter(({ endsMs }) => endsMs > nowMs);
  const added = { digest: secretDigest(access), endsMs: accessEndsMs };
  return {
    secrets: {
      ...secrets,
      accesses: [...alive, added].slice(-maxAccesses),
      turn: secretDigest(turn),
    },
    tokens: {
      access: sessionTokenText({ kind: "access", session, secret: access }),
      accessEndsMs,
      refresh: sessionTokenText({ kind: "refresh", session, secret: family + turn }),
    },
  };
}

/** What a refresh token is good for. `replayed`: it was ours and is used up, so somebody has a copy. */
export type Refreshed = Minted<TokenPair> | "unknown" | "replayed";

/** Replaces the pair that a refresh token belongs to; the old one is worth nothing from then on. */
export function refreshPair(
  secrets: SessionSecrets,
  { session, secret }: SessionToken,
  nowMs: number,
): Refreshed {
  const parts = splitRefresh(secret);
  const { family, turn, before } = secrets;
  if (parts === undefined || family === undefined || turn === undefined) return "unknown";
  if (!isSecret(parts.family, family)) return "unknown";
  const next = (from: SessionSecrets): Minted<TokenPair> =>
    nextPair(from, { session, family: parts.family, nowMs });
  if (isSecret(parts.turn, turn))
    return next({ ...secrets, before: { digest: turn, atMs: nowMs } });
  // By the distance: a clock that is set back must not open the door to all that was copied.
  const isNear = Math.abs(nowMs - (before?.atMs ?? 0)) < graceMs;
  const isLost = before !== undefined && isNear && isSecret(parts.turn, before.digest);
  // Of the two answers only the newer goes on: whoever comes with the other is found out.
  return isLost ? next(secrets) : "replayed";
}

/** Whether a token opens the session now. Refresh tokens open nothing. */
export function opens(
  secrets: SessionSecrets,
  { kind, secret }: SessionToken,
  nowMs: number,
): boolean {
  if (kind === "refresh") return false;
  if (kind === "cookie") return secrets.cookie !== undefined && isSecret(secret, secrets.cookie);
  const given = secretDigest(secret);
  return secrets.accesses.some(
    ({ digest, endsMs }) => endsMs > nowMs && isSameDigest(given, digest),
  );
}

/** The stored form of secrets. */
export function encodeSecrets(secrets: SessionSecrets, metadata: object): Buffer {
  const type = { apiVersion: "lighthouse.dev/v1", kind: "SessionSecrets" };
  return encodeObject({ ...type, metadata, secrets });
}

/** Secrets from their stored form. */
export function secretsIn(object: AnyObject): SessionSecrets {
  return object["secrets"] as SessionSecrets; // only we write them
}
