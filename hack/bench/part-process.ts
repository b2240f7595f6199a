import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A program of a bench, in a process of its own that ends with its owner. */
export type PartProcess = AsyncDisposable & {
  readonly pid: number;
  /** Ends it without a farewell, as a crash would. */
  kill(): Promise<void>;
  /** The end of what it wrote to stderr, for error messages. */
  complaint(): string;
};

/** How a {@link PartProcess} is started. */
export type PartOptions = {
  /** The network namespace to run in; absent: the machine's. */
  readonly namespace?: string;
  /** Arguments of node. */
  readonly argv: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** It counts as started once a line of its stdout matches; absent: at once. */
  readonly ready?: RegExp;
};

const startTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;
const keptBytes = 4_000;

async function untilLine(child: ChildProcess, ready: RegExp): Promise<void> {
  if (child.stdout === null) return;
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) if (ready.test(line)) return;
  throw new Error("it ended before it was ready");
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}

function commandOf({ argv, namespace }: PartOptions): readonly string[] {
  const enter = namespace === undefined ? [] : ["nsenter", `--net=/var/run/netns/${namespace}`];
  // The kernel ends it after us, however we end.
  return ["setpriv", "--pdeathsig", "TERM", ...enter, process.execPath, ...argv];
}

/** Starts `node ...argv`. @throws Error with the end of its stderr when it is not ready in time */
export async function startPart(options: PartOptions): Promise<PartProcess> {
  const { env, ready } = options;
  const [command = "", ...args] = commandOf(options);
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-keptBytes);
  });
  child.stdin.on("error", () => undefined); // it is gone
  const part: PartProcess = {
    pid: child.pid ?? 0,
    kill: () => end(child, "SIGKILL"),
    complaint: () => said,
    [Symbol.asyncDispose]: () => end(child, "SIGTERM"),
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), startTimeoutMs);
  try {
    if (ready !== undefined) await untilLine(child, ready);
    child.stdout.resume();
    return part;
  } catch (cause) {
    await end(child, "SIGKILL");
    throw new Error(`Cannot start ${args.join(" ").slice(0, 200)}:\n${said}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
