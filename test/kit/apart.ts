import { join } from "node:path";
import { type Lighthouse, startLighthouse, type UpOptions } from "./lighthouse.ts";
import { type RunningProgram, runningProgram } from "./running-program.ts";

/** The agent of a server's own beacon, as a process: it reaches the server by its kubeconfig. */
export function startAgent(dataDir: string, docker: readonly string[]): RunningProgram {
  return runningProgram([
    "agent",
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
  const parts = [runningProgram(["controllers", controllers]), startAgent(dataDir, docker)];
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
