import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { isJsonObject } from "../../machinery/equality.ts";
import { StatusError } from "../../machinery/errors.ts";
import type { KeyPair, Successor } from "./issue.ts";
import { sealKey, unsealKey } from "./sealed-key.ts";

/**
 * How far a rotation is. `Spreading`: a new root is trusted beside the old one, which still issues.
 * `Issuing`: the new root issues, the old one is still trusted. `Stable`: only the new root is trusted.
 */
export type AuthorityPhase = "Spreading" | "Issuing" | "Stable";

/** One root, as all servers know it. */
export type Root = {
  /** PEM. */
  readonly certificate: string;
  /** Its private key, sealed for who has that of the next older root; absent for the first root. */
  readonly sealedKey?: string;
  /** Its key, certified by the next older root, PEM; absent for the first root. */
  readonly cross?: string;
};

/** What the servers of a store agree upon, from the first rotation on. */
export type AuthorityRecord = {
  readonly phase: AuthorityPhase;
  /** When the phase began, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Newest first; what is not trusted any more is kept for those who slept through its end. */
  readonly roots: readonly Root[];
};

/** Whom a server trusts and by whom it signs. */
export type Authority = {
  readonly issuer: KeyPair;
  /** PEM each, the issuer's certificate first. */
  readonly roots: readonly string[];
  /** What leads from the issuer to its predecessors, PEM; may be empty. Goes out behind leaves. */
  readonly cross: string;
  /** Roots that were dropped, PEM each. */
  readonly retired: readonly string[];
};

/** So many rotations may be slept through. */
const maxRoots = 4;

/** How a root is told from others at a glance: 16 hex digits of the hash of its public key. */
export function rootMark(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("hex").slice(0, 16);
}

const refused = (why: string): Error => new StatusError("Conflict", why);

/** Begins a rotation. @throws StatusError `Conflict` while one goes on */
export function begunRotation(
  record: AuthorityRecord | undefined,
  old: KeyPair,
  { certificate, key, cross }: Successor,
  nowMs: number,
): AuthorityRecord {
  if (record !== undefined && record.phase !== "Stable") {
    throw refused(
      "Cannot rotate the certificate authority: a rotation goes on already, finish it first",
    );
  }
  const sealedKey = sealKey(key, old.key, certificate);
  const before = record?.roots ?? [{ certificate: old.certificate }];
  const roots = [{ certificate, sealedKey, cross }, ...before].slice(0, maxRoots);
  return { phase: "Spreading", sinceMs: nowMs, roots };
}

/** Clocks of servers may be so far apart. A phase that begins later than this was written by a wrong one. */
const skewMs = 60_000;

/** How long a new root is still to be spread, in milliseconds. */
export function restOfSpread({ sinceMs }: AuthorityRecord, nowMs: number, spreadMs: number) {
  return sinceMs > nowMs + skewMs ? 0 : Math.max(0, sinceMs + spreadMs - nowMs);
}

/** The record once every server had `spreadMs` to learn of the new root; the same before. */
export function advancedRotation(
  record: AuthorityRecord,
  nowMs: number,
  spreadMs: number,
): AuthorityRecord {
  const isDue = record.phase === "Spreading" && restOfSpread(record, nowMs, spreadMs) === 0;
  return isDue ? { ...record, phase: "Issuing", sinceMs: nowMs } : record;
}

/** Drops the old root. @throws StatusError `Conflict` unless the new one issues */
export function finishedRotation(
  record: AuthorityRecord | undefined,
  nowMs: number,
): AuthorityRecord {
  if (record === undefined || record.phase === "Stable") {
    throw refused(
      "Cannot finish a rotation of the certificate authority: none goes on, there is nothing to finish",
    );
  }
  if (record.phase === "Spreading") {
    throw refused(
      "Cannot finish the rotation: the new root does not issue yet, try again in a few seconds",
    );
  }
  return { ...record, phase: "Stable", sinceMs: nowMs };
}

/** The pair of files of a server that has never rotated. */
export function loneAuthority(issuer: KeyPair): Authority {
  return { issuer, roots: [issuer.certificate], cross: "", retired: [] };
}

/** The newest root that may issue and whose key leads there from the one that this server has. */
function issuerOf({ phase, roots }: AuthorityRecord, heldKey: string): KeyPair & { at: number } {
  const held = roots.findIndex(({ certificate }) => isKeyOf(certificate, heldKey));
  if (held === -1) {
    throw new Error(
      "its key is of none of the authorities that the store knows; copy ca.crt, ca.key and service-account.key from another server, or restore them from a backup",
    );
  }
  const goal = phase === "Spreading" ? 1 : 0;
  let [at, key] = [held, heldKey];
  for (; at > goal; at -= 1) {
    const next = roots[at - 1];
    if (next?.sealedKey === undefined) throw new Error("the store has no key of the next root");
    key = unsealKey(next.sealedKey, key, next.certificate);
  }
  return { certificate: roots[at]?.certificate ?? "", key, at };
}

function isKeyOf(certificate: string, key: string): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

/**
 * What the record means to a server that has the key of one of its roots, however old.
 * @throws Error that says what is missing
 */
export function authorityOf(record: AuthorityRecord, heldKey: string): Authority {
  const { at, ...issuer } = issuerOf(record, heldKey);
  const pem = record.roots.map(({ certificate }) => certificate);
  const trusted = record.phase === "Stable" ? 1 : 2;
  const others = pem.slice(0, trusted).filter((root) => root !== issuer.certificate);
  return {
    issuer,
    roots: [issuer.certificate, ...others],
    cross: record.roots
      .slice(at)
      .map(({ cross = "" }) => cross)
      .join(""),
    retired: pem.slice(trusted),
  };
}

/** Reads what {@link AuthorityRecord} looks like in the store. @throws Error when it is damaged */
export function parseAuthorityRecord(value: unknown): AuthorityRecord {
  if (!isJsonObject(value) || !Array.isArray(value["roots"]) || value["roots"].length === 0) {
    throw new Error("Cannot read the record of the certificate authority: it is damaged");
  }
  return value as AuthorityRecord;
}
