import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { endMarked, markedEnv, newMark } from "../end-marked.ts";
import type { Engine, Session } from "../engine/engine.ts";
import { within } from "../engine/within.ts";

/** How long a connection may take to end by itself once we are gone. */
const graceMs = 1_000;
const maxWords = 400;

/** A command that says `+` on stderr once it is connected; see `connect-scripts.ts`. */
export type ConnectCommand = {
  readonly engine: Engine;
  readonly containerId: string;
  readonly command: readonly string[];
};

/** The input and output of a command as a connection. Its end is half a close, as TCP's. */
class ExecStream extends Duplex {
  readonly #session: Session;
  readonly #kill: () => Promise<void>;
  readonly #connected = Promise.withResolvers<void>();
  #isConnected = false;
  #words = "";
  #drained: (() => void) | undefined;
  readonly #over: Promise<void>;

  constructor(session: Session, kill: () => Promise<void>) {
    super({ allowHalfOpen: true });
    this.#session = session;
    this.#kill = kill;
    this.#connected.promise.catch(() => undefined); // told to whom waits for it
    this.on("error", () => undefined); // also before anybody listens
    this.#over = this.#pump();
  }

  /** Resolves once somebody answers; rejects with why not. */
  get connected(): Promise<void> {
    return this.#connected.promise;
  }

  async #pump(): Promise<void> {
    try {
      for await (const { stream, bytes } of this.#session.output) {
        if (stream === "stderr") this.#hear(bytes);
        else await this.#offer(bytes);
      }
      this.#end();
    } catch (err) {
      this.#fail(err instanceof Error ? err : new Error(String(err)));
    }
  }

  #hear(bytes: Uint8Array): void {
    this.#words = `${this.#words}${Buffer.from(bytes).toString("utf8")}`.slice(0, maxWords);
    if (this.#isConnected || !this.#words.startsWith("+\n")) return;
    this.#isConnected = true;
    this.#words = this.#words.slice(2);
    this.#connected.resolve();
  }

  /** What arrives before the `+` waits: the two travel by different ways. */
  async #offer(bytes: Uint8Array): Promise<void> {
    if (this.destroyed || this.push(bytes)) return;
    await new Promise<void>((resolve) => (this.#drained = resolve));
  }

  #end(): void {
    const words = this.#words.replaceAll(/\s+/g, " ").trim();
    // A refused command of an engine speaks on stdout.
    const said = words === "" && !this.#isConnected ? String(this.read() ?? "").trim() : words;
    if (this.#isConnected && said === "") this.push(null);
    else this.#fail(new Error(said === "" ? "the connection ended at once" : said));
  }

  #fail(err: Error): void {
    this.#connected.reject(err);
    this.destroy(err);
  }

  override _read(): void {
    this.#drained?.();
    this.#drained = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (err?: Error | null) => void) {
    this.#session.stdin.write(chunk, done);
  }

  override _final(done: (err?: Error | null) => void): void {
    this.#session.stdin.end(() => done());
  }

  override _destroy(err: Error | null, done: (err: Error | null) => void): void {
    this.#connected.reject(err ?? new Error("the connection was closed"));
    void this.#leave(); // never rejects
    done(err);
  }

  /** The command sees our end; one that its peer keeps open is ended. */
  async #leave(): Promise<void> {
    this.#session.stdin.end();
    this._read();
    const late = new AbortController();
    const patience = sleep(graceMs, "late", { ref: false, signal: late.signal });
    const first = await Promise.race([this.#over, patience.catch(() => undefined)]);
    late.abort();
    await this.#session[Symbol.asyncDispose]();
    if (first === "late") await this.#kill().catch(() => undefined); // it ended with its container
  }
}

/**
 * Runs a command that connects, and resolves to the connection.
 *
 * @throws Error that says in a few words why there is none; StatusError of the engine
 */
export async function openExecStream(
  { engine, containerId, command }: ConnectCommand,
  signal: AbortSignal,
): Promise<Duplex> {
  const mark = newMark();
  const options = { command, stdin: true, env: markedEnv(mark) };
  const session = await engine.io.exec(containerId, options, signal);
  const stream = new ExecStream(session, () => endMarked(engine, containerId, mark));
  try {
    await within(stream.connected, signal);
    return stream;
  } catch (err) {
    stream.destroy();
    throw err;
  }
}
