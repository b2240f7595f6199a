import { spawn } from "node:child_process";

/** What one check saw. `passed`, `failed` and `skipped` count tests; a plain check counts as one. */
export type Outcome = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Shown when something failed. */
  readonly output: string;
};

/** One question of the gate. It never throws for a "no": it says so in its outcome. */
export type Check = { readonly name: string; run(): Promise<Outcome> };

/** How a command ended. `output` is stdout and stderr in one; npm tells news on the second. */
export type Exit = { readonly code: number; readonly output: string; readonly stdout: string };

/** Runs a command to its end, in the checkout, and keeps what it printed. */
export function runCommand(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Exit> {
  const [command = "", ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...process.env, FORCE_COLOR: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    const printed: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      printed.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    const text = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString("utf8");
    const end = (code: number): void =>
      resolve({ code, output: text(chunks), stdout: text(printed) });
    child.on("error", (err) => {
      chunks.push(Buffer.from(`Cannot run ${command}: ${err.message}\n`));
      end(127);
    });
    child.on("close", (code) => end(code ?? 1));
  });
}

/** The outcome of a check that only says yes or no. */
export function verdict(ok: boolean, output: string): Outcome {
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, output };
}

/** A check that passes when a command exits with 0. */
export function commandCheck(name: string, ...argv: readonly string[]): Check {
  return {
    name,
    async run() {
      const { code, output } = await runCommand(argv);
      return verdict(code === 0, output);
    },
  };
}
