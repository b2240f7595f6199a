import { hash } from "node:crypto";
import { loadX509 } from "../pki/issue.ts";

/** What a PKCS#10 request says, once its signature has proved that the sender has the key. */
export type RequestFacts = {
  /** Every CN of the subject. */
  readonly commonNames: readonly string[];
  /** Every O of the subject. */
  readonly organizations: readonly string[];
  /** Attributes of the subject but CN and O, e.g. `OU`. */
  readonly otherAttributes: readonly string[];
  /** OIDs of the extensions that it asks for. */
  readonly extensions: readonly string[];
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** See {@link keyFingerprint}. */
  readonly fingerprint: string;
  /** e.g. `EC P-256`, `RSA 2048`, `Ed25519`. */
  readonly keyKind: string;
};

/** How keys are told apart: `sha256:` and the hash of the SubjectPublicKeyInfo (DER), in hex. */
export function keyFingerprint(publicKey: Uint8Array): string {
  return `sha256:${hash("sha256", publicKey, "hex")}`;
}

type Algorithm = {
  readonly name: string;
  readonly namedCurve?: string;
  readonly modulusLength?: number;
};

function kindOf({ name, namedCurve, modulusLength }: Algorithm): string {
  if (namedCurve !== undefined && name.startsWith("EC")) return `EC ${namedCurve}`;
  return modulusLength === undefined ? name : `RSA ${modulusLength}`;
}

/**
 * Reads a request and verifies its signature.
 * @throws Error that says what is wrong with it, in words for the sender
 */
export async function readRequest(pem: string): Promise<RequestFacts> {
  const x509 = await loadX509();
  let request: InstanceType<typeof x509.Pkcs10CertificateRequest>;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
  } catch (err) {
    throw new Error("is no PKCS#10 certificate request", { cause: err });
  }
  let proved: boolean;
  try {
    proved = await request.verify();
  } catch (err) {
    throw new Error("has a key or signature of an unknown kind", { cause: err });
  }
  if (!proved) throw new Error("is not signed with the key that it is for");
  const subject = request.subjectName.toJSON();
  const valuesOf = (name: string): readonly string[] => subject.flatMap((part) => part[name] ?? []);
  const names = subject.flatMap((part) => Object.keys(part));
  const publicKey = new Uint8Array(request.publicKey.rawData);
  return {
    commonNames: valuesOf("CN"),
    organizations: valuesOf("O"),
    otherAttributes: names.filter((name) => name !== "CN" && name !== "O"),
    extensions: request.extensions.map(({ type }) => type),
    publicKey,
    fingerprint: keyFingerprint(publicKey),
    keyKind: kindOf(request.publicKey.algorithm as Algorithm),
  };
}
