import type { Duplex } from "node:stream";
import { timedOut } from "../../machinery/errors.ts";
import {
  type CommandClient,
  type CommandRequest,
  outcomeStatus,
  outcomeText,
  Sizes,
} from "./command-client.ts";
import { SpdySession } from "./spdy/session.ts";
import type { SpdyStream } from "./spdy/stream.ts";

/** Stream protocols of exec and attach over SPDY, newest first. */
export const commandStreamProtocols = [
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
] as const;

/** The client opens one stream after the other; so long it may take. */
const defaultOpeningMs = 30_000;

type Role = "error" | "stdin" | "stdout" | "stderr" | "resize";

function expectedRoles(wanted: CommandRequest, protocol: string): readonly Role[] {
  const resizes = wanted.tty && /^v[34]\./.test(protocol);
  return [
    "error",
    ...(wanted.stdin ? (["stdin"] as const) : []),
    ...(wanted.stdout ? (["stdout"] as const) : []),
    ...(wanted.stderr && !wanted.tty ? (["stderr"] as const) : []),
    ...(resizes ? (["resize"] as const) : []),
  ];
}

/** Collects streams by their role until all are there. Those that nobody asked for are reset. */
class Roles {
  readonly #streams = new Map<Role, SpdyStream>();
  readonly #expected: readonly Role[];
  readonly #complete = Promise.withResolvers<void>();

  constructor(expected: readonly Role[]) {
    this.#expected = expected;
  }

  add(stream: SpdyStream): void {
    const role = this.#expected.find((one) => one === stream.headers.get("streamtype"));
    if (role === undefined || this.#streams.has(role)) return void stream.destroy();
    this.#streams.set(role, stream);
    if (this.#streams.size === this.#expected.length) this.#complete.resolve();
  }

  get(role: Role): SpdyStream | undefined {
    return this.#streams.get(role);
  }

  /** @throws StatusError `Timeout` naming the missing ones */
  async wait(session: SpdySession, openingMs: number): Promise<void> {
    const late = setTimeout(() => {
      const missing = this.#expected.filter((role) => !this.#streams.has(role));
      this.#complete.reject(
        timedOut(`Cannot begin: the client did not open ${missing.join(", ")}`),
      );
    }, openingMs);
    try {
      await Promise.race([this.#complete.promise, session.closed]);
    } finally {
      clearTimeout(late);
    }
  }
}

/**
 * The client of a command over streams of a SPDY connection, once it has opened all of them.
 * @throws StatusError `Timeout`; then the connection was closed
 */
export async function spdyCommand(
  transport: Duplex,
  protocol: string,
  wanted: CommandRequest,
  openingMs = defaultOpeningMs,
): Promise<CommandClient> {
  const expected = expectedRoles(wanted, protocol);
  const roles = new Roles(expected);
  const gone = new AbortController();
  const session = new SpdySession(transport, {
    onStream: (stream) => roles.add(stream),
    maxStreams: expected.length + 1,
  });
  void session.closed.then(() => gone.abort());
  try {
    await roles.wait(session, openingMs);
  } catch (err) {
    await session.close();
    throw err;
  }
  const sizes = new Sizes();
  roles.get("resize")?.on("data", (bytes: Buffer) => sizes.read(bytes));
  // The client's halves of these carry nothing; they must be read to be seen ending.
  for (const role of ["error", "stdout", "stderr"] as const) roles.get(role)?.resume();
  const text = protocol === commandStreamProtocols[0] ? statusText : outcomeText;
  return {
    stdin: roles.get("stdin"),
    stdout: roles.get("stdout"),
    stderr: roles.get("stderr"),
    gone: gone.signal,
    onResize: (listener) => sizes.listen(listener),
    async end(outcome) {
      const error = roles.get("error");
      if (error?.writable === true) {
        await new Promise<void>((resolve) => {
          error.once("close", resolve).once("error", () => resolve());
          error.end(text(outcome), () => resolve());
        });
      }
      for (const role of ["stdin", "resize"] as const) roles.get(role)?.end();
      await session.close();
    },
    abandon: () => session.close(),
  };
}

const statusText: typeof outcomeText = (outcome) => JSON.stringify(outcomeStatus(outcome));
