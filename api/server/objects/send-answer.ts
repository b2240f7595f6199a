import { pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { gzipOptions, gzipWhenLarge, wantsGzip } from "../gzip.ts";
import type { Reply } from "../http.ts";
import type { Answer } from "./call.ts";
import { formatMediaTypes, type Rendering } from "./negotiate.ts";

/** Large bodies, compressed off this thread; streams are long by nature. */
async function compressed(body: Answer["body"]): Promise<Answer["body"] | undefined> {
  if (body instanceof Readable) {
    const gzipping = createGzip(gzipOptions);
    pipeline(body, gzipping, () => {}); // a failure ends the response, whose reader sees it
    return gzipping;
  }
  return gzipWhenLarge(body);
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
