import { createInterface } from "node:readline";
import type { Program, Surroundings } from "./process.ts";
import { programs } from "./programs.ts";

/** A simple command, how it hangs on the one before, and where its output goes. */
type Command = {
  readonly after: "always" | "success" | "failure";
  readonly words: readonly string[];
  readonly toStderr: boolean;
};

const separators = new Map([
  [";", "always"],
  ["\n", "always"],
  ["&&", "success"],
  ["||", "failure"],
] as const);

const tokenPattern = /"(?:[^"\\]|\\.)*"|'[^']*'|&&|\|\||[12]?>&[12]|[;\n]|[^\s;"'&|]+/g;

function expand(token: string, env: Surroundings["env"]): string {
  if (token.startsWith("'")) return token.slice(1, -1);
  const bare = token.startsWith('"') ? token.slice(1, -1).replace(/\\(.)/g, "$1") : token;
  return bare.replace(/\$\{?(\w+)\}?/g, (_all, name: string) => env[name] ?? "");
}

/** Splits a script into simple commands. Loops, pipes and substitution are beyond it. */
function parse(script: string, env: Surroundings["env"]): readonly Command[] {
  const commands: Command[] = [];
  let after: Command["after"] = "always";
  let words: string[] = [];
  let toStderr = false;
  const finish = (next: Command["after"]): void => {
    if (words.length > 0) commands.push({ after, words, toStderr });
    [after, words, toStderr] = [next, [], false];
  };
  for (const [token] of script.matchAll(tokenPattern)) {
    const separator = separators.get(token as ";");
    if (separator !== undefined) finish(separator);
    else if (/^1?>&2$/.test(token)) toStderr = true;
    else if (!/^2>&1$/.test(token)) words.push(expand(token, env));
  }
  finish("always");
  return commands;
}

/** The program of a command's first word, with or without its folder; `undefined` if there is none. */
export function findProgram(name: string): Program | undefined {
  const base = name.replace(/^(\/usr)?\/s?bin\//, "");
  if (base === "sh") return shell;
  return base.includes("/") ? undefined : programs.get(base);
}

async function runCommand({ words, toStderr }: Command, around: Surroundings): Promise<number> {
  const [name = ""] = words;
  const program = findProgram(name) ?? around.fallback;
  if (program === undefined) {
    around.write("stderr", `sh: ${name}: not found\n`);
    return 127;
  }
  const write: Surroundings["write"] = (stream, text) =>
    around.write(toStderr ? "stderr" : stream, text);
  return program({ ...around, argv: words, write });
}

async function runScript(script: string, around: Surroundings): Promise<number> {
  let code = 0;
  for (const command of parse(script, around.env)) {
    const runs = { always: true, success: code === 0, failure: code !== 0 }[command.after];
    if (!runs) continue;
    if (command.words[0] === "exit") throw new Exit(Number(command.words[1] ?? code) & 255);
    code = await runCommand(command, around);
    if (around.killed.aborted) throw new Exit(137);
  }
  return code;
}

/** `exit` leaves the whole script. */
class Exit extends Error {
  override readonly name = "Exit";
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

async function runLines(around: Surroundings): Promise<number> {
  let code = 0;
  const lines = createInterface({ input: around.stdin });
  for await (const line of lines) code = await runScript(line, around);
  return code;
}

/** `sh -c SCRIPT`, or commands from its input: simple ones with `;`, `&&`, `||`, quotes, variables
 * and `>&2`. */
async function shell(around: Surroundings): Promise<number> {
  const [, flag, script = ""] = around.argv;
  try {
    return await (flag === "-c" ? runScript(script, around) : runLines(around));
  } catch (err) {
    if (err instanceof Exit) return err.code;
    throw err;
  }
}
