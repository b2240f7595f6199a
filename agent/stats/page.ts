import { Readable } from "node:stream";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { NodeAnswer, NodeCall } from "../../api/tunnel/node-link.ts";

/** What one path says. */
export type Page = { readonly type: string; readonly text: string };

const compress = promisify(gzip);
/** Below, compressing saves less than it costs. */
const leastBytes = 4_096;

/** Whether a client asks for gzip by name (RFC 9110, 12.5.3). */
function wantsGzip({ headers }: Pick<NodeCall, "headers">): boolean {
  const items = (headers["accept-encoding"] ?? "").toLowerCase().split(",");
  return items.some((item) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/.test(item));
}

/** A page as an answer. Metrics repeat themselves: compressed they are a twentieth, on a slow way. */
export async function answerPage(
  call: Pick<NodeCall, "headers">,
  { type, text }: Page,
): Promise<NodeAnswer> {
  const plain = Buffer.from(text);
  const packed = plain.length >= leastBytes && wantsGzip(call);
  const body = packed ? await compress(plain, { level: 1 }) : plain;
  const headers = {
    "content-type": type,
    "content-length": String(body.length),
    vary: "accept-encoding",
    ...(packed ? { "content-encoding": "gzip" } : {}),
  };
  return { status: 200, headers, body: Readable.from([body], { objectMode: false }) };
}
