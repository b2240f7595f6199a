import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

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

/** Answers with the document, or with 304 when the client has it. */
export function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, etag }: CachedDocument,
  contentType = "application/json",
): FastifyReply {
  void reply.header("etag", etag).header("vary", "Accept");
  if (holds(request, etag)) return reply.code(304).send();
  return reply.type(contentType).send(body);
}
