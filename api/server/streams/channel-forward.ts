import { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { type ChannelProtocol, decodeMessage, encodeMessage } from "./channels.ts";
import { endText } from "../live-requests.ts";
import type { IdleTimer } from "./idle-timer.ts";
import type { PortDialer } from "./port-dialer.ts";
import { splice } from "./splice.ts";
import { closeCode, closeSocket, endCode, sendMessage } from "./web-socket.ts";

/** How many ports one connection can carry: two channels each. */
export function maxPorts({ base64 }: ChannelProtocol): number {
  return base64 ? 5 : 127;
}

/** Channels as duplexes; the WebSocket is read only while all of them have room. */
class Channels {
  readonly #socket: WebSocket;
  readonly #protocol: ChannelProtocol;
  readonly #data = new Map<number, Duplex>();
  readonly #full = new Set<number>();

  constructor(socket: WebSocket, protocol: ChannelProtocol) {
    this.#socket = socket;
    this.#protocol = protocol;
    socket.on("message", (message: Buffer) => {
      const { channel = -1, bytes } = decodeMessage(protocol, message) ?? {};
      const duplex = this.#data.get(channel);
      if (duplex === undefined || bytes === undefined || bytes.length === 0) return;
      if (duplex.destroyed || duplex.push(bytes)) return;
      this.#full.add(channel);
      socket.pause();
    });
    socket.once("close", () => {
      for (const duplex of this.#data.values()) duplex.destroy();
    });
  }

  send(channel: number, bytes: Uint8Array): Promise<void> {
    return sendMessage(this.#socket, encodeMessage(this.#protocol, { channel, bytes }));
  }

  open(channel: number): Duplex {
    const duplex = new Duplex({
      read: () => this.#roomIn(channel),
      write: (chunk: Buffer, _encoding, done) => {
        this.#socket.send(encodeMessage(this.#protocol, { channel, bytes: chunk }), done);
      },
      // Nothing in this protocol says that a half ended: the connection is over with it.
      final: (done) => {
        done();
        duplex.push(null);
      },
      destroy: (err, done) => {
        this.#roomIn(channel);
        done(err);
      },
    });
    this.#data.set(channel, duplex);
    return duplex;
  }

  #roomIn(channel: number): void {
    if (this.#full.delete(channel) && this.#full.size === 0) this.#socket.resume();
  }
}

const idleText = "nothing was sent for too long";

/** 16 bits, little-endian: the first message on each channel. */
function portBytes(port: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(port);
  return bytes;
}

/**
 * Serves a port-forward whose ports were named in the request: one connection to each, data on channel
 * 2i and errors on 2i+1. Closes when all are over. Never rejects.
 */
export async function channelForward(
  client: {
    readonly socket: WebSocket;
    readonly protocol: ChannelProtocol;
    readonly ports: readonly number[];
  },
  dialer: PortDialer,
  { idle, ending }: { readonly idle: IdleTimer; readonly ending: AbortSignal },
): Promise<void> {
  const { socket, protocol, ports } = client;
  const channels = new Channels(socket, protocol);
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  const end = AbortSignal.any([ending, idle.signal]);
  const leave = (): void => {
    if (!ending.aborted) return void closeSocket(socket, closeCode.goingAway, idleText);
    void closeSocket(socket, endCode(ending), endText(ending)); // never rejects
  };
  end.addEventListener("abort", leave, { once: true });
  if (end.aborted) leave();
  const forward = async (port: number, index: number): Promise<void> => {
    const data = channels.open(2 * index);
    try {
      await channels.send(2 * index, portBytes(port));
      await channels.send(2 * index + 1, portBytes(port));
      const broken = await splice(data, await dialer.dial(port, gone.signal), idle);
      if (broken !== undefined) throw broken;
    } catch (err) {
      data.destroy();
      const text = Buffer.from(dialer.explain(port, err));
      await channels.send(2 * index + 1, text).catch(() => {}); // the client is gone
    }
  };
  await Promise.all(ports.map(forward));
  end.removeEventListener("abort", leave);
  idle.stop();
  await closeSocket(socket);
}
