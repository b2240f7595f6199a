import { Agent, request } from "undici";
import type { FetchJson } from "./oidc-keys.ts";

const timeoutMs = 10_000;
const maxBytes = 1_048_576;

async function readBounded(body: AsyncIterable<Uint8Array>, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`Cannot use ${url}: it is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * Fetches documents of one issuer: over TLS, in ten seconds, at most a mebibyte, without redirects.
 * @param authority PEM of the only authority to trust; absent: the public ones
 */
export function issuerFetch(authority: string | undefined): FetchJson {
  const trust = authority === undefined ? {} : { ca: authority };
  return async (url) => {
    // A connection for each document: they are minutes apart.
    const dispatcher = new Agent({ connect: { ...trust, timeout: timeoutMs } });
    try {
      const answer = await request(url, {
        dispatcher,
        headers: { accept: "application/json" },
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await readBounded(answer.body, url);
      if (answer.statusCode === 200) return JSON.parse(text) as unknown;
      throw new Error(`Cannot use ${url}: it answered with ${answer.statusCode}`);
    } finally {
      await dispatcher.destroy();
    }
  };
}
