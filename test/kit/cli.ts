import type { Ask, Io } from "../../cli/command.ts";
import { commands } from "../../cli/commands.ts";
import { invoke } from "../../cli/main.ts";
import { parse } from "../../cli/program.ts";

/** How a command line ended, and what it printed. */
export type CliDone = { readonly code: number; readonly out: string; readonly err: string };

/** What surrounds a command line. */
export type CliOptions = {
  readonly env?: Io["env"];
  readonly stdin?: string;
  /** What a person types, one answer for each question; absent: there is no terminal. */
  readonly answers?: readonly string[];
  /** A browser that addresses are opened in. */
  readonly browse?: (url: string) => void;
  readonly nowMs?: () => number;
  /** How others start the program. */
  readonly self?: readonly string[];
};

/** Runs the CLI in this process: as one of its own it takes half a second to start. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliDone> {
  const { env = {}, stdin = "", answers, browse, nowMs = () => Date.now(), self } = options;
  const said = { out: "", err: "" };
  const left = [...(answers ?? [])];
  const ask: Ask = async (question, { hidden = false }) => {
    said.err += hidden ? `${question}(hidden)\n` : `${question}\n`;
    const answer = left.shift();
    if (answer === undefined) throw new Error(`Nobody answers "${question}"`);
    return Promise.resolve(answer);
  };
  const io: Io = {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    isTerminal: false,
    color: false,
    env,
    readStdin: async () => Promise.resolve(stdin),
    clock: { nowMs },
    ...(answers === undefined ? {} : { ask }),
    ...(browse === undefined ? {} : { browse }),
    ...(self === undefined ? {} : { self: () => self }),
  };
  const found = parse(commands, args, io);
  if (typeof found === "number") return { code: found, ...said };
  const code = await invoke(found, { io, signal: AbortSignal.timeout(30_000) });
  return { code, ...said };
}
