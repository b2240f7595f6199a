import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { eventually } from "./eventually.ts";
import type { Kubectl } from "./kubectl.ts";

/** How a kubectl ended, with its output as bytes. */
export type Piped = { readonly code: number; readonly stdout: Buffer; readonly stderr: string };

/** A kubectl that is under way. */
export type Running = AsyncDisposable & {
  readonly child: ChildProcess;
  /** What it printed so far; reading keeps it going. */
  output(): string;
  ended(): Promise<number>;
};

/** kubectl against one server, for what is more than a command and its text. */
export type StreamingKubectl = {
  /** Runs it to its end. It is killed after 30 s. */
  pipe(args: readonly string[], input?: Uint8Array): Promise<Piped>;
  /** Starts it; disposing of it kills it. `silent`: nobody reads what it prints. */
  start(args: readonly string[], how?: { readonly silent?: boolean }): Running;
  /** Starts it in a terminal of 33 rows and 99 columns; what is written to its input is typed. */
  startTyping(args: readonly string[]): Running;
  /** Forwards a free local port, and resolves to it. */
  forward(target: string, port: number): Promise<Running & { readonly localPort: number }>;
};

function runningOf(child: ChildProcess, silent: boolean): Running {
  let text = "";
  const take = (part: Buffer): void => {
    text += part.toString();
  };
  if (!silent) child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  const ended = new Promise<number>((resolve) => {
    child.once("close", (code) => resolve(code ?? 137));
  });
  return {
    child,
    output: () => text,
    ended: () => ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      child.stdout?.resume();
      await ended;
    },
  };
}

/** Binds a kubectl to a kubeconfig. */
export function streamingKubectl({ path }: Kubectl, kubeconfig: string): StreamingKubectl {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const launch = (args: readonly string[]): ChildProcess => spawn(path, args, { env });
  const start: StreamingKubectl["start"] = (args, { silent = false } = {}) =>
    runningOf(launch(args), silent);
  return {
    start,
    startTyping(args) {
      // From Debian's essential bsdutils.
      const command = `stty rows 33 cols 99; exec ${[path, ...args].join(" ")}`;
      return runningOf(spawn("script", ["-qec", command, "/dev/null"], { env }), false);
    },
    async pipe(args, input) {
      const child = launch(args);
      const chunks: Buffer[] = [];
      child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
      const running = runningOf(child, true);
      const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
      child.stdin?.on("error", () => {}); // it ended before it read all
      child.stdin?.end(input);
      const code = await running.ended();
      clearTimeout(late);
      return { code, stdout: Buffer.concat(chunks), stderr: running.output() };
    },
    async forward(target, port) {
      const running = start(["port-forward", target, `:${port}`]);
      const localPort = await eventually("the forward listens", () => {
        const found = /127\.0\.0\.1:(\d+) ->/.exec(running.output())?.[1];
        return found === undefined ? undefined : Number(found);
      });
      return { ...running, localPort };
    },
  };
}

/** Sends bytes to a local port, ends that half unless `hold`, and reads the answer to its end. */
export function exchange(port: number, bytes: Uint8Array, hold = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    let answer = "";
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.once("end", () => {
      socket.destroy();
      resolve(answer);
    });
    socket.once("error", reject);
    socket.setTimeout(15_000, () => socket.destroy(new Error("no answer within 15 s")));
    if (hold) socket.write(bytes);
    else socket.end(bytes);
  });
}
