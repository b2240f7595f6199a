import type { Http2Session } from "node:http2";
import { Socket } from "node:net";
import { Duplex } from "node:stream";

/**
 * A connection without a handle of the kernel, a WebSocket for one, as an HTTP/2 session can bear it: it has no
 * end, it closes. Node.js answers an end by ending its own side, and a session that still has something to
 * say then is an assertion (24.21, js_stream_socket), which would end the process whenever a peer goes.
 */
class Wire extends Duplex {
  readonly #inner: Duplex;

  constructor(inner: Duplex) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    inner.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) inner.pause();
    });
    inner.once("end", () => this.destroy());
    inner.on("error", (err) => this.destroy(err));
    inner.once("close", () => this.destroy());
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (err?: Error | null) => void): void {
    this.#inner.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#inner.end();
    done();
  }

  override _destroy(err: Error | null, done: (err?: Error | null) => void): void {
    this.#inner.destroy();
    done(err);
  }
}

/** What an HTTP/2 session is to be started on. */
export function wireOf(socket: Duplex): Duplex {
  return socket instanceof Socket ? socket : new Wire(socket);
}

/** Ends a session at once: it says goodbye if that can leave, and waits for nobody. */
export function cutSession(session: Http2Session, wire: Duplex): void {
  session.destroy();
  setImmediate(() => wire.destroy()); // else the session would wait until all is written
}
