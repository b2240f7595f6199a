import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";

/** A certificate and its private key, both PEM. */
export type KeyPair = { readonly certificate: string; readonly key: string };

/** Who a client certificate stands for: CN is the user, each O a group. */
export type Identity = { readonly user: string; readonly groups: readonly string[] };

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

// Loading takes 100 ms and more, and only a start that issues something needs it.
async function loadX509() {
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

/** Issues a certificate with a new key, valid for a year. */
export async function issueCertificate(
  authority: KeyPair,
  { identity, usage, names, nowMs }: CertificateRequest,
): Promise<KeyPair> {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(authority.key),
    algorithm,
    false,
    ["sign"],
  );
  const keys = await generateKeys();
  const sans = names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const);
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...identity.groups.map((group) => ({ O: [group] })), { CN: [identity.user] }],
    issuer: issuer.subjectName,
    ...validity(nowMs, leafDays),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage === "server" ? serverAuth : clientAuth]),
      ...(sans.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(sans)]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await toPem(keys.privateKey) };
}
