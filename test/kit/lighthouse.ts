import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { anyKubectl } from "./kubectl.ts";
import { type Ran, run, type RunOptions } from "./run.ts";

const program = join(import.meta.dirname, "..", "..", "cli", "lighthouse.mjs");

/** How `lighthouse up` is started. */
export type UpOptions = {
  /** Default `up`; `server` is the API server alone, and takes no `docker`. */
  readonly command?: "up" | "server";
  readonly dataDir: string;
  /** Docker Engine URLs. */
  readonly docker: readonly string[];
  readonly store?: string;
  /** Default: a free port of 127.0.0.1, the same after a restart only if given. */
  readonly listen?: string;
  readonly args?: readonly string[];
  /** On top of this process's. */
  readonly env?: NodeJS.ProcessEnv;
};

/** A running `lighthouse up`, as a process of its own. */
export type Lighthouse = AsyncDisposable & {
  readonly pid: number;
  readonly url: string;
  readonly kubeconfig: string;
  /** Milliseconds from the start of the process to its ready line. */
  readonly readyMs: number;
  /** Everything it printed. */
  output(): string;
  /** The CLI, connected to it. */
  cli(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** kubectl, connected to it. */
  kubectl(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Sends the signal and resolves to the exit code, `null` if the signal itself ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
};

const readyLine = /Lighthouse is ready at ([^\s,]+)/;

function waitUntilReady(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`lighthouse ${why}\n${output()}`));
    const timer = setTimeout(() => fail("was not ready after 60 s"), 60_000);
    const look = (): void => {
      const url = readyLine.exec(output())?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout?.on("data", look);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      fail(`ended with ${code ?? signal} before it was ready`);
    });
  });
}

/** Starts `lighthouse up` and waits for its ready line. @throws Error with all that it printed */
export async function startLighthouse(options: UpOptions): Promise<Lighthouse> {
  const kubeconfig = join(options.dataDir, "kubeconfig");
  const argv = [
    program,
    options.command ?? "up",
    `--data-dir=${options.dataDir}`,
    `--listen=${options.listen ?? "127.0.0.1:0"}`,
    `--kubeconfig=${kubeconfig}`,
    // With the data, so that both are removed together: nothing of a test goes to a home folder.
    `--encryption-keys=${join(options.dataDir, "encryption-keys.yaml")}`,
    ...options.docker.flatMap((url) => ["--docker", url]),
    ...(options.store === undefined ? [] : ["--store", options.store]),
    ...(options.args ?? []),
  ];
  const start = performance.now();
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: string[] = [];
  const output = (): string => chunks.join("");
  child.stdout.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const code = await ended;
    clearTimeout(timer);
    return code;
  };
  try {
    const url = await waitUntilReady(child, output);
    const readyMs = performance.now() - start;
    const connected = (more: RunOptions = {}): RunOptions => ({
      ...more,
      env: { KUBECONFIG: kubeconfig, ...more.env },
    });
    return {
      pid: child.pid ?? 0,
      url,
      kubeconfig,
      readyMs,
      output,
      cli: (args, more) => run([process.execPath, program, ...args], connected(more)),
      kubectl: (args, more) => run([anyKubectl()?.path ?? "kubectl", ...args], connected(more)),
      stop,
      async [Symbol.asyncDispose]() {
        await stop();
      },
    };
  } catch (err) {
    await stop("SIGKILL");
    throw err;
  }
}
