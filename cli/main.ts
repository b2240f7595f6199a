import { isUnauthorized } from "../api/machinery/errors.ts";
import {
  type Command,
  type Io,
  Misuse,
  type Run,
  type Session,
  text,
  TimedOut,
} from "./command.ts";
import { commands } from "./commands.ts";
import { askTerminal } from "./login/ask-terminal.ts";
import { openBrowser, ownCommand } from "./login/own-command.ts";
import { errorText } from "./error-text.ts";
import { exitCode } from "./exit-code.ts";
import { paintError } from "./output.ts";
import { type Invocation, parse } from "./program.ts";

/** A second Ctrl-C does not wait for whoever hid the cursor. */
const showCursor = "\u001B[?25h";

function processIo(): Io {
  const { env, stdin, stdout, stderr } = process;
  const showsColors = (stream: NodeJS.WriteStream): boolean =>
    stream.isTTY && stream.hasColors() && env["NO_COLOR"] === undefined;
  // A reader that left (`| head`) is no error of ours: stop writing and end.
  stdout.on("error", (err: NodeJS.ErrnoException) => {
    process.exit(err.code === "EPIPE" ? 0 : 1);
  });
  return {
    out: (chunk) => void stdout.write(chunk),
    err: (chunk) => void stderr.write(chunk),
    outBytes: (chunk) =>
      new Promise((resolve, reject) => {
        stdout.write(chunk, (err) => (err instanceof Error ? reject(err) : resolve()));
      }),
    isTerminal: stdout.isTTY,
    color: showsColors(stdout),
    errorColor: showsColors(stderr),
    size: () => ({ columns: stdout.columns, rows: stdout.rows }),
    env,
    clock: { nowMs: () => Date.now() },
    ...(stdin.isTTY && stderr.isTTY
      ? { ask: askTerminal(stdin, stderr), browse: openBrowser }
      : {}),
    self: () => ownCommand(env),
    async readStdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of stdin as AsyncIterable<Buffer>) chunks.push(chunk);
      return Buffer.concat(chunks).toString("utf8");
    },
  };
}

/** First Ctrl-C or SIGTERM asks for a clean end; the second one does not ask. */
function abortOnSignals(): AbortController {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      if (process.stdout.isTTY) process.stdout.write(showCursor);
      process.exit(exitCode.interrupted);
    }
    controller.abort(new Error(`Interrupted by ${signal}`));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return controller;
}

function explain(io: Io, command: Command, err: unknown): number {
  if (err instanceof Misuse) {
    io.err(`${paintError(io, "red", "error:")} ${err.message}\n`);
    io.err(`Usage: ${["lighthouse", command.name, command.args].join(" ").trimEnd()}\n`);
    io.err(`See lighthouse ${command.name} --help\n`);
    return exitCode.misused;
  }
  const message = errorText(err);
  io.err(`${paintError(io, "red", "error:")} ${message}\n`);
  if (isUnauthorized(err) && message === "Unauthorized") {
    io.err('The server does not know these credentials, or no longer: see "lighthouse login"\n');
  }
  if (io.env["LIGHTHOUSE_DEBUG"] !== undefined && err instanceof Error) {
    io.err(`${err.stack ?? ""}\n`);
  }
  return err instanceof TimedOut ? exitCode.timedOut : exitCode.failed;
}

type Surroundings = { readonly io: Io; readonly signal: AbortSignal };

/** Runs one parsed command line to its exit code. Tests call it with their own `io`. */
export async function invoke(
  { command, args, flags }: Invocation,
  { io, signal }: Surroundings,
): Promise<number> {
  let session: Promise<Session> | undefined;
  const connect = (): Promise<Session> => {
    session ??= import("./connect.ts").then(({ connectTo }) =>
      connectTo({
        kubeconfig: text(flags, "kubeconfig"),
        context: text(flags, "context"),
        namespace: text(flags, "namespace"),
        showsPlans: flags["dry-run"] === true,
        io,
      }),
    );
    return session;
  };
  try {
    if (command.args === "" && args.length > 0)
      throw new Misuse(`Expected no argument, got "${args.join(" ")}"`);
    const run: Run = await command.load();
    return await run({ args, flags, io, signal, connect });
  } catch (err) {
    if (signal.aborted) return exitCode.interrupted;
    return explain(io, command, err);
  } finally {
    await session?.then((open) => open.close()).catch(() => undefined); // already explained
  }
}

/** The whole program: `argv` without `node` and script. Resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const io = processIo();
  const invocation = parse(commands, argv, io);
  if (typeof invocation === "number") return invocation;
  const controller = abortOnSignals();
  const code = await invoke(invocation, { io, signal: controller.signal });
  // A daemon's leftovers (keep-alive sockets, native threads) must not hold the process.
  setTimeout(() => process.exit(code), 1000).unref();
  return code;
}
