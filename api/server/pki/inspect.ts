import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { pemBlocks } from "../../machinery/authority.ts";
import type { Identity, KeyPair } from "./issue.ts";

const dayMs = 86_400_000;
/** A certificate is replaced when it has less than this left. */
export const renewBeforeMs = 30 * dayMs;

/**
 * The certificate of a PEM text.
 * @throws Error if it holds none, saying only what is wrong with it.
 */
export function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (err) {
    throw new Error("it does not hold a certificate in PEM", { cause: err });
  }
}

/** The certificates of a PEM text, in order. @throws Error if one is damaged */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  return pemBlocks(pem).map(readCertificate);
}

/** @throws Error if the PEM text is no private key, or not the one of this certificate. */
export function requireKeyOf(certificate: X509Certificate, pem: string): void {
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(pem));
  } catch (err) {
    throw new Error("it does not hold a private key in PEM", { cause: err });
  }
  if (!matches) throw new Error("it is not the key of the certificate beside it");
}

/** Subject lines of a certificate, e.g. `CN=admin`, as a sorted list. */
const subjectOf = (certificate: X509Certificate): string =>
  certificate.subject.split("\n").sort().join("\n");

const subjectFor = ({ user, groups }: Identity): string =>
  [...groups.map((group) => `O=${group}`), `CN=${user}`].sort().join("\n");

/** Whether a certificate was issued by this authority, and by this very key of it. */
export function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/** One spelling per address: `::1` is written `0:0:0:0:0:0:0:1` in certificates. */
function canonicalName(name: string): string {
  if (isIP(name) !== 6) return name.toLowerCase();
  return new URL(`http://[${name}]`).hostname;
}

/** The names of a certificate's SAN extension, in one spelling and order. */
function namesOf({ subjectAltName }: X509Certificate): string {
  const names = (subjectAltName ?? "").split(", ").filter((entry) => entry !== "");
  return names
    .map((entry) => canonicalName(entry.replace(/^(DNS|IP Address):/, "")))
    .sort()
    .join("\n");
}

/** What a leaf certificate ought to be. */
export type Wanted = {
  readonly authority: X509Certificate;
  readonly identity: Identity;
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
};

/**
 * Whether a pair can stay in use: issued by our authority to this identity for these names, and
 * with enough time left.
 */
export function isCurrent(pair: KeyPair, { authority, identity, names, nowMs }: Wanted): boolean {
  const certificate = readCertificate(pair.certificate);
  return (
    isIssuedBy(certificate, authority) &&
    certificate.validToDate.getTime() - nowMs > renewBeforeMs &&
    subjectOf(certificate) === subjectFor(identity) &&
    namesOf(certificate) === names.map(canonicalName).sort().join("\n")
  );
}
