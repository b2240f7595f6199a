import { PassThrough } from "node:stream";
import type { StreamName } from "./container-log.ts";

/** What a program sees of its container. */
export type Surroundings = {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly hostname: string;
  /** Files of the container by absolute path; shared by all its processes. */
  readonly files: Map<string, Buffer>;
  readonly stdin: PassThrough;
  readonly write: (stream: StreamName, text: string | Uint8Array) => void;
  /** Starts answering HTTP with `text` on the container's ports; ends with the container. */
  readonly serve: (text: string) => Promise<void>;
  /** Runs in place of a program that is not there; absent: "not found". */
  readonly fallback?: Program;
  /** Aborts when the process is killed. */
  readonly killed: AbortSignal;
};

/** A program: resolves to its exit code, at the latest soon after it was killed. */
export type Program = (around: Surroundings) => Promise<number>;

/** A program under way. */
export type SimulatedProcess = {
  readonly pid: number;
  readonly stdin: PassThrough;
  /** The exit code. */
  readonly ended: Promise<number>;
  /** SIGKILL ends it with 137; SIGTERM and SIGINT with 0 when it has a handler, and else do nothing,
   * as for any first process of a container. */
  signal(name: string): void;
  /** Ends it as if it had chosen to. */
  exit(code: number): void;
};

let lastPid = 1_000_000; // beyond any real one, so that nobody signals a stranger

const numbers: Readonly<Record<string, string>> = {
  "9": "SIGKILL",
  "15": "SIGTERM",
  "2": "SIGINT",
};

/** `KILL`, `SIGKILL` and `9` are the same. */
function canonical(name: string): string {
  const upper = name.toUpperCase();
  return numbers[upper] ?? (upper.startsWith("SIG") ? upper : `SIG${upper}`);
}

/** Starts a program. `handlesTerm`: it ends with 0 on SIGTERM and SIGINT. */
export function startProcess(
  program: Program,
  around: Omit<Surroundings, "killed" | "stdin">,
  handlesTerm: boolean,
): SimulatedProcess {
  lastPid += 1;
  const controller = new AbortController();
  const { promise: forced, resolve: force } = Promise.withResolvers<number>();
  const stdin = new PassThrough();
  const end = (code: number): void => {
    force(code);
    controller.abort();
    stdin.destroy();
  };
  // Later, so that whoever starts it can say so before it says anything.
  const running = Promise.resolve()
    .then(() => program({ ...around, stdin, killed: controller.signal }))
    .catch(() => 1);
  return {
    pid: lastPid,
    stdin,
    ended: Promise.race([running, forced]),
    exit: end,
    signal: (name) => {
      const signal = canonical(name);
      if (signal === "SIGKILL") end(137);
      else if (handlesTerm && (signal === "SIGTERM" || signal === "SIGINT")) end(0);
    },
  };
}
