import { spawn } from "node:child_process";

/** How a command ended, and what it printed. */
export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Limits and input of {@link run}. */
export type RunOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdin?: string;
  /** The command is killed after so long. Integer, milliseconds, default 60 000. */
  readonly timeoutMs?: number;
};

/** Runs a command to its end. It never rejects: a command that cannot start ends with 127, one
 * that was killed for its time with 124, as `timeout(1)` does. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [command = "", ...args] = argv;
  const { env, cwd, stdin, timeoutMs = 60_000 } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", (err) => {
      clearTimeout(timer);
      resolve({ code: 127, stdout, stderr: `${stderr}${err.message}\n` });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: late ? 124 : (code ?? 137), stdout, stderr });
    });
    child.stdin.on("error", () => undefined); // a command that does not read its input
    child.stdin.end(stdin ?? "");
  });
}

/** Like {@link run}, for commands that must succeed. @throws Error with all that it printed */
export async function mustRun(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}
