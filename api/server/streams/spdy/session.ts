import type { Duplex } from "node:stream";
import {
  createFrameReader,
  encodeFrame,
  type Frame,
  goAwayStatus,
  initialWindowSetting,
  resetStatus,
  SpdyError,
} from "./frames.ts";
import { createHeaderCodec, type StreamHeaders } from "./header-block.ts";
import { receiveWindowBytes, SpdyStream } from "./stream.ts";

/** What a session is told. */
export type SessionOptions = {
  /** A stream that the client opened. It was answered already. */
  readonly onStream: (stream: SpdyStream) => void;
  /** Streams open at once; a further one is refused. Integer, 1 or more. */
  readonly maxStreams: number;
};

const maxControlBytes = 64 * 1024;
const maxHeaderBytes = 64 * 1024;
const initialWindowBytes = 64 * 1024;
const maxWindow = 2 ** 31 - 1;
const maxBacklogBytes = 1024 * 1024;
const probeMs = 30_000;
/** A session that said goodbye waits so long for the client to do the same. */
const farewellMs = 2_000;

/**
 * The server's side of one SPDY/3.1 connection (draft-mbelshe-httpbis-spdy-00), over a socket or a
 * WebSocket.
 *
 * Guarantees: at most one window and one chunk per stream are held; `closed` always settles.
 *
 * Windows: we give credit as data is read. Kubernetes' own clients (moby/spdystream) neither give nor
 * heed credit, so ours is enforced by not reading the connection, and theirs is waited for only after
 * the client has shown, by SETTINGS or WINDOW_UPDATE, that it plays by the rule.
 */
export class SpdySession {
  readonly #transport: Duplex;
  readonly #options: SessionOptions;
  readonly #codec = createHeaderCodec(maxHeaderBytes);
  readonly #streams = new Map<number, SpdyStream>();
  #lastStream = 0;
  #initialWindow = initialWindowBytes;
  #window = initialWindowBytes;
  #engaged = false;
  /** Credit that the connection owes. */
  #owed = 0;
  #goingAway = false;
  #room: (() => void) | undefined;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;

  constructor(transport: Duplex, options: SessionOptions) {
    this.#transport = transport;
    this.#options = options;
    transport.on("error", () => {}); // the reading loop sees it
    // A client that vanished while nothing is read from it is only found by writing to it.
    const probe = setInterval(() => this.#send({ type: "ping", id: 2 }), probeMs);
    probe.unref();
    const gone = Promise.withResolvers<void>();
    transport.once("close", () => {
      clearInterval(probe);
      this.#makeRoom();
      for (const stream of this.#streams.values()) stream.reset();
      gone.resolve();
    });
    if (transport.destroyed) gone.resolve();
    this.closed = gone.promise;
    void this.#run(); // never rejects
  }

  /** Says goodbye, lets what was written go out, and closes. */
  async close(): Promise<void> {
    this.#goAway(goAwayStatus.ok);
    const late = setTimeout(() => this.#transport.destroy(), farewellMs);
    this.#transport.end();
    await this.closed;
    clearTimeout(late);
  }

  async #run(): Promise<void> {
    const reader = createFrameReader(maxControlBytes);
    const transport = this.#transport;
    try {
      // A protocol error must not take the connection before the goodbye has left.
      for await (const chunk of transport.iterator({ destroyOnReturn: false })) {
        for (const frame of reader.read(chunk as Buffer)) await this.#handle(frame);
        await this.#untilAnswersLeave();
      }
      transport.destroy(); // nobody is left
    } catch (err) {
      if (!(err instanceof SpdyError)) return void transport.destroy();
      this.#goAway(goAwayStatus.protocolError);
      const late = setTimeout(() => transport.destroy(), farewellMs);
      transport.end(() => transport.destroy());
      transport.once("close", () => clearTimeout(late));
    } finally {
      this.#codec.close();
    }
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.type) {
      case "data":
        return this.#onData(frame.stream, frame.bytes, frame.fin);
      case "synStream":
        return this.#onOpen(frame.stream, await this.#codec.decompress(frame.headers), frame.fin);
      case "synReply":
      case "headers":
        await this.#codec.decompress(frame.headers); // keeps the shared context in step
        return;
      case "rstStream":
        this.#streams.get(frame.stream)?.reset();
        return;
      case "settings":
        return this.#onSettings(frame.entries);
      case "ping":
        // Even ones answer ours.
        if (frame.id % 2 === 1) this.#send(frame);
        return;
      case "goAway":
        this.#goingAway = true;
        return;
      case "windowUpdate":
        return this.#onWindow(frame.stream, frame.delta);
    }
  }

  async #onOpen(id: number, headers: StreamHeaders, fin: boolean): Promise<void> {
    if (id % 2 === 0 || id <= this.#lastStream)
      throw new SpdyError(`stream ${id} after ${this.#lastStream}`);
    this.#lastStream = id;
    if (this.#goingAway || this.#streams.size >= this.#options.maxStreams) {
      this.#send({ type: "rstStream", stream: id, status: resetStatus.refusedStream });
      return;
    }
    const start = { id, headers, window: this.#initialWindow };
    const stream = new SpdyStream(start, () => this.#engaged, {
      send: (bytes, last, done) => this.#sendData(stream, bytes, last, done),
      consumed: (bytes) => this.#credit(stream, bytes),
      cancel: () => this.#send({ type: "rstStream", stream: id, status: resetStatus.cancel }),
      closed: () => this.#forget(stream),
    });
    this.#streams.set(id, stream);
    const block = await this.#codec.compress(new Map());
    this.#send({ type: "synReply", stream: id, fin: false, headers: block });
    if (fin) stream.receive(Buffer.alloc(0), true);
    this.#options.onStream(stream);
  }

  async #onData(id: number, bytes: Uint8Array, fin: boolean): Promise<void> {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#owe(bytes.length);
      if (id > this.#lastStream || id % 2 === 0)
        this.#send({ type: "rstStream", stream: id, status: resetStatus.invalidStream });
      return; // else: of a stream that ended a moment ago
    }
    stream.receive(bytes, fin);
    // A client that does not heed windows is held back by its connection.
    while (stream.queuedBytes > receiveWindowBytes && !stream.destroyed) await this.#untilRoom();
  }

