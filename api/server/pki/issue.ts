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

type Keys = webcrypto.CryptoKeyPair;

const generateKeys = (): Promise<Keys> =>
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

const pemOf = (certificate: X509.X509Certificate): string => `${certificate.toString("pem")}\n`;

type Library = typeof X509;

/** What makes a certificate one of an authority, with so many more below it before the leaf. */
async function authorityExtensions(
  x509: Library,
  publicKey: X509.PublicKeyType,
  pathLength: number,
): Promise<X509.Extension[]> {
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

async function selfSigned(x509: Library, name: X509.JsonName, keys: Keys, nowMs: number) {
  return x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name,
    ...validity(nowMs, authorityDays),
    signingAlgorithm: algorithm,
    keys,
    // One more below it: its successor, see `issueSuccessor`.
    extensions: await authorityExtensions(x509, keys.publicKey, 1),
  });
}

/** Creates a certificate authority: ECDSA P-256, valid for ten years, for leaves and its successor. */
export async function issueAuthority(name: string, nowMs: number): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await generateKeys();
  const certificate = await selfSigned(x509, [{ CN: [name] }], keys, nowMs);
  return { certificate: pemOf(certificate), key: await toPem(keys.privateKey) };
}

const importKey = (x509: Library, pem: string): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey("pkcs8", x509.PemConverter.decodeFirst(pem), algorithm, false, [
    "sign",
  ]);

/** An authority that takes over from another one. */
export type Successor = KeyPair & {
  /**
   * The successor's key, certified by its predecessor (PEM): who trusts only that one trusts what the
   * successor issued when it is shown this too. RFC 4210, section 4.4, calls it "new with old".
   */
  readonly cross: string;
};

/**
 * Creates the authority that takes over from `old`. It has the same name: clients that choose their
 * certificate by the name of its issuer go on, and so do roots that allow nothing but leaves, which a
 * certificate of their own name does not count as.
 */
export async function issueSuccessor(old: KeyPair, nowMs: number): Promise<Successor> {
  const x509 = await loadX509();
  const keys = await generateKeys();
  const issuer = new x509.X509Certificate(old.certificate);
  const certificate = await selfSigned(x509, issuer.subjectName.toJSON(), keys, nowMs);
  const cross = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: issuer.subjectName,
    issuer: issuer.subjectName,
    notBefore: certificate.notBefore,
    notAfter: issuer.notAfter,
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await importKey(x509, old.key),
    extensions: [
      ...(await authorityExtensions(x509, keys.publicKey, 0)),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  const pair = { certificate: pemOf(certificate), key: await toPem(keys.privateKey) };
  return { ...pair, cross: pemOf(cross) };
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
  const signingKey = await importKey(x509, authority.key);
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
  return pemOf(certificate);
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
