import { createHmac, timingSafeEqual } from "node:crypto";

/** A line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
type Line = {
  /** `@revoked` or `@cert-authority`; empty for a plain key. */
  readonly marker: string;
  readonly hosts: string;
  /** e.g. `ssh-ed25519`. */
  readonly type: string;
  readonly key: Buffer;
};

/** A server, as known_hosts names it. */
export type KnownHost = { readonly host: string; readonly port: number };

/** What is known of a server's key. `changed`: other keys of the same type are known. */
export type KeyVerdict = "known" | "unknown" | "changed" | "revoked";

function readLine(text: string): Line | undefined {
  const words = text.trim().split(/\s+/);
  const marker = words[0]?.startsWith("@") === true ? words[0] : "";
  const [hosts, type, key] = marker === "" ? words : words.slice(1);
  if (hosts === undefined || hosts.startsWith("#") || type === undefined || key === undefined)
    return undefined;
  return { marker, hosts, type, key: Buffer.from(key, "base64") };
}

const nameOf = ({ host, port }: KnownHost): string => (port === 22 ? host : `[${host}]:${port}`);

/** `|1|salt|hash`: HMAC-SHA1 of the name, so that a stolen file does not list its hosts. */
function isHashOf(pattern: string, name: string): boolean {
  const [, , salt = "", hash = ""] = pattern.split("|");
  const want = Buffer.from(hash, "base64");
  const have = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest();
  return want.length === have.length && timingSafeEqual(want, have);
}

/** Glob with `*` and `?`, in time that is linear per star. */
function isLike(pattern: string, name: string): boolean {
  let [at, from, star, kept] = [0, 0, -1, 0];
  while (from < name.length) {
    if (pattern[at] === "*") [star, kept, at] = [at, from, at + 1];
    else if (pattern[at] === "?" || pattern[at] === name[from]) [at, from] = [at + 1, from + 1];
    else if (star >= 0) [at, from, kept] = [star + 1, kept + 1, kept + 1];
    else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}

function isAbout({ hosts }: Line, name: string): boolean {
  if (hosts.startsWith("|1|")) return isHashOf(hosts, name);
  const patterns = hosts.toLowerCase().split(",");
  const forbidden = patterns.some((one) => one.startsWith("!") && isLike(one.slice(1), name));
  return !forbidden && patterns.some((one) => isLike(one, name));
}

function linesAbout(knownHosts: string, host: KnownHost): readonly Line[] {
  const name = nameOf(host).toLowerCase();
  return knownHosts
    .split("\n")
    .flatMap((text) => readLine(text) ?? [])
    .filter((line) => isAbout(line, name));
}

const signatures: Readonly<Record<string, readonly string[]>> = {
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"], // never SHA-1
};

/**
 * Algorithms by which a server can prove a key that is known, so that it does not choose another key
 * of its own. Empty for a server of which no key is known.
 */
export function knownAlgorithms(knownHosts: string, host: KnownHost): readonly string[] {
  const types = linesAbout(knownHosts, host)
    .filter(({ marker }) => marker === "")
    .map(({ type }) => type);
  return [...new Set(types)].flatMap((type) => signatures[type] ?? [type]);
}

/** The type of a key in its wire form (RFC 4253, 6.6); empty for what is no key. */
function typeOf(key: Buffer): string {
  if (key.length < 4) return "";
  return key.toString("latin1", 4, 4 + Math.min(key.readUInt32BE(0), 64));
}

/** What a known_hosts file says of the key that a server shows, in its wire form. */
export function judgeKey(knownHosts: string, host: KnownHost, key: Buffer): KeyVerdict {
  const lines = linesAbout(knownHosts, host);
  const same = lines.filter((line) => line.key.equals(key));
  if (same.some(({ marker }) => marker === "@revoked")) return "revoked";
  if (same.some(({ marker }) => marker === "")) return "known";
  const type = typeOf(key);
  return lines.some((line) => line.marker === "" && line.type === type) ? "changed" : "unknown";
}
