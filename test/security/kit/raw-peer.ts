import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { RunningServer } from "../../../api/server/server.ts";
import { frame, frameReader, frameType, type Seen } from "./http2-frames.ts";

/** A client that keeps no rule but those of TLS. */
export interface RawPeer extends Disposable {
  readonly socket: TLSSocket;
  readonly closed: boolean;
  /** Sends bytes, and waits while they are not taken; at once when the server has ended it. */
  send(...bytes: readonly (Uint8Array | string)[]): Promise<void>;
  /** Sends until the server ends it, or `limit` times. @returns how often it was sent */
  flood(limit: number, make: (round: number) => Uint8Array | string): Promise<number>;
  /** Waits until the server ends it. @returns whether it did so in time */
  ended(withinMs: number): Promise<boolean>;
}

/** One that speaks HTTP/2, as far as the first frame. */
export type Http2Peer = RawPeer & { readonly seen: Seen };

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

function peerOver(socket: TLSSocket): RawPeer {
  const gone = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  socket.on("error", () => undefined); // that is what it is here for
  const send: RawPeer["send"] = async (...bytes) => {
    if (socket.destroyed) return;
    const taken = bytes.map((one) => socket.write(one)).every(Boolean);
    if (!taken) await Promise.race([gone, new Promise((resolve) => socket.once("drain", resolve))]);
  };
  return {
    socket,
    get closed() {
      return socket.closed;
    },
    send,
    async flood(limit, make) {
      let round = 0;
      for (; round < limit && !socket.closed; round += 1) {
        await send(make(round));
        await turn();
      }
      return round;
    },
    async ended(withinMs) {
      const timer = Promise.withResolvers<void>();
      const timeout = setTimeout(timer.resolve, withinMs);
      await Promise.race([gone, timer.promise]);
      clearTimeout(timeout);
      return socket.closed;
    },
    [Symbol.dispose]() {
      socket.destroy();
    },
  };
}

function dial({ url }: RunningServer, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const port = Number(new URL(url).port);
    const target = { host: "127.0.0.1", port, rejectUnauthorized: false, ...options };
    const socket = connect(target, () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** Opens a connection for HTTP/1.1; as the administrator unless the options say otherwise. */
export async function rawPeer(
  server: RunningServer,
  options: ConnectionOptions = {},
): Promise<RawPeer> {
  const { certificate: cert, key } = server.admin.client;
  return peerOver(await dial(server, { cert, key, ...options }));
}

/** Opens a stranger's connection for HTTP/2, with these settings as pairs of id and value. */
export async function http2Peer(
  server: RunningServer,
  settings: readonly (readonly [id: number, value: number])[] = [],
): Promise<Http2Peer> {
  const socket = await dial(server, { ALPNProtocols: ["h2"] });
  const reader = frameReader();
  socket.on("data", (chunk: Buffer) => reader.read(chunk));
  const entries = settings.map(([id, value]) => {
    const entry = Buffer.alloc(6);
    entry.writeUInt16BE(id, 0);
    entry.writeUInt32BE(value, 2);
    return entry;
  });
  const peer = peerOver(socket);
  await peer.send(preface, frame(frameType.settings, 0, 0, Buffer.concat(entries)));
  return Object.assign(peer, { seen: reader.seen });
}

/** What an attack cost this process, attacker included. */
export type Cost = { readonly cpuMs: number; readonly rssMiB: number };

/** Measures from here to the call of what it returns. */
export function startMeter(): () => Cost {
  const [cpu, rss] = [process.cpuUsage(), process.memoryUsage.rss()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      cpuMs: (user + system) / 1_000,
      rssMiB: (process.memoryUsage.rss() - rss) / 2 ** 20,
    };
  };
}
