import type { Http2ServerRequest } from "node:http2";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";

type Connection = { readonly certificate: Uint8Array | undefined };

const connections = new WeakMap<object, Connection>();

function inspect(socket: TLSSocket): Connection {
  // `authorized`: the chain was verified against our authority and is in its time.
  if (!socket.authorized) return { certificate: undefined };
  const certificate: unknown = socket.getPeerCertificate(false).raw;
  return { certificate: certificate instanceof Uint8Array ? certificate : undefined };
}

/**
 * The verified client certificate of a request's connection, DER; `undefined` without one. The
 * same array for all requests of a connection, so that what it says can be remembered by it.
 */
export function peerCertificate(
  request: IncomingMessage | Http2ServerRequest,
): Uint8Array | undefined {
  // Over HTTP/2 `socket` is a proxy made for each request; the session is what stays.
  const session = "stream" in request ? request.stream.session : undefined;
  const anchor: object = session ?? request.socket;
  let connection = connections.get(anchor);
  if (connection === undefined) {
    const socket = session === undefined ? request.socket : session.socket;
    connection = socket instanceof TLSSocket ? inspect(socket) : { certificate: undefined };
    connections.set(anchor, connection);
  }
  return connection.certificate;
}
