import type { Duplex } from "node:stream";
import {
  createFrameReader,
  encodeFrame,
  type Frame,
} from "../../api/server/streams/spdy/frames.ts";
import { createHeaderCodec } from "../../api/server/streams/spdy/header-block.ts";
import { eventually } from "./eventually.ts";

/** The client's side of a SPDY connection, frame by frame: it does what the test tells it, and no more. */
export type SpdyClient = {
  /** Everything that came, in order; the pieces of a data frame on their own. */
  readonly frames: readonly Frame[];
  /** Sends a frame as it is. */
  send(frame: Frame): void;
  /** Opens a stream with these headers. */
  open(stream: number, headers: Readonly<Record<string, string>>, fin?: boolean): Promise<void>;
  /** Sends data, in frames of at most 16 KiB. */
  write(stream: number, bytes: Uint8Array | string, fin?: boolean): void;
  /** What came on a stream so far. */
  read(stream: number): Buffer;
  /** Whether the server ended its half. */
  isEnded(stream: number): boolean;
  /** Waits for a frame that matches. */
  until(what: string, matches: (frame: Frame) => boolean): Promise<Frame>;
  /** Whether the connection is closed. */
  isClosed(): boolean;
  /** Stops and goes on reading the connection. */
  pause(): void;
  resume(): void;
  readonly transport: Duplex;
};

/** Speaks SPDY on a connection that was upgraded. */
export function spdyClient(transport: Duplex): SpdyClient {
  const frames: Frame[] = [];
  const reader = createFrameReader(64 * 1024);
  const codec = createHeaderCodec(64 * 1024);
  let closed = false;
  transport.on("data", (chunk: Buffer) => {
    // Pieces are views of the chunk, which the stream does not use again.
    for (const frame of reader.read(chunk)) frames.push(frame);
  });
  transport.on("close", () => {
    closed = true;
    codec.close();
  });
  transport.on("end", () => {
    closed = true;
  });
  transport.on("error", () => {});
  const send = (frame: Frame): void => {
    for (const part of encodeFrame(frame)) transport.write(part);
  };
  const dataOf = (stream: number): readonly (Frame & { readonly type: "data" })[] =>
    frames.filter((frame) => frame.type === "data").filter((frame) => frame.stream === stream);
  return {
    frames,
    transport,
    send,
    async open(stream, headers, fin = false) {
      const block = await codec.compress(new Map(Object.entries(headers)));
      send({ type: "synStream", stream, fin, headers: block });
    },
    write(stream, data, fin = false) {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      const size = 16 * 1024;
      for (let at = 0; at < bytes.length; at += size) {
        send({ type: "data", stream, fin: false, bytes: bytes.subarray(at, at + size) });
      }
      if (fin) send({ type: "data", stream, fin: true, bytes: Buffer.alloc(0) });
    },
    read: (stream) => Buffer.concat(dataOf(stream).map(({ bytes }) => bytes)),
    isEnded: (stream) => dataOf(stream).some(({ fin }) => fin),
    until: (what, matches) => eventually(what, () => frames.find(matches)),
    isClosed: () => closed,
    pause: () => void transport.pause(),
    resume: () => void transport.resume(),
  };
}
