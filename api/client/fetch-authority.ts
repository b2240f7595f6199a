import { X509Certificate } from "node:crypto";
import { request } from "node:https";
import { pemBlocks } from "../machinery/authority.ts";
import { unavailable } from "../machinery/errors.ts";
import { fromConnectionError } from "./connection-error.ts";
import { tlsFloor } from "../machinery/tls-floor.ts";
import { authorityHash, authorityPath } from "./join-link.ts";

const timeoutMs = 10_000;
const maxBytes = 65_536;

/** What a server says of itself before it is trusted. */
export type Unverified = {
  /** Certificate of its authority, PEM. */
  readonly authority: string;
  /** Its clock, in milliseconds since the epoch; absent when it does not tell. */
  readonly nowMs?: number;
};

/** The server's authority is not the one of the join link: somebody may stand in between. */
export class WrongAuthority extends Error {
  override readonly name = "WrongAuthority";
}

function clockOf(date: string | undefined): Pick<Unverified, "nowMs"> {
  const nowMs = Date.parse(date ?? "");
  return Number.isNaN(nowMs) ? {} : { nowMs };
}

/**
 * Asks for the authority of a server that nothing is known of. What comes back is to be checked against
 * a pin; nothing else is sent or believed over this connection.
 * @throws StatusError `ServiceUnavailable` when it does not answer so
 */
export function fetchAuthority(server: string, signal: AbortSignal): Promise<Unverified> {
  const url = new URL(authorityPath, server);
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return new Promise((resolve, reject) => {
    const fail = (err: unknown): void =>
      reject(signal.aborted ? (signal.reason as Error) : fromConnectionError(err, server));
    // Nobody to trust yet: the pin is what decides.
    const options = { ...tlsFloor, rejectUnauthorized: false, agent: false, signal: bounded };
    const call = request(url, options, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) answer.destroy(new Error("its answer is too long"));
        else chunks.push(chunk);
      });
      answer.on("error", fail);
      answer.on("end", () => {
        const authority = Buffer.concat(chunks).toString("utf8");
        if (answer.statusCode === 200 && authority.includes("BEGIN CERTIFICATE")) {
          resolve({ authority, ...clockOf(answer.headers.date) });
        } else fail(unavailable(`Cannot trust ${server}: no Lighthouse API server answers there`));
      });
    });
    call.on("error", fail);
    call.end();
  });
}

/**
 * The one certificate that the link pins, PEM. Whatever else came with it is left out: who stands in between
 * could add an authority of his own to the real one, which is no secret.
 * @throws WrongAuthority when it is not there
 */
export function pinnedAuthority(server: string, { authority }: Unverified, caHash: string): string {
  let found: string | undefined;
  let have: string;
  try {
    // While the authority is rotated there are two; links of either are good.
    const [first = authority, ...others] = pemBlocks(authority);
    have = authorityHash(first);
    found = [first, ...others].find((one) => authorityHash(one) === caHash);
  } catch (cause) {
    throw new WrongAuthority(`Cannot trust ${server}: it shows no certificate`, { cause });
  }
  if (found !== undefined) return new X509Certificate(found).toString();
  throw new WrongAuthority(
    `Cannot trust ${server}: its certificate authority is ${have}, the pin expects ${caHash}; somebody may be in between, or the pin is of another server: nothing was sent to it`,
  );
}
