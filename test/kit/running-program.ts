import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

const program = join(import.meta.dirname, "..", "..", "cli", "lighthouse.mjs");

/** A process of a test. Disposing of it ends it. */
export type RunningProgram = AsyncDisposable & {
  readonly pid: number;
  /** Everything that it printed. */
  output(): string;
  /** Sends the signal and resolves to the exit code, `null` if the signal itself ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
};

function runningChild(child: ChildProcess): RunningProgram {
  const chunks: string[] = [];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
    child.once("error", () => resolve(127));
  });
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const code = await ended;
    clearTimeout(late);
    return code;
  };
  return {
    pid: child.pid ?? 0,
    output: () => chunks.join(""),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** Runs `lighthouse ARGS`, behind another command if there is one, e.g. `nsenter --net=…`. */
export function runningProgram(
  args: readonly string[],
  {
    env = {},
    within = [],
  }: { readonly env?: NodeJS.ProcessEnv; readonly within?: readonly string[] } = {},
): RunningProgram {
  const [command = "", ...rest] = [...within, process.execPath, program, ...args];
  const stdio = ["ignore", "pipe", "pipe"] as const;
  return runningChild(spawn(command, rest, { env: { ...process.env, ...env }, stdio: [...stdio] }));
}
