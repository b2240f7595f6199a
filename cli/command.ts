import type { Client } from "../api/client/client.ts";
import type { ClientConfig } from "../api/client/config.ts";

/** Asks a person one question. Rejects with the signal's reason, or when the input ends. */
export type Ask = (
  question: string,
  options: {
    /** What is typed is not shown. */
    readonly hidden?: boolean;
    readonly signal: AbortSignal;
  },
) => Promise<string>;

/** Where a command writes and what it may know of its surroundings; tests pass their own. */
export type Io = {
  out(text: string): void;
  err(text: string): void;
  /** Bytes to stdout; resolves once they are taken. Absent where only text is wanted. */
  outBytes?(chunk: Uint8Array): Promise<void>;
  /** Whether stdout is a terminal: only then are there colours and lines that redraw. */
  readonly isTerminal: boolean;
  readonly color: boolean;
  /** The same of stderr, which may go elsewhere; absent: as `color`. */
  readonly errorColor?: boolean;
  /** Columns and rows of the terminal as they are now; absent fields are unknown. */
  size?(): { readonly columns?: number; readonly rows?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** All of stdin, for `-f -`. */
  readStdin(): Promise<string>;
  /** Absent where nobody sits at a terminal. */
  readonly ask?: Ask;
  /** How this very program is started again, by others; absent: as `lighthouse`. */
  self?(): readonly string[];
  /** Opens an address in the person's browser; absent where there is none. */
  browse?(url: string): void;
  readonly clock: { nowMs(): number };
};

/** One flag. Without `value` it is a switch. */
export type Flag = {
  /** e.g. `output` for `--output`. */
  readonly long: string;
  readonly short?: string;
  /** Name of the value in the help, e.g. `FILE`. */
  readonly value?: string;
  /** The value may be left out; then the flag is `true`. */
  readonly optional?: boolean;
  readonly repeatable?: boolean;
  readonly choices?: readonly string[];
  readonly about: string;
  /** What completion offers: file names, namespaces, numbers of Revisions, or nothing. */
  readonly completes?: "file" | "namespace" | "revision";
};

/** The parsed flags by long name: a string, all strings of a repeatable flag, or `true`. */
export type Flags = Readonly<Record<string, string | readonly string[] | true | undefined>>;

/** A connection as the user's kubeconfig and flags describe it. */
export type Session = {
  readonly client: Client;
  /** The namespace of `-n`, else of the context, else `default`. */
  readonly namespace: string;
  readonly server: string;
  /** Trust and credentials, for other connections to the same server. */
  readonly config: ClientConfig;
  close(): Promise<void>;
};

/** One invocation. */
export type Call = {
  readonly args: readonly string[];
  readonly flags: Flags;
  readonly io: Io;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Opens the connection when the command first needs it. */
  connect(): Promise<Session>;
};

/** The exit code, see `exitCode`. A rejection is printed and gives 1. */
export type Run = (call: Call) => Promise<number>;

/** A command as a value: its help, flags and completion come from here, its code is loaded late. */
export type Command = {
  /** Words after `lighthouse`, e.g. `rollout status`. */
  readonly name: string;
  /** e.g. `TYPE [NAME...]`; upper case stands for what the user fills in. */
  readonly args: string;
  readonly summary: string;
  /** Lines that work as pasted, each with what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  readonly flags: readonly Flag[];
  /** What completion offers for positional arguments. */
  readonly completes?:
    | "type-then-name"
    | "application"
    | "pod-or-application"
    | "beacon"
    | "token"
    | "node"
    | "user"
    | "session";
  load(): Promise<Run>;
};

/** What was waited for did not come in time: `main` prints this and exits with 3. */
export class TimedOut extends Error {
  override readonly name = "TimedOut";
}

/** The user called a command wrongly: `main` prints this with the usage and exits with 2. */
export class Misuse extends Error {
  override readonly name = "Misuse";
}

/** The value of a flag that takes one. */
export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

/** All values of a repeatable flag. */
export function texts(flags: Flags, name: string): readonly string[] {
  const value = flags[name];
  if (value === undefined || value === true) return [];
  return typeof value === "string" ? [value] : value;
}

/** The value of a flag that must be a whole number. @throws Misuse */
export function wholeNumber(flags: Flags, name: string): number | undefined {
  const value = text(flags, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) {
    throw new Misuse(`--${name} must be a whole number, is "${value}"`);
  }
  return Number(value);
}

/** The value of a duration flag such as `30s`, `5m` or `1h30m`, in milliseconds. @throws Misuse */
export function durationMs(flags: Flags, name: string): number | undefined {
  const value = text(flags, name);
  if (value === undefined) return undefined;
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(value);
  if (parts === null || value === "") {
    throw new Misuse(`--${name} must be a duration such as 30s, 5m or 1h, is "${value}"`);
  }
  const [, hours = "0", minutes = "0", seconds = "0"] = parts;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}
