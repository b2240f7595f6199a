import { Duplex } from "node:stream";
import type { StreamHeaders } from "./header-block.ts";

/** What a stream asks of its session. */
export type StreamPort = {
  /** Sends a piece; the callback runs when the next may follow. */
  send(bytes: Uint8Array, fin: boolean, done: (err?: Error | null) => void): void;
  /** The reader took so many bytes. */
  consumed(bytes: number): void;
  /** The stream was given up by us before its end. */
  cancel(): void;
  /** Both halves are over. */
  closed(): void;
};

const windowBytes = 64 * 1024;

/** How many bytes a peer that honours windows may send beyond what was read. */
export const receiveWindowBytes = windowBytes;

/** Longest piece in one data frame: streams of one session take turns. */
const pieceBytes = 16 * 1024;

/**
 * One stream of a session as a duplex. Reading gives credit to the peer; writing waits for the
 * peer's window. Destroying it before its end resets it.
 */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: StreamHeaders;
  readonly #port: StreamPort;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #wanted = false;
  #remoteEnded = false;
  #ended = false;
  #finished = false;
  /** Bytes that we may send; counts only once the session honours windows. */
  #window: number;
  #engaged: () => boolean;
  #waiting: (() => void) | undefined;

  constructor(
    start: { readonly id: number; readonly headers: StreamHeaders; readonly window: number },
    engaged: () => boolean,
    port: StreamPort,
  ) {
    super({ allowHalfOpen: true, highWaterMark: pieceBytes });
    this.id = start.id;
    this.headers = start.headers;
    this.#window = start.window;
    this.#engaged = engaged;
    this.#port = port;
    this.on("error", () => {}); // reported by those who read and write; the session goes on
  }

  /** Bytes that nobody has read yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Data from the peer. */
  receive(bytes: Uint8Array, fin: boolean): void {
    if (bytes.length > 0) {
      this.#queue.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      this.#queuedBytes += bytes.length;
    }
    if (fin) this.#remoteEnded = true;
    this.#flow();
  }

  /** The peer gave the stream up: what it sent may still be read, and nothing can be sent. */
  reset(): void {
    this.#ended = true; // so that nothing is sent in return
    this.#finished = true;
    this.destroy(new Error("the client reset the stream"));
  }

  /** The peer allows so many more bytes; negative when its settings shrink the window. */
  allow(delta: number): void {
    this.#window += delta;
    this.wake();
  }

  /** Goes on with a write that waited for a window. */
  wake(): void {
    const go = this.#waiting;
    this.#waiting = undefined;
    go?.();
  }

  /** Takes up to `wanted` bytes of this stream's window. */
  takeWindow(wanted: number): number {
    const taken = this.#engaged() ? Math.max(0, Math.min(wanted, this.#window)) : wanted;
    this.#window -= taken;
    return taken;
  }

  /** Calls back when the window has changed. */
  wait(go: () => void): void {
    this.#waiting = go;
  }

  override _read(): void {
    this.#wanted = true;
    this.#flow();
  }

  override _write(chunk: Buffer, _encoding: string, done: (err?: Error | null) => void): void {
    const next = (offset: number) => (err?: Error | null) => {
      if (err !== null && err !== undefined) return done(err);
      if (offset >= chunk.length) return done();
      const end = Math.min(offset + pieceBytes, chunk.length);
      this.#port.send(chunk.subarray(offset, end), false, next(end));
    };
    next(0)();
  }

  override _final(done: (err?: Error | null) => void): void {
    this.#finished = true;
    this.#port.send(Buffer.alloc(0), true, done);
    this.#settle();
  }

  override _destroy(err: Error | null, done: (err?: Error | null) => void): void {
    this.#port.consumed(this.#queuedBytes);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    const over = this.#ended && this.#finished;
    if (!over) this.#port.cancel();
    this.#port.closed();
    this.wake();
    done(err);
  }

  #flow(): void {
    while (this.#wanted) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) break;
      this.#queuedBytes -= chunk.length;
      this.#port.consumed(chunk.length);
      this.#wanted = this.push(chunk);
    }
    if (!this.#remoteEnded || this.#queue.length > 0 || this.#ended) return;
    this.#ended = true;
    this.push(null);
    this.#settle();
  }

  #settle(): void {
    if (this.#ended && this.#finished) this.#port.closed();
  }
}