  #onSettings(entries: readonly { readonly id: number; readonly value: number }[]): void {
    this.#engaged = true;
    for (const { id, value } of entries) {
      if (id !== initialWindowSetting) continue;
      if (value > maxWindow) throw new SpdyError(`initial window of ${value} bytes`);
      const delta = value - this.#initialWindow;
      this.#initialWindow = value;
      for (const stream of this.#streams.values()) stream.allow(delta);
    }
  }

  #onWindow(id: number, delta: number): void {
    this.#engaged = true;
    if (delta === 0) throw new SpdyError("window update of 0 bytes");
    if (id !== 0) {
      this.#streams.get(id)?.allow(delta);
      return;
    }
    this.#window += delta;
    for (const stream of this.#streams.values()) stream.wake();
  }

  #sendData(
    stream: SpdyStream,
    bytes: Uint8Array,
    fin: boolean,
    done: (err?: Error | null) => void,
  ): void {
    if (stream.destroyed || this.#transport.destroyed) return done(new Error("the stream is gone"));
    const shared = this.#engaged ? Math.max(0, this.#window) : bytes.length;
    const size = stream.takeWindow(Math.min(bytes.length, shared));
    this.#window -= size;
    const rest = bytes.subarray(size);
    if (rest.length === 0) {
      return this.#write({ type: "data", stream: stream.id, fin, bytes }, done);
    }
    const goOn = (err?: Error | null): void => {
      if (err !== null && err !== undefined) return done(err);
      stream.wait(() => this.#sendData(stream, rest, fin, done));
    };
    if (size === 0) return goOn();
    const piece = bytes.subarray(0, size);
    this.#write({ type: "data", stream: stream.id, fin: false, bytes: piece }, () =>
      this.#sendData(stream, rest, fin, done),
    );
  }

  #credit(stream: SpdyStream, bytes: number): void {
    if (bytes === 0) return;
    if (!stream.destroyed) {
      this.#send({ type: "windowUpdate", stream: stream.id, delta: bytes });
    }
    this.#owe(bytes);
    this.#makeRoom();
  }

  /** Credit for the whole connection is given in large pieces. */
  #owe(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed < initialWindowBytes / 4) return;
    this.#send({ type: "windowUpdate", stream: 0, delta: this.#owed });
    this.#owed = 0;
  }

  #forget(stream: SpdyStream): void {
    this.#streams.delete(stream.id);
    this.#makeRoom();
  }

  /** Who asks without reading our answers is not read on: they would pile up here. */
  async #untilAnswersLeave(): Promise<void> {
    const transport = this.#transport;
    while (transport.writableLength > maxBacklogBytes && !transport.destroyed) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          transport.off("drain", go).off("close", go);
          resolve();
        };
        transport.once("drain", go).once("close", go);
      });
    }
  }

  #untilRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }

  #makeRoom(): void {
    const go = this.#room;
    this.#room = undefined;
    go?.();
  }

  #goAway(status: number): void {
    this.#goingAway = true;
    this.#send({ type: "goAway", lastStream: this.#lastStream, status });
  }

  #send(frame: Frame): void {
    this.#write(frame, () => {});
  }

  #write(frame: Frame, done: (err?: Error | null) => void): void {
    const transport = this.#transport;
    if (transport.destroyed || transport.writableEnded) return done(new Error("the session ended"));
    const parts = encodeFrame(frame);
    transport.cork();
    for (const [index, part] of parts.entries()) {
      if (index === parts.length - 1) transport.write(part, done);
      else transport.write(part);
    }
    transport.uncork();
  }
}
