import { webcrypto } from "node:crypto";
import { loadX509 } from "../../api/server/pki/issue.ts";

/** What a test asks a certificate for; the defaults are those of a beacon `edge`. */
export type Wish = {
  /** e.g. `CN=system:beacon:edge,O=system:beacons`. */
  readonly subject?: string;
  /** Subject alternative DNS names. */
  readonly names?: readonly string[];
  readonly keys?: webcrypto.CryptoKeyPair;
  /** Default ECDSA P-256; `RSA-1024` is too weak. */
  readonly algorithm?: "ECDSA" | "Ed25519" | "RSA-2048" | "RSA-1024";
};

const algorithms = {
  ECDSA: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  Ed25519: { name: "Ed25519" },
  "RSA-2048": rsa(2048),
  "RSA-1024": rsa(1024),
} as const;

function rsa(modulusLength: number) {
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent, modulusLength } as const;
}

/** A key pair for {@link certificateRequest}. */
export async function requestKeys(
  algorithm: keyof typeof algorithms = "ECDSA",
): Promise<webcrypto.CryptoKeyPair> {
  const pair = await webcrypto.subtle.generateKey(algorithms[algorithm], true, ["sign", "verify"]);
  return pair as webcrypto.CryptoKeyPair;
}

/** A PKCS#10 request, PEM. */
export async function certificateRequest(wish: Wish = {}): Promise<string> {
  const { subject = "CN=system:beacon:edge,O=system:beacons", names = [] } = wish;
  const algorithm = algorithms[wish.algorithm ?? "ECDSA"];
  const x509 = await loadX509();
  const sans = names.map((value) => ({ type: "dns", value }) as const);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys: wish.keys ?? (await requestKeys(wish.algorithm)),
    signingAlgorithm: algorithm,
    extensions: sans.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(sans)],
  });
  return `${request.toString("pem")}\n`;
}

/** A CertificateSigningRequest for the signer of agents. */
export function requestBody(name: string, pem: string): Readonly<Record<string, unknown>> {
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name },
    spec: {
      request: Buffer.from(pem).toString("base64"),
      signerName: "lighthouse.dev/beacon",
      usages: ["digital signature", "client auth"],
    },
  };
}
