import type { ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { App } from "./http.ts";

/** How slowly an answer may be taken. */
export type Patience = {
  /** For every answer, milliseconds. */
  readonly graceMs: number;
  /** On top: so many bytes may take a second. */
  readonly bytesPerSecond: number;
};

const patience: Patience = { graceMs: 60_000, bytesPerSecond: 65_536 };

const bytesOf = (payload: unknown): number | undefined =>
  typeof payload === "string" || payload instanceof Uint8Array ? payload.length : undefined;

function cut(raw: ServerResponse & { readonly stream?: ServerHttp2Stream }): void {
  if (raw.stream === undefined) raw.destroy();
  else raw.stream.close(constants.NGHTTP2_CANCEL);
}

/**
 * Cuts answers that nobody takes: over HTTP/2 a window of nothing, over HTTP/1.1 a socket that is not read
 * would hold an answer in memory, and its connection, for ever. Streams such as watches have bounds of
 * their own.
 */
export function cutSlowReaders(app: App, { graceMs, bytesPerSecond }: Patience = patience): void {
  app.addHook("onSend", (_request, reply, payload, done) => {
    const bytes = bytesOf(payload);
    if (bytes !== undefined) {
      const raw: ServerResponse & { readonly stream?: ServerHttp2Stream } = reply.raw;
      // Its end is that of the stream; a response of HTTP/2 is finished when all is handed over.
      const sent = raw.stream ?? raw;
      const waitMs = graceMs + Math.ceil((bytes / bytesPerSecond) * 1_000);
      const late = setTimeout(() => cut(raw), waitMs).unref();
      const end = (): void => clearTimeout(late);
      sent.once("close", end);
      if (raw.stream === undefined) raw.once("finish", end); // its connection is kept
    }
    done(null, payload);
  });
}
