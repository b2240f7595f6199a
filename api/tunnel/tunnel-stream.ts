import { type ClientHttp2Stream, type ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";
import { unavailable } from "../machinery/errors.ts";
import { decodeEnd, headers } from "./envelope.ts";
import { resetCode } from "./protocol.ts";

/** One stream of the tunnel, as HTTP/2 has it. */
export type RawStream = ClientHttp2Stream | ServerHttp2Stream;

const broken = (): Error => unavailable("The tunnel broke off before the stream came to its end");

/**
 * One stream of the tunnel as a duplex whose halves end on their own. Its writes are Buffers and
 * nothing else: a batch with an empty string makes Node.js send memory that it has freed (measured
 * on 20.20, 24.21 and 26.10), so the HTTP/2 stream itself is never handed out. Destroying it cancels
 * the stream at both ends.
 */
export class TunnelStream extends Duplex {
  readonly #raw: RawStream;
  #sealed = false;
  #ended = false;
  #seal: string | undefined;

  constructor(raw: RawStream) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
    raw.once("response", (sent: Readonly<Record<string, unknown>>) => {
      this.#sealed = sent[headers.sealed] !== undefined;
    });
    raw.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) raw.pause();
    });
    raw.once("end", () => {
      this.#ended = true;
      this.#finishReading();
    });
    raw.once("trailers", (trailers: Readonly<Record<string, unknown>>) => {
      const end = trailers[headers.end];
      if (typeof end === "string") this.#seal = end;
      this.#finishReading();
    });
    raw.on("error", (err) => this.destroy(unavailable(broken().message, { cause: err })));
    raw.once("close", () => this.#closed());
  }

  #finishReading(): void {
    if (!this.#ended || this.destroyed || this.readableEnded) return;
    if (!this.#sealed) return void this.push(null);
    if (this.#seal === undefined) return; // the trailer, or "close", follows
    const err = decodeEnd(this.#seal);
    if (err === undefined) this.push(null);
    else this.destroy(err);
  }

  #closed(): void {
    if (this.destroyed) return;
    const read = this.#ended && (!this.#sealed || this.#seal !== undefined);
    if (!read) this.destroy(broken());
    else if (!this.writableEnded) this.end(); // nobody takes more; what came may still be read
  }

  override _read(): void {
    this.#raw.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (err?: Error | null) => void): void {
    this.#raw.write(chunk, done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: (err?: Error | null) => void): void {
    this.#raw.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    if (!this.#raw.destroyed && !this.#raw.writableEnded) this.#raw.end();
    done();
  }

  override _destroy(err: Error | null, done: (err?: Error | null) => void): void {
    // Never for a stream whose halves both ended: the reset could overtake what is still to be sent.
    const whole = err === null && this.readableEnded && this.writableFinished;
    if (!whole && !this.#raw.closed) this.#raw.close(resetCode.cancel);
    done(err);
  }
}
