import { X509Certificate } from "node:crypto";
import type { ClientConfig } from "../../api/client/config.ts";
import { createClient } from "../../api/client/create-client.ts";
import { authorityPath } from "../../api/client/join-link.ts";
import { pemBlocks } from "../../api/machinery/authority.ts";
import { unavailable } from "../../api/machinery/errors.ts";

/** What a server that is trusted says of itself. */
export type Told = {
  /** The roots that it trusts, PEM; the one that issues first. */
  readonly authority: string;
  /** Its clock, in milliseconds since the epoch; absent when it does not tell. */
  readonly nowMs?: number;
};

const timeoutMs = 3_000;
const maxBytes = 65_536;
/** More than a rotation has; a server that shows more is not understood. */
const maxRoots = 8;

async function readAll(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  return bytes > maxBytes ? "" : Buffer.concat(chunks).toString("utf8");
}

/** @throws StatusError when these are no roots of an authority */
function checked(pem: string, server: string): string {
  const blocks = pemBlocks(pem);
  const isRoot = (block: string): boolean => {
    const certificate = new X509Certificate(block);
    return certificate.ca && certificate.checkIssued(certificate);
  };
  const areRoots = blocks.length > 0 && blocks.length <= maxRoots && blocks.every(isRoot);
  if (!areRoots) throw unavailable(`Cannot learn the roots of ${server}: it shows none`);
  return blocks.map((block) => `${block}\n`).join("");
}

/**
 * Asks a server for its roots over a connection that those of `config` vouch for: whoever is trusted may
 * say whom to trust next.
 * @throws StatusError when it is away, not trusted, or answers with something else
 */
export async function askForRoots(config: ClientConfig, signal: AbortSignal): Promise<Told> {
  await using client = createClient({ ...config, requestTimeoutMs: timeoutMs });
  const request = { method: "GET", path: authorityPath, accept: "*/*" } as const;
  const { headers, body } = await client.raw(request, signal);
  const authority = checked(await readAll(body), config.server);
  const nowMs = Date.parse(String(headers["date"]));
  return Number.isNaN(nowMs) ? { authority } : { authority, nowMs };
}

function issuedBy(certificate: string, root: string | undefined): boolean {
  if (root === undefined) return false;
  const [leaf, authority] = [new X509Certificate(certificate), new X509Certificate(root)];
  return leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
}

/** Whether a certificate is of the root that issues now; all PEM. */
export function isOfIssuer(certificate: string, authority: string): boolean {
  return issuedBy(certificate, pemBlocks(authority)[0]);
}

/** Whether a certificate is of any root that is trusted; all PEM. */
export function isTrusted(certificate: string, authority: string): boolean {
  return pemBlocks(authority).some((root) => issuedBy(certificate, root));
}
