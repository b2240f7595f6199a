import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { App, Request } from "./http.ts";

/** Connections over which nobody has proved who they are, integer: so many may be open. */
export const maxStrangers = 5_000;

/** A connection as both ends of TLS see it. */
type Peer = Pick<Socket, "remoteAddress" | "remotePort">;

const nameOf = ({ remoteAddress = "", remotePort = 0 }: Peer): string =>
  `${remoteAddress} ${remotePort}`;

class Strangers {
  readonly #sources = new Map<string, Map<string, Socket>>();
  #count = 0;

  add(socket: Socket): void {
    const source = socket.remoteAddress ?? "";
    const own = this.#sources.get(source) ?? new Map<string, Socket>();
    this.#sources.set(source, own.set(nameOf(socket), socket));
    this.#count += 1;
    const name = nameOf(socket); // a closed one does not know it any more
    socket.once("close", () => this.remove(source, name));
  }

  remove(source: string, name: string): void {
    const own = this.#sources.get(source);
    if (own?.delete(name) !== true) return;
    this.#count -= 1;
    if (own.size === 0) this.#sources.delete(source);
  }

  /** Ends the oldest ones of whoever holds most until no more than `max` are left. */
  cutTo(max: number): void {
    while (this.#count > max) {
      const [source, own] = [...this.#sources].reduce((most, one) =>
        one[1].size > most[1].size ? one : most,
      );
      const [oldest] = own;
      if (oldest === undefined) return;
      this.remove(source, oldest[0]);
      oldest[1].destroy();
    }
  }
}

function peerOf({ raw }: Request): Peer & object {
  const { stream } = raw as { readonly stream?: ServerHttp2Stream };
  return stream?.session?.socket ?? raw.socket;
}

/**
 * Lets strangers hold no more than a share of the connections: when there are too many, the oldest one of
 * the address that holds most is ended. So a flood of connections makes room for whoever proves in time,
 * by certificate or by a request, that he is known; and those who did are not touched.
 */
export function boundStrangers(app: App, max = maxStrangers): void {
  const strangers = new Strangers();
  const known = new WeakSet<object>();
  const meet = (peer: Peer & object): void => {
    if (known.has(peer)) return;
    known.add(peer);
    strangers.remove(peer.remoteAddress ?? "", nameOf(peer));
  };
  app.server.on("connection", (socket: Socket) => {
    strangers.add(socket);
    strangers.cutTo(max);
  });
  app.server.on("secureConnection", (socket: TLSSocket) => {
    if (socket.authorized) meet(socket);
  });
  app.addHook("preHandler", (request, _reply, done) => {
    if (request.user.name !== "") meet(peerOf(request));
    done();
  });
}
