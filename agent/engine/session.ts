import { type Duplex, Writable } from "node:stream";
import { StatusError, unavailable } from "../../api/machinery/errors.ts";
import { demux, undivided } from "./demux.ts";
import type { Output, Session, TtySize } from "./engine.ts";
import { within } from "./within.ts";

/** What a session needs to know of its process. */
export type SessionParts = {
  readonly tty: boolean;
  /** Whether the process reads from the connection; without it, input goes nowhere. */
  readonly stdin: boolean;
  /** Asked once the output ended. */
  readonly exitCode: (signal?: AbortSignal) => Promise<number | undefined>;
  readonly resize: (size: TtySize, signal?: AbortSignal) => Promise<void>;
  readonly hostPid: (signal?: AbortSignal) => Promise<number | undefined>;
};

/** A promise whose first settling wins, and that never counts as unhandled. */
function createSettled(): {
  readonly done: Promise<void>;
  resolve(): void;
  reject(err: unknown): void;
} {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => undefined); // who wants to know asks exitCode()
  return { done: promise, resolve: () => resolve(), reject };
}

function asCut(err: unknown): StatusError {
  if (err instanceof StatusError) return err;
  return unavailable("The connection to the container's process was cut", { cause: err });
}

/** Takes everything and keeps nothing. */
function createSink(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** A session over a connection that was taken over from HTTP. */
export function createSession(socket: Duplex, parts: SessionParts): Session {
  const ended = createSettled();

  async function* read(): AsyncGenerator<Output> {
    try {
      yield* parts.tty ? undivided(socket) : demux(socket);
      ended.resolve();
    } catch (err) {
      const cut = asCut(err);
      ended.reject(cut);
      throw cut;
    } finally {
      ended.resolve(); // left early: whoever left knows why
      socket.destroy();
    }
  }

  // A process that exits while we still write resets the connection: the reader reports it, if it matters.
  socket.on("error", () => undefined);
  if (!parts.stdin) socket.end();
  return {
    stdin: parts.stdin ? socket : createSink(),
    output: read(),
    async exitCode(signal) {
      await (signal === undefined ? ended.done : within(ended.done, signal));
      return parts.exitCode(signal);
    },
    resize: parts.resize,
    hostPid: parts.hostPid,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      ended.resolve();
    },
  };
}
