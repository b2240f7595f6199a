import { type ClientHttp2Stream, type ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";
import { type StatusError, unavailable } from "../machinery/errors.ts";
import { decodeEnd, encodeEnd, headers } from "./envelope.ts";
import { resetCode } from "./protocol.ts";

/** One stream of the tunnel, as HTTP/2 has it. */
export type RawStream = ClientHttp2Stream | ServerHttp2Stream;

const broken = (): Error => unavailable("The tunnel broke off before the stream came to its end");

/** How a stream begins. */
export type StreamOptions = {
  /** Of a stream whose end needs no proof: the agent's announcements. Default false. */
  readonly unsealed?: boolean;
};

/**
 * One stream of the tunnel as a duplex whose halves end on their own. Its writes are Buffers and
 * nothing else: a batch with an empty string makes Node.js send memory that it has freed (measured
 * on 20.20, 24.21 and 26.10), so the HTTP/2 stream itself is never handed out. Destroying it cancels
 * the stream at both ends.
 *
 * Each half ends with a trailer, the seal: Node.js tells of a reset stream that it ended, before it tells
 * that it was reset, and half of an upload must not pass for the whole.
 */
export class TunnelStream extends Duplex {
  readonly #raw: RawStream;
  readonly #needsSeal: boolean;
  #ended = false;
  #seal: string | undefined;
  #failure: StatusError | undefined;

  constructor(raw: RawStream, { unsealed = false }: StreamOptions = {}) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
    this.#needsSeal = !unsealed && !("endAfterHeaders" in raw && raw.endAfterHeaders);
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
    raw.once("wantTrailers", () => {
      if (!raw.destroyed) raw.sendTrailers({ [headers.end]: encodeEnd(this.#failure) });
    });
    raw.on("error", (err) => this.destroy(unavailable(broken().message, { cause: err })));
    raw.once("close", () => this.#closed());
  }

  /** Ends what is written with an error, which whoever reads it meets after all that came before. */
  endWith(failure: StatusError): void {
    this.#failure ??= failure;
    if (!this.writableEnded) this.end();
  }

  get #isRead(): boolean {
    return this.#ended && (!this.#needsSeal || this.#seal !== undefined);
  }

  #finishReading(): void {
    if (!this.#isRead || this.destroyed || this.readableEnded) return;
    const err = decodeEnd(this.#seal ?? "");
    if (err === undefined) this.push(null);
    else this.destroy(err);
  }

  #closed(): void {
    if (this.destroyed) return;
    if (!this.#isRead || this.#raw.rstCode !== resetCode.none) this.destroy(broken());
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
