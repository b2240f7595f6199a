import { hash } from "node:crypto";

/** A line's place in the chain. */
export type Link = {
  /** Counts from 1; never starts anew. Integer. */
  readonly seq: number;
  /** Of this line and, by the one before it, of all before: SHA-256, base64url, 43 characters. */
  readonly hash: string;
};

/** What the first line of a log follows. */
export const noLink: Link = { seq: 0, hash: "" };

const seqName = "audit.lighthouse.dev/sequence";
const hashName = "audit.lighthouse.dev/hash";
// At the end, where no text of a client can be: quotes inside of JSON texts are escaped.
const ending = new RegExp(`"${seqName}":"(\\d{1,15})","${hashName}":"([\\w-]{43})"\\}\\}$`);
const hashPart = `,"${hashName}":"`.length + 43 + `"}}`.length;

const hashOf = (before: Link, text: string): string =>
  hash("sha256", `${before.hash}\n${text}`, "base64url");

/**
 * Chains an event to the one before it: two more annotations, so that it stays an audit.k8s.io/v1
 * Event. `event` is its JSON, with `annotations` last and no line end.
 */
export function seal(event: string, before: Link): { readonly line: string; readonly link: Link } {
  const seq = before.seq + 1;
  const comma = event.endsWith("{}}") ? "" : ",";
  const text = `${event.slice(0, -2)}${comma}"${seqName}":"${seq}"`;
  const link = { seq, hash: hashOf(before, text) };
  return { line: `${text},"${hashName}":"${link.hash}"}}`, link };
}

/** What a line says of its place; `undefined` when it is none that {@link seal} made. */
export function linkOf(line: string): Link | undefined {
  const found = ending.exec(line.length > 200 ? line.slice(-200) : line);
  return found === null ? undefined : { seq: Number(found[1]), hash: found[2] ?? "" };
}

/** Whether a line is what it was when it was written after `before`. */
export function isSealed(line: string, before: Link): boolean {
  return linkOf(line)?.hash === hashOf(before, line.slice(0, -hashPart));
}
