import { createHash, createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import type { Client } from "../../api/client/client.ts";
import { backoffMs } from "../../api/client/backoff.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { isAlreadyExists } from "../../api/machinery/errors.ts";
import { type CertificateRequest, certificateRequests } from "../../api/machinery/resources.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { annotation } from "../../crds/labels.ts";
import { createCertificateRequest } from "./certificate-request.ts";

/** The signer of agents' certificates. */
const signerName = "lighthouse.dev/beacon";

const wait = { baseMs: 250, maxMs: 10_000 };

/** The server looked at the request and will not sign it. Asking the same again is no use. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** What asking needs. */
export type Ask = {
  /** With the token of a join, or the certificate that is to be renewed. */
  readonly client: Pick<Client, "create" | "get">;
  readonly beacon: string;
  /** Private key, PEM. */
  readonly key: string;
  /** What the request is asked with, e.g. the id of a token: repeated after a crash, it is the same one. */
  readonly occasion: string;
  readonly clock: Clock;
  readonly log: Log;
};

/** `edge-1f9c03ab77-abcdef`: who asks for which key with what. */
function nameOf({ beacon, key, occasion }: Ask): string {
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const fingerprint = createHash("sha256").update(spki).digest("hex").slice(0, 10);
  return `${beacon}-${fingerprint}-${occasion}`;
}

async function send(ask: Ask, name: string): Promise<void> {
  const { client, beacon, key } = ask;
  const subject = { commonName: `system:beacon:${beacon}`, organization: "system:beacons" };
  const pem = createCertificateRequest(createPrivateKey(key), subject);
  const usages = ["digital signature", "client auth"];
  try {
    await client.create(certificateRequests, {
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name },
      spec: { request: Buffer.from(pem).toString("base64"), signerName, usages },
    });
  } catch (err) {
    if (!isAlreadyExists(err)) throw err; // sent before we were interrupted
  }
}

/** The certificate, once it is there. @throws Refused */
function certificateOf({ status }: CertificateRequest, { key, beacon }: Ask): string | undefined {
  const refusal = status?.conditions?.find(({ type }) => type === "Denied" || type === "Failed");
  if (refusal !== undefined) {
    const why = refusal.message ?? refusal.reason ?? "no reason was given";
    throw new Refused(`The server refused a certificate for beacon "${beacon}": ${why}`);
  }
  if (status?.certificate === undefined) return undefined;
  const pem = Buffer.from(status.certificate, "base64").toString("utf8");
  if (new X509Certificate(pem).checkPrivateKey(createPrivateKey(key))) return pem;
  throw new Refused(`The server answered with a certificate for another key than this host's`);
}

/**
 * Asks for a certificate and waits until it is signed; while it waits for a person, the log says so once.
 * @throws Refused when it was denied; StatusError of the server, e.g. `Unauthorized`; the signal's reason
 */
export async function askForCertificate(ask: Ask, signal: AbortSignal): Promise<string> {
  const { client, clock, log, beacon } = ask;
  const name = nameOf(ask);
  let told = "";
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    const request = await client.get(certificateRequests, { name }, signal);
    if (request === undefined) await send(ask, name);
    else {
      const certificate = certificateOf(request, ask);
      if (certificate !== undefined) return certificate;
      const why = request.metadata.annotations?.[annotation.pendingReason] ?? "";
      if (why !== told) log.warn({ beacon, request: name, why }, "waiting for an approval");
      told = why;
      await clock.sleep(backoffMs(wait, tries, Math.random()), signal);
    }
  }
}
