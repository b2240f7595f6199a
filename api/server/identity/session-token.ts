import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * What opens a session. `access` is for requests of the CLI and lives for minutes, `refresh` gets the
 * next pair, `cookie` is what browsers carry.
 */
export type SessionTokenKind = "access" | "refresh" | "cookie";

/** A token as its text says; nothing about it is verified. */
export type SessionToken = {
  readonly kind: SessionTokenKind;
  /** metadata.name of the Session. */
  readonly session: string;
  readonly secret: string;
};

const prefixes: Readonly<Record<SessionTokenKind, string>> = {
  access: "lhs",
  refresh: "lhr",
  cookie: "lhc",
};
const kinds: Readonly<Record<string, SessionTokenKind>> = {
  lhs: "access",
  lhr: "refresh",
  lhc: "cookie",
};

const form = /^(lh[src])_([a-z2-7]{16,32})_([A-Za-z0-9_-]{43,128})$/;
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** A name for a new Session: 20 random letters and digits. It is no secret. */
export function newSessionName(): string {
  return [...randomBytes(20)].map((byte) => alphabet[byte % alphabet.length]).join("");
}

/** A secret of 256 bits that nobody guesses. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** The text that a client carries, e.g. `lhs_<session>_<secret>`. */
export function sessionTokenText({ kind, session, secret }: SessionToken): string {
  return `${prefixes[kind]}_${session}_${secret}`;
}

/** The token that a text is; `undefined` for any other text. */
export function parseSessionToken(text: string): SessionToken | undefined {
  const [, prefix = "", session, secret] = form.exec(text) ?? [];
  const kind = kinds[prefix];
  if (kind === undefined || session === undefined || secret === undefined) return undefined;
  return { kind, session, secret };
}

/** The form in which a secret is kept: who reads the store learns no token. */
export function secretDigest(secret: string): string {
  return hash("sha256", secret, "base64url");
}

/** Whether two digests are the same; takes the same time for all. */
export function isSameDigest(given: string, wanted: string): boolean {
  const [left, right] = [Buffer.from(given, "latin1"), Buffer.from(wanted, "latin1")];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Whether a secret is the one of a digest; takes the same time for every secret. */
export function isSecret(secret: string, digest: string): boolean {
  return isSameDigest(secretDigest(secret), digest);
}

/**
 * A refresh token has two parts: the first stays the same for the whole session and proves that the
 * token was once ours, the second is another after each use. So an old one is told from a guess,
 * and only an old one, which was copied, ends the session.
 */
export type RefreshSecret = { readonly family: string; readonly turn: string };

const partLength = 43;

/** The parts of a refresh token's secret; `undefined` for what is none. */
export function splitRefresh(secret: string): RefreshSecret | undefined {
  if (secret.length !== 2 * partLength) return undefined;
  return { family: secret.slice(0, partLength), turn: secret.slice(partLength) };
}
