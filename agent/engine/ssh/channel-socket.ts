import { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";

const maxWords = 400;

/**
 * A channel of an SSH connection as HTTP wants its sockets. Unlike the channel itself it can be
 * destroyed, tells of its end once, and never leaves a write waiting for ever.
 */
export class ChannelSocket extends Duplex {
  readonly #channel: ClientChannel;
  /** Absent: a connection, which may end without a word. */
  readonly #command: string | undefined;
  #words = "";
  #received = false;
  #code: number | undefined;
  #isClosed = false;
  /** A write that waits for the host to take more. */
  #waiting: ((err?: Error) => void) | undefined;

  /** At once when the channel opens: its command may have ended before the next turn. */
  constructor(channel: ClientChannel, command: string | undefined) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    this.#command = command;
    channel.on("data", (chunk: Buffer) => {
      this.#received = true;
      if (!this.push(chunk)) channel.pause();
    });
    channel.stderr.on("data", (chunk: Buffer) => {
      this.#words = `${this.#words}${chunk.toString("utf8")}`.slice(0, maxWords);
    });
    channel.on("exit", (code: number | null) => {
      this.#code = code ?? undefined;
    });
    // A command that said nothing has failed: why is known once the channel closes.
    channel.on("end", () => {
      if (!this.#mustSpeak) this.push(null);
    });
    channel.on("error", (err: Error) => this.destroy(err));
    channel.on("drain", () => this.#onDrain());
    channel.on("close", () => this.#onClose());
  }

  get #mustSpeak(): boolean {
    return this.#command !== undefined && !this.#received;
  }

  #onClose(): void {
    this.#isClosed = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(new Error("the connection was closed"));
    if (this.#mustSpeak && !this.destroyed) {
      // Later, so that whoever asked for the connection listens.
      setImmediate(() => this.destroy(this.#failure()));
      return;
    }
    // What arrived before may not have been read yet.
    this.push(null);
    if (this.readableEnded) this.destroy();
    else this.once("end", () => this.destroy());
  }

  #failure(): Error {
    const words = this.#words.replaceAll(/\s+/g, " ").trim();
    const said = words === "" ? "" : `: ${words}`;
    const end = this.#code === undefined ? "ended" : `ended with ${this.#code}`;
    return new Error(`"${this.#command}" ${end} on the host${said}`);
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (err?: Error) => void): void {
    if (this.#isClosed) done(new Error("the connection was closed"));
    else if (this.#channel.write(chunk)) done();
    else this.#waiting = done;
  }

  #onDrain(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  override _final(done: () => void): void {
    if (!this.#isClosed) this.#channel.end(); // half-close: the answer may still come
    done();
  }

  override _destroy(err: Error | null, done: (err: Error | null) => void): void {
    this.#channel.close();
    done(err);
  }

  // What HTTP does to sockets; the connection below sees to its own life.
  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
