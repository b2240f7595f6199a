import {
  createPublicKey,
  hash,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from "node:crypto";
import { formatMicroTime } from "../machinery/time.ts";
import { type Link, noLink } from "./chain.ts";

/** Why a checkpoint was written. */
export type Occasion = "start" | "interval" | "rotate" | "stop";

/** What a server says of its log, now and then, with its signature. */
export type Checkpoint = {
  /** Of the log, for as long as it is continued: a random text. */
  readonly log: string;
  readonly why: Occasion;
  /** RFC 3339. */
  readonly at: string;
  /** Of the line before: all up to it is vouched for. */
  readonly seq: number;
  readonly hash: string;
  /** Sequence number of the first line of each file that must be there, oldest first. */
  readonly files: readonly number[];
  /** At a start: whether the last run had ended in order. What a crash had in memory is lost. */
  readonly clean?: boolean;
  /** At a start: the torn line that a crash left behind, which stands before this one. */
  readonly torn?: { readonly bytes: number; readonly sha256: string };
  /** At a start: lines that had been vouched for, and are not there. Both ends included. */
  readonly missing?: { readonly from: number; readonly to: number };
  /** At a start: the server had forgotten what it vouched for last. */
  readonly forgotten?: boolean;
  /** Events that could not be written since the last checkpoint. Integer. */
  readonly dropped?: number;
};

/** A checkpoint as it is kept apart from the log: its own text, and the signature of that. */
export type SignedCheckpoint = {
  readonly checkpoint: string;
  readonly signature: string;
  /** Fingerprint of the key, see {@link fingerprintOf}. */
  readonly key: string;
};

/** Who vouches for a log. */
export type Signer = { readonly key: string; sign(text: string): string };

const contentName = "audit.lighthouse.dev/checkpoint";
const signatureName = "audit.lighthouse.dev/signature";
const keyName = "audit.lighthouse.dev/key";
/** Keeps signatures from meaning anything elsewhere. */
const domain = "lighthouse audit checkpoint v1\n";

/** By what a public key is told from others: the first 16 characters of its SHA-256, base64url. */
export function fingerprintOf(key: KeyObject): string {
  return hash("sha256", key.export({ type: "spki", format: "der" }), "base64url").slice(0, 16);
}

/** Signs with an ed25519 private key. */
export function signerOf(privateKey: KeyObject): Signer {
  return {
    key: fingerprintOf(createPublicKey(privateKey)),
    sign: (text) => signBytes(null, Buffer.from(domain + text), privateKey).toString("base64url"),
  };
}

/** Signs a checkpoint. */
export function signed(checkpoint: Checkpoint, signer: Signer): SignedCheckpoint {
  const text = JSON.stringify(checkpoint);
  return { checkpoint: text, signature: signer.sign(text), key: signer.key };
}

/** Whether one of the keys made the signature. */
export function isGenuine(
  { checkpoint, signature, key }: SignedCheckpoint,
  keys: readonly KeyObject[],
): boolean {
  const bytes = Buffer.from(domain + checkpoint);
  return keys.some(
    (one) =>
      fingerprintOf(one) === key &&
      verifyBytes(null, bytes, one, Buffer.from(signature, "base64url")),
  );
}

/** What a checkpoint says; `undefined` for a text that is none. */
export function readCheckpoint(text: string): Checkpoint | undefined {
  try {
    const value = JSON.parse(text) as Checkpoint;
    const { log, seq, hash: head, files } = value;
    const whole = typeof log === "string" && typeof head === "string" && Number.isInteger(seq);
    return whole && Array.isArray(files) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The event that carries a checkpoint in the log: JSON without the chain. */
export function checkpointEvent(
  { checkpoint, signature, key }: SignedCheckpoint,
  id: string,
  nowMs: number,
): string {
  const time = formatMicroTime(nowMs);
  return JSON.stringify({
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID: id,
    stage: "ResponseComplete",
    requestURI: "/audit",
    verb: "checkpoint",
    user: { username: "system:lighthouse:server" },
    sourceIPs: [],
    requestReceivedTimestamp: time,
    stageTimestamp: time,
    annotations: { [contentName]: checkpoint, [signatureName]: signature, [keyName]: key },
  });
}

/** The checkpoint that a line of the log carries. */
export function checkpointIn(line: string): SignedCheckpoint | undefined {
  if (!line.includes(`"${contentName}":`)) return undefined; // spares parsing most lines
  try {
    const { annotations = {} } = JSON.parse(line) as {
      readonly annotations?: Readonly<Record<string, string>>;
    };
    const { [contentName]: checkpoint, [signatureName]: signature, [keyName]: key } = annotations;
    if (checkpoint === undefined || signature === undefined || key === undefined) return undefined;
    return { checkpoint, signature, key };
  } catch {
    return undefined;
  }
}

/** The link that a checkpoint vouches for. */
export function vouchedLink(checkpoint: Checkpoint | undefined): Link {
  return checkpoint === undefined ? noLink : { seq: checkpoint.seq, hash: checkpoint.hash };
}

/** How a checkpoint names what a crash left of a line. */
export function tornOf(text: string): NonNullable<Checkpoint["torn"]> {
  return { bytes: Buffer.byteLength(text), sha256: hash("sha256", text, "base64url") };
}
