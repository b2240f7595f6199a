import { constants as tls } from "node:crypto";
import type { EventEmitter } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { constants, type ServerHttp2Session } from "node:http2";
import { tlsFloor } from "../machinery/tls-floor.ts";
import type { ListenAddress } from "./config.ts";
import type { App } from "./http.ts";

/**
 * How long a peer may take, in milliseconds. They bound what a stranger can hold open: nobody is
 * authenticated before the headers are there. Answers, watches among them, are not bounded. With the
 * least that TLS must be.
 */
export const listenerLimits = {
  ...tlsFloor,
  // One handshake per connection: each further one costs us more than the peer (CVE-2011-1473).
  secureOptions: tls.SSL_OP_NO_RENEGOTIATION,
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  // Bodies have a deadline of ours, see `limitRequests`: this one could not be lifted for uploads.
  requestTimeout: 0,
  connectionsCheckingInterval: 5_000,
  // Of an idle HTTP/1.1 connection, as in kube-apiserver. Node's own 5 s would cost every agent a
  // TLS handshake with each heartbeat, which is dearer than all else that it asks of us when idle.
  keepAliveTimeout: 90_000,
  // Node's plain server does so by itself, the one with HTTP/2 only for that: a head that goes before
  // its body would wait 40 ms for the peer's acknowledgement.
  noDelay: true,
  // A peer that vanished without a word is found out, also under a watch that has nothing to say.
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
} as const;

/** An HTTP/2 session without a request is ended after so long, in milliseconds. */
const idleSessionMs = 90_000;

/** Something that accepts HTTP/2 sessions: the server of our app. */
type SessionSource = {
  on(event: "session", listener: (session: ServerHttp2Session) => void): void;
};

/**
 * Ends HTTP/2 sessions that carry no request. One with a quiet watch stays: some clients drop all
 * their streams on GOAWAY, and would come back for nothing.
 */
export function endIdleSessions(server: SessionSource, idleMs = idleSessionMs): void {
  server.on("session", (session) => {
    let streams = 0;
    session.on("stream", (stream) => {
      streams += 1;
      stream.once("close", () => {
        streams -= 1;
      });
    });
    session.setTimeout(idleMs, () => {
      if (streams === 0) session.close();
    });
  });
}

type Peer = Pick<Socket, "remoteAddress" | "remotePort">;

const nameOf = ({ remoteAddress = "", remotePort = 0 }: Peer): string =>
  `${remoteAddress} ${remotePort}`;

/**
 * Ends connections whose TLS handshake is not done in time. The timeout of Node.js begins anew with each
 * byte, of which a handshake has many.
 */
export function endSlowHandshakes(
  server: EventEmitter,
  handshakeMs: number = listenerLimits.handshakeTimeout,
): void {
  const pending = new Map<string, NodeJS.Timeout>();
  const settle = (name: string): void => {
    clearTimeout(pending.get(name));
    pending.delete(name);
  };
  server.on("connection", (socket: Socket) => {
    const name = nameOf(socket); // a closed one does not know it any more
    pending.set(name, setTimeout(() => socket.destroy(), handshakeMs).unref());
    socket.once("close", () => settle(name));
  });
  server.on("secureConnection", (socket: Socket) => settle(nameOf(socket)));
}

/** So many PING and SETTINGS frames a peer may send in so long: clients of Kubernetes send two a minute. */
const controlFrames = { max: 1_000, withinMs: 10_000 } as const;

/**
 * Ends HTTP/2 sessions that do nothing but keep us answering. Node.js bounds what is answered and not
 * taken; a peer that takes it would go on for ever.
 */
export function endNoisySessions(
  server: SessionSource,
  { max, withinMs }: { readonly max: number; readonly withinMs: number } = controlFrames,
): void {
  server.on("session", (session) => {
    let [count, sinceMs] = [0, 0];
    const heard = (): void => {
      const nowMs = performance.now();
      if (nowMs - sinceMs > withinMs) [count, sinceMs] = [0, nowMs];
      count += 1;
      if (count <= max || session.destroyed) return;
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      session.destroy();
    };
    session.on("ping", heard).on("remoteSettings", heard);
  });
}

const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not open the port",
  ENOTFOUND: "the name is not known",
};

/** @returns where the server listens now; the port is never 0. @throws Error with the way out */
export async function listenOn(app: App, { host, port }: ListenAddress): Promise<ListenAddress> {
  try {
    await app.listen({ host, port, listenTextResolver: () => "listening" });
  } catch (err) {
    const code = err instanceof Error && "code" in err ? String(err.code) : "";
    const known = Object.hasOwn(hints, code) ? hints[code] : undefined;
    const why = known ?? (err instanceof Error ? err.message : String(err));
    throw new Error(
      `Cannot listen on ${host}:${port}: ${why}; choose another address with --listen`,
      { cause: err },
    );
  }
  const bound = app.server.address() as AddressInfo;
  return { host, port: bound.port };
}
