import { createHash } from "node:crypto";
import { lookup as resolve, type LookupAddress } from "node:dns";
import { createWriteStream } from "node:fs";
import { get as getPlain, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { DataSource } from "../../api/machinery/data-source.ts";
import { tlsFloorOfOthers } from "../../api/machinery/tls-floor.ts";
import { isAllowedAddress } from "./allowed-address.ts";

/** Bounds of one download. */
export type DownloadLimits = {
  /** Default 1 GiB. */
  readonly maxBytes: number;
  /** Silence of the server. Milliseconds, default 30 s. */
  readonly idleMs: number;
  /** Which addresses may be asked; the default keeps machines and their metadata out. */
  readonly isAllowed: (address: string) => boolean;
};

/** The bounds unless a test says otherwise. */
export const defaultLimits: DownloadLimits = {
  maxBytes: 1024 ** 3,
  idleMs: 30_000,
  isAllowed: isAllowedAddress,
};

const maxRedirects = 5;

function refusedAddress(host: string): Error {
  return new Error(`Cannot fetch from ${host}: its address is the agent's own machine or link`);
}

/** Resolves once and connects to what was checked: a name cannot change in between. */
function guardedLookup({ isAllowed }: DownloadLimits): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (err, addresses: LookupAddress[]) => {
      if (err !== null) return callback(err, []);
      const allowed = addresses.filter(({ address }) => isAllowed(address));
      const [first] = allowed;
      if (first === undefined) return callback(refusedAddress(hostname), []);
      if (options.all === true) return callback(null, allowed);
      callback(null, first.address, first.family);
    });
  };
}

function request(url: URL, limits: DownloadLimits, signal: AbortSignal): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !limits.isAllowed(host)) return Promise.reject(refusedAddress(host));
  const get = url.protocol === "https:" ? getSecure : getPlain;
  const headers = { "accept-encoding": "identity", "user-agent": "lighthouse-agent" };
  const options = {
    ...tlsFloorOfOthers,
    headers,
    signal,
    agent: false,
    timeout: limits.idleMs,
  } as const;
  return new Promise((answer, reject) => {
    const asked = get(url.href, { ...options, lookup: guardedLookup(limits) }, answer);
    asked.once("timeout", () => asked.destroy(new Error(`no answer for ${limits.idleMs} ms`)));
    asked.on("error", reject);
  });
}

async function follow(
  from: string,
  limits: DownloadLimits,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let url = new URL(from);
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const response = await request(url, limits, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode === 200) return response;
    response.destroy();
    const next = headers.location === undefined ? null : URL.parse(headers.location, url.href);
    if (statusCode < 300 || statusCode > 399 || next === null)
      throw new Error(`the server answered ${statusCode}`);
    if (next.protocol !== "https:" && next.protocol !== url.protocol)
      throw new Error(
        `the server sends on to ${next.protocol}//, which is less than was asked for`,
      );
    url = next;
  }
  throw new Error(`the server sends on more than ${maxRedirects} times`);
}

/**
 * Downloads to a file and checks what came; a wrong file is of no use to anybody, so nobody sees it.
 * @throws Error naming the URL and what is wrong
 */
export async function download(
  { url, sha256 }: DataSource,
  file: string,
  limits: DownloadLimits,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      if (bytes > limits.maxBytes) done(new Error(`more than ${limits.maxBytes} bytes came`));
      else done(null, chunk);
    },
  });
  try {
    const response = await follow(url, limits, signal);
    response.setTimeout(limits.idleMs, () =>
      response.destroy(new Error(`nothing came for ${limits.idleMs} ms`)),
    );
    await pipeline(response, measure, createWriteStream(file, { mode: 0o600 }), { signal });
    const have = hash.digest("hex");
    if (have !== sha256) throw new Error(`its SHA-256 is ${have}, expected ${sha256}`);
  } catch (err) {
    if (signal.aborted) throw err;
    const why = err instanceof Error ? err.message : String(err);
    throw new Error(`Cannot fetch ${url}: ${why}`, { cause: err });
  }
}
