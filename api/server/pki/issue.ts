import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import type * as X509 from "@peculiar/x509";

/** A certificate and its private key, both PEM. */
export type KeyPair = { readonly certificate: string; readonly key: string };

/** Who a client certificate stands for: CN is the user, each O a group. */
export type Identity = {
  readonly user: string;
  readonly groups: readonly string[];
  /** OU: says nothing about rights. Absent on what the server issues to itself. */
  readonly unit?: string;
};

/** What a certificate is to say. */
export type CertificateRequest = {
  readonly identity: Identity;
  readonly usage: "server" | "client";
  /** DNS names and IP addresses a server answers to; empty for clients. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
};

const dayMs = 86_400_000;
/** Ten years: the root of trust of every agent and kubeconfig. */
const authorityDays = 3650;
const leafDays = 365;
/** Certificates hold from an hour ago, so that a host whose clock is behind accepts them. */
const skewMs = 3_600_000;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** The certificate library. Loading takes 100 ms and more: only what issues or reads requests does. */
export async function loadX509(): Promise<typeof X509> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

/** 127 random bits: positive, and never used twice. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0);
  return bytes.toString("hex");
}

const validity = (nowMs: number, days: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(nowMs - skewMs),
  notAfter: new Date(nowMs + days * dayMs),
});

async function toPem(key: webcrypto.CryptoKey): Promise<string> {
  const { PemConverter } = await loadX509();
  const bytes = await webcrypto.subtle.exportKey("pkcs8", key);
  return `${PemConverter.encode(bytes, "PRIVATE KEY")}\n`;
}

/** Creates a certificate authority: ECDSA P-256, valid for ten years, for leaves only. */
export async function issueAuthority(name: string, nowMs: number): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    ...validity(nowMs, authorityDays),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await toPem(keys.privateKey) };
}

function subjectOf({ user, groups, unit }: Identity): X509.JsonName {
  const units = unit === undefined ? [] : [{ OU: [unit] }];
  return [...groups.map((group) => ({ O: [group] })), ...units, { CN: [user] }];
}

/** What differs between leaf certificates. */
type Leaf = Pick<CertificateRequest, "identity" | "usage" | "names" | "nowMs"> & {
  readonly publicKey: X509.PublicKeyType;
  /** Milliseconds since the epoch. */
  readonly endMs: number;
};

async function signLeaf(authority: KeyPair, leaf: Leaf): Promise<string> {
  const x509 = await loadX509();
  const { identity, usage, names, nowMs, publicKey, endMs } = leaf;
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(authority.key),
    algorithm,
    false,
    ["sign"],
  );
  const sans = names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const);
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: subjectOf(identity),
    issuer: issuer.subjectName,
    notBefore: new Date(nowMs - skewMs),
    notAfter: new Date(Math.min(endMs, issuer.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage === "server" ? serverAuth : clientAuth]),
      ...(sans.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(sans)]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

/** Issues a certificate with a new key, valid for a year. */
export async function issueCertificate(
  authority: KeyPair,
  request: CertificateRequest,
): Promise<KeyPair> {
  const keys = await generateKeys();
  const endMs = request.nowMs + leafDays * dayMs;
  const certificate = await signLeaf(authority, { ...request, publicKey: keys.publicKey, endMs });
  return { certificate, key: await toPem(keys.privateKey) };
}

/** A client certificate for a key that somebody else has. */
export type ClientOrder = {
  readonly identity: Identity;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** How long it holds, in milliseconds; never longer than the authority itself. */
  readonly lifetimeMs: number;
};

/** Signs a client certificate, PEM. What it says is the caller's to have checked. */
export async function issueForKey(authority: KeyPair, order: ClientOrder): Promise<string> {
  const x509 = await loadX509();
  const { identity, nowMs, lifetimeMs } = order;
  const publicKey = new x509.PublicKey(order.publicKey);
  const leaf = { identity, usage: "client", names: [], nowMs, publicKey } as const;
  return signLeaf(authority, { ...leaf, endMs: nowMs + lifetimeMs });
}
