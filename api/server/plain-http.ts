import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";

/** As net/http of Go says it, which is what kube-apiserver answers. */
const text = "Client sent an HTTP request to an HTTPS server.\n";
const answer = [
  "HTTP/1.0 400 Bad Request",
  "Content-Type: text/plain; charset=utf-8",
  `Content-Length: ${text.length}`,
  "Connection: close",
  "",
  text,
].join("\r\n");

/** The socket below one of TLS: Node.js keeps it there, and nowhere else. */
type OverSocket = { readonly _parent?: Socket | null };

/**
 * Answers plain HTTP on the port of a TLS listener with a 400 that says so, and ends it. Nothing of the
 * request is read: whatever it carried has been seen by everybody on the way.
 */
export function answerPlainHttp(server: EventEmitter): void {
  server.on("tlsClientError", (err: Error & { readonly code?: string }, socket: OverSocket) => {
    const plain = socket["_parent"];
    if (err.code !== "ERR_SSL_HTTP_REQUEST" || plain === undefined || plain === null) return;
    if (plain.destroyed || !plain.writable) return;
    plain.on("error", () => plain.destroy()); // it may be gone already
    plain.end(answer);
    plain.destroySoon();
  });
}
