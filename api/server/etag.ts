import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { gzipWhenLarge, wantsGzip } from "./gzip.ts";

/** A rendered document that many clients will ask for again. */
export type CachedDocument = { readonly body: Buffer; readonly etag: string };

/** Renders a document once as JSON; its tag is a hash of its bytes. */
export function cachedDocument(content: unknown): CachedDocument {
  return cachedBytes(Buffer.from(`${JSON.stringify(content)}\n`));
}

/** A document that is rendered already; its tag is a hash of its bytes. */
export function cachedBytes(body: Buffer): CachedDocument {
  const etag = `"${createHash("sha512").update(body).digest("hex").toUpperCase()}"`;
  return { body, etag };
}

/** Whether the client holds this very document. */
function holds(request: FastifyRequest, etag: string): boolean {
  const given = request.headers["if-none-match"];
  if (given === undefined) return false;
  return given.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

const packed = new WeakMap<CachedDocument, Promise<Buffer | undefined>>();

/** The document compressed, once for all clients; `undefined` when it is small. */
function packedOf(document: CachedDocument): Promise<Buffer | undefined> {
  const found = packed.get(document) ?? gzipWhenLarge(document.body);
  packed.set(document, found);
  return found;
}

/** Answers with the document, compressed when it is large, or with 304 when the client has it. */
export async function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  document: CachedDocument,
  contentType = "application/json",
): Promise<FastifyReply> {
  const { body, etag } = document;
  void reply.header("etag", etag).header("vary", "Accept"); // thenable
  if (holds(request, etag)) return reply.code(304).send();
  void reply.type(contentType);
  const gzipped = wantsGzip(request.headers["accept-encoding"])
    ? await packedOf(document)
    : undefined;
  if (gzipped === undefined) return reply.send(body);
  return reply
    .header("vary", "Accept, Accept-Encoding")
    .header("content-encoding", "gzip")
    .send(gzipped);
}
