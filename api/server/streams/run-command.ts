import type { Writable } from "node:stream";
import { internal, StatusError, unavailable } from "../../machinery/errors.ts";
import { endText, lostRight } from "../live-requests.ts";
import type { ReadyProcess, RemoteProcess, TerminalSize } from "../pods/pod-streams.ts";
import type { CommandClient, Outcome } from "./command-client.ts";
import type { IdleTimer } from "./idle-timer.ts";
import { writeBytes } from "../../tunnel/write-bytes.ts";

/** Clients send the size of their terminal at once: programs shall begin with it. */
const firstSizeMs = 100;

function firstSize(client: CommandClient): Promise<TerminalSize | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), firstSizeMs);
    client.onResize((size) => {
      clearTimeout(timer);
      resolve(size);
    });
  });
}

/** Input until the client has no more of it. Never rejects: a process need not read. */
async function feed(client: CommandClient, process: RemoteProcess, idle: IdleTimer): Promise<void> {
  const { stdin } = process;
  stdin.on("error", () => {}); // it ended first
  try {
    for await (const chunk of (client.stdin ?? []) as AsyncIterable<Buffer>) {
      idle.touch();
      await writeBytes(stdin, chunk);
    }
  } catch {
    // Destroyed because the process ended.
  }
  if (!client.gone.aborted) stdin.end();
}

function flushed(stream: Writable | undefined): Promise<void> {
  if (stream === undefined || stream.destroyed || stream.writableFinished) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("close", resolve).once("error", () => resolve());
    stream.end(() => resolve());
  });
}

function asFailure(err: unknown): Outcome {
  if (err instanceof StatusError) return { kind: "failure", error: err };
  const why = err instanceof Error ? err.message : String(err);
  return {
    kind: "failure",
    error: internal(`Internal error occurred: error executing command in container: ${why}`),
  };
}

/** What a command session is made of. */
export type CommandSession = {
  readonly client: CommandClient;
  readonly ready: ReadyProcess;
  /** Joining the main process ends with success, however that process ended. */
  readonly attached: boolean;
  /** Ends the session after so long without any data. */
  readonly idle: IdleTimer;
};

async function converse(
  { client, attached, idle }: CommandSession,
  process: RemoteProcess,
): Promise<Outcome> {
  client.onResize((size) => {
    process.resize(size).catch(() => {}); // a size that cannot be set is no reason to end
  });
  void feed(client, process, idle); // never rejects; ends with the client or the process
  for await (const { stream, bytes } of process.output) {
    idle.touch();
    const to = stream === "stdout" ? client.stdout : client.stderr;
    if (to !== undefined) await writeBytes(to, bytes);
    if (client.gone.aborted) break;
  }
  const code = attached ? 0 : await process.exitCode(client.gone);
  await Promise.all([flushed(client.stdout), flushed(client.stderr)]);
  if (code !== undefined) return { kind: "exit", code };
  const error = unavailable("Cannot learn how the command ended: its engine does not tell");
  return { kind: "failure", error };
}

/**
 * Joins a client and a process until either of them ends, and tells the client how it ended. A command
 * whose client is gone is ended too, and when `ending` aborts. Never rejects.
 */
export async function runCommand(session: CommandSession, ending: AbortSignal): Promise<void> {
  const { client, ready, idle } = session;
  const end = AbortSignal.any([client.gone, ending, idle.signal]);
  try {
    const size = ready.tty ? await firstSize(client) : undefined;
    await using process = await ready.start(size, end);
    const hangUp = (): void => {
      // Ends the output too, and that ends the conversation.
      Promise.resolve(process[Symbol.asyncDispose]()).catch(() => {});
    };
    end.addEventListener("abort", hangUp, { once: true });
    if (end.aborted) hangUp();
    const outcome = await converse(session, process);
    if (!end.aborted) await client.end(outcome);
  } catch (err) {
    if (!end.aborted) await client.end(asFailure(err));
  } finally {
    idle.stop();
    if (end.aborted && !client.gone.aborted) await leave(client, ending);
  }
}

/** How long a client may take to read why it is refused, in milliseconds. */
const farewellMs = 2_000;

/** Says why the session is over before its command is. */
async function leave(client: CommandClient, ending: AbortSignal): Promise<void> {
  const why = ending.aborted ? endText(ending) : "nothing was sent for too long";
  const error = lostRight(ending);
  if (error === undefined) return client.abandon(why);
  const late = setTimeout(() => {
    client.abandon(why).catch(() => {}); // it is gone
  }, farewellMs);
  try {
    await client.end({ kind: "failure", error });
  } finally {
    clearTimeout(late);
  }
}
