import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { type Lighthouse, startLighthouse, type UpOptions } from "./lighthouse.ts";

const program = join(import.meta.dirname, "..", "..", "cli", "lighthouse.mjs");

/** A part of Lighthouse that runs as a process of its own. */
export type Part = AsyncDisposable & {
  readonly pid: number;
  output(): string;
  /** Sends the signal and resolves to the exit code, `null` if the signal itself ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
};

/** Starts `lighthouse NAME` with these arguments. */
export function startPart(name: "controllers" | "agent", args: readonly string[]): Part {
  const child: ChildProcess = spawn(process.execPath, [program, name, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const code = await ended;
    clearTimeout(timer);
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

/** The agent of a server's own beacon, as a process: it reaches the server by its kubeconfig. */
export function startAgent(dataDir: string, docker: readonly string[]): Part {
  return startPart("agent", [
    `--kubeconfig=${join(dataDir, "pki", "agent.kubeconfig")}`,
    ...docker.flatMap((url) => ["--docker", url]),
  ]);
}

/** Server, controllers and agent as three processes: the agent streams through its tunnel. */
export async function startApart(options: UpOptions): Promise<Lighthouse> {
  const { dataDir, docker } = options;
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startLighthouse({ ...options, command: "server", docker: [] }));
  const controllers = `--kubeconfig=${join(dataDir, "pki", "controllers.kubeconfig")}`;
  const parts = [startPart("controllers", [controllers]), startAgent(dataDir, docker)];
  for (const part of parts) stack.use(part);
  const owned = stack.move();
  return {
    ...server,
    output: () => [server, ...parts].map((one) => one.output()).join("\n"),
    async stop(signal) {
      await Promise.all(parts.map((part) => part.stop(signal)));
      return server.stop(signal);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
