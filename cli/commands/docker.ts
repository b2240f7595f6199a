import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { unavailable } from "../../api/machinery/errors.ts";
import { type Call, Misuse, type Run } from "../command.ts";
import { dockerEnv } from "../docker/environment.ts";
import { startForwarder } from "../docker/forwarder.ts";
import { nodeTarget } from "../docker/node-target.ts";
import { runtimeDirectory } from "../docker/private-dir.ts";
import { createUpstream } from "../docker/upstream.ts";

/** Ctrl-C at a terminal reaches the child by itself; what was sent to us alone is passed on. */
function passSignals(child: ChildProcess, signal: AbortSignal): void {
  const onAbort = (): void => {
    const why: unknown = signal.reason;
    const fromTerminal = why instanceof Error && why.message.includes("SIGINT");
    if (!(fromTerminal && process.stdin.isTTY)) child.kill("SIGTERM");
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
}

/** Runs a program on this process's own terminal and resolves to what it ended with. */
function runChild(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { env, stdio: "inherit" });
  passSignals(child, signal);
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(
        unavailable(`Cannot run ${program}: ${cause.message}; install the docker command`, {
          cause,
        }),
      ),
    );
    child.once("exit", (code, killed) =>
      resolve(code ?? 128 + (killed === null ? 0 : constants.signals[killed])),
    );
  });
}

/** `lighthouse docker NODE -- ARG...`: the stock docker command, on the Docker host of a Node. */
export const runDocker: Run = async (call: Call) => {
  const { nodeName, config } = await nodeTarget(call);
  const args = call.args.slice(1);
  if (args.length === 0) throw new Misuse("What shall docker do? Put it behind --, e.g. -- ps");
  // Short: a socket's path has at most 107 bytes.
  const dir = await mkdtemp(join(await runtimeDirectory(call.io.env), "d-"));
  try {
    const upstream = createUpstream(config, nodeName);
    await using forwarder = await startForwarder({ socketPath: join(dir, "s"), upstream });
    const env = { ...call.io.env, ...dockerEnv(call.io.env, forwarder.url) };
    return await runChild(["docker", ...args], env, call.signal);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
