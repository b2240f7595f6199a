import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import tls, { rootCertificates } from "node:tls";
import { badRequest } from "../machinery/errors.ts";
import { tlsFloor } from "../machinery/tls-floor.ts";
import type { EtcdTls } from "./store-url.ts";

/** What etcd's client takes, PEM. */
export type EtcdCredentials = {
  readonly rootCertificate: Buffer;
  readonly certChain?: Buffer;
  readonly privateKey?: Buffer;
};

/** gRPC takes what Node.js has for default, and offers no option of its own. */
function raiseFloor(): void {
  tls.DEFAULT_MIN_VERSION = tlsFloor.minVersion;
}

async function readPem(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw badRequest(`Cannot read the etcd URL's ${option} file: ${why}`, { cause: err });
  }
}

const wrong = (path: string, why: string, cause?: unknown): Error =>
  badRequest(`Cannot use ${path} for etcd: ${why}`, { cause });

function certificateOf(path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw wrong(path, "it does not hold a certificate in PEM", cause);
  }
}

function checkKey(path: string, key: Buffer, certificate: X509Certificate): void {
  let isIts: boolean;
  try {
    isIts = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw wrong(path, "it does not hold a private key in PEM", cause);
  }
  if (!isIts) throw wrong(path, "it is not the key of the client certificate");
}

/**
 * Reads the files, and checks what etcd would only refuse in words of TLS: that they hold what they ought
 * to, that the key is the certificate's, and that this has not ended.
 * @throws StatusError `BadRequest` naming the file
 */
export async function readEtcdTls(
  { ca, cert, key }: EtcdTls,
  nowMs: number,
): Promise<EtcdCredentials> {
  raiseFloor();
  const rootCertificate =
    ca === undefined ? Buffer.from(rootCertificates.join("\n")) : await readPem("ca", ca);
  if (ca !== undefined) certificateOf(ca, rootCertificate);
  if (cert === undefined || key === undefined) return { rootCertificate };
  const certChain = await readPem("cert", cert);
  const privateKey = await readPem("key", key);
  const certificate = certificateOf(cert, certChain);
  checkKey(key, privateKey, certificate);
  const end = certificate.validToDate;
  if (end.getTime() <= nowMs) throw wrong(cert, `it expired on ${end.toISOString()}`);
  return { rootCertificate, certChain, privateKey };
}

/** Whether two readings found the same. */
export function isSameTls(left: EtcdCredentials, right: EtcdCredentials): boolean {
  const same = (a: Buffer | undefined, b: Buffer | undefined): boolean =>
    a === undefined || b === undefined ? a === b : a.equals(b);
  return (
    same(left.rootCertificate, right.rootCertificate) &&
    same(left.certChain, right.certChain) &&
    same(left.privateKey, right.privateKey)
  );
}
