import { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { promisify } from "node:util";
import { createGzip, gzip } from "node:zlib";
import type { Reply } from "../http.ts";
import type { Answer } from "./call.ts";
import { formatMediaTypes, type Rendering } from "./negotiate.ts";

const gzipped = promisify(gzip);

// As Kubernetes has it: below, compressing costs more time than it saves on a wire.
const leastBytes = 128 * 1_024;
const fastest = { level: 1 };

/** Whether an Accept-Encoding header asks for gzip by name. */
export function wantsGzip(acceptEncoding: string | undefined): boolean {
  return (acceptEncoding ?? "").split(",").some((item) => {
    const [name, ...params] = item.split(";").map((part) => part.trim().toLowerCase());
    return name === "gzip" && !params.some((param) => /^q=0(\.0*)?$/.test(param));
  });
}

/** Large bodies, compressed off this thread; streams are long by nature. */
async function compressed(body: Answer["body"]): Promise<Answer["body"] | undefined> {
  if (body instanceof Readable) {
    const gzipping = createGzip(fastest);
    pipeline(body, gzipping, () => {}); // a failure ends the response, whose reader sees it
    return gzipping;
  }
  return Buffer.byteLength(body) < leastBytes ? undefined : gzipped(body, fastest);
}

/** How the client wants to be answered. */
export type Wanted = {
  readonly rendering: Rendering;
  readonly acceptEncoding: string | undefined;
};

/** Sends what an endpoint answers with, compressed when it is large and the client asked for it. */
export async function sendAnswer(
  reply: Reply,
  { code, body, contentType }: Answer,
  { rendering, acceptEncoding }: Wanted,
): Promise<Reply> {
  void reply // thenable
    .code(code)
    .header("cache-control", "no-cache, private")
    .header("content-type", contentType ?? formatMediaTypes[rendering.format]);
  // Only our own documents: logs must not wait for a buffer to fill.
  const packed =
    contentType === undefined && wantsGzip(acceptEncoding) ? await compressed(body) : undefined;
  if (packed === undefined) return reply.send(body);
  return reply.header("content-encoding", "gzip").header("vary", "Accept-Encoding").send(packed);
}
