import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { eventually } from "../../kit/eventually.ts";
import { type Ran, run } from "../../kit/run.ts";
import type { KubectlClient } from "./kubectl-client.ts";
import { linesOf, parseTxtar, type ScriptLine } from "./txtar.ts";

/** Commands that assert something; the others only do. */
export const assertions: readonly string[] = ["stdout", "stderr", "cmp", "grep", "kube-retry"];

/** What the last command left. */
type State = {
  readonly client: KubectlClient;
  readonly env: Record<string, string>;
  stdin: string;
  last: Ran;
};

type Command = (state: State, args: readonly string[], negated: boolean) => Promise<void>;

const placeOf = ({ client }: State, name: string): string => resolve(client.folder, name);

function textOf(state: State, name: string): Promise<string> {
  if (name === "stdout" || name === "stderr") return Promise.resolve(state.last[name]);
  return readFile(placeOf(state, name), "utf8");
}

/** As in Go: `^` and `$` match at lines, `(?s)` in front lets the dot match line ends. */
function regex(pattern: string): RegExp {
  const flags = /^\(\?([a-z]+)\)/.exec(pattern);
  return new RegExp(
    pattern.slice(flags?.[0].length ?? 0),
    `mg${flags?.[1]?.replace("m", "") ?? ""}`,
  );
}

function check(what: string, text: string, args: readonly string[], negated: boolean): void {
  const count = /^-count=(\d+)$/.exec(args[0] ?? "")?.[1];
  const pattern = args[count === undefined ? 0 : 1] ?? "";
  const found = text.match(regex(pattern))?.length ?? 0;
  if (negated ? found > 0 : found === 0) {
    throw new Error(`${what} ${negated ? "matches" : "does not match"} ${pattern}:\n${text}`);
  }
  if (count !== undefined && found !== Number(count)) {
    throw new Error(`${what} matches ${pattern} ${found} times, expected ${count}:\n${text}`);
  }
}

/** `kubectl ARGS [> FILE]`: it must succeed, or with `!` fail. */
const kubectl: Command = async (state, args, negated) => {
  const redirect = args.indexOf(">");
  const own = redirect < 0 ? args : args.slice(0, redirect);
  const stdin = state.stdin;
  state.stdin = "";
  state.last = await state.client.run(own, { stdin, env: state.env, timeoutMs: 60_000 });
  const { code, stdout, stderr } = state.last;
  if ((code === 0) === negated || code === 124) {
    throw new Error(`kubectl ended with ${code}\n${stdout}${stderr}`);
  }
  if (redirect >= 0) await writeFile(placeOf(state, args[redirect + 1] ?? ""), stdout);
};

/** `kube-retry RESOURCE JSONPATH WANTED [SECONDS]` */
const kubeRetry: Command = async (
  state,
  [resource = "", path = "", wanted = "", limit],
  negated,
) => {
  const get = ["get", ...resource.split(" "), "-o", `jsonpath=${path}`];
  const matches = async (): Promise<boolean> => {
    state.last = await state.client.run(get, { env: state.env });
    return (state.last.code === 0 && state.last.stdout.trim() === wanted) !== negated;
  };
  const timeoutMs = Number(limit ?? "30") * 1_000;
  await eventually(`${resource} ${path} is ${wanted}`, matches, {
    timeoutMs,
    intervalMs: 150,
  }).catch(() => {
    throw new Error(`${resource} ${path} is "${state.last.stdout}", expected "${wanted}"`);
  });
};

const compare: Command = async (state, [one = "", other = ""], negated) => {
  const [a, b] = await Promise.all([textOf(state, one), textOf(state, other)]);
  if ((a === b) === negated) throw new Error(`${one} and ${other}:\n${a}\n---\n${b}`);
};

const copy: Command = async (state, [from = "", to = ""]) => {
  if (from === "stdout" || from === "stderr") await writeFile(placeOf(state, to), state.last[from]);
  else await copyFile(placeOf(state, from), placeOf(state, to));
};

const setEnv: Command = async (state, args) => {
  for (const arg of args) {
    const at = arg.indexOf("=");
    state.env[arg.slice(0, at)] = arg.slice(at + 1);
  }
};

const commands: Readonly<Record<string, Command>> = {
  kubectl,
  "kube-retry": kubeRetry,
  cmp: compare,
  cp: copy,
  env: setEnv,
  async stdout({ last }, args, negated) {
    check("stdout", last.stdout, args, negated);
  },
  async stderr({ last }, args, negated) {
    check("stderr", last.stderr, args, negated);
  },
  async grep(state, args, negated) {
    check(args.at(-1) ?? "", await textOf(state, args.at(-1) ?? ""), args.slice(0, -1), negated);
  },
  async stdin(state, [name = ""]) {
    state.stdin = await textOf(state, name);
  },
  async mkdir(state, [name = ""]) {
    await mkdir(placeOf(state, name), { recursive: true });
  },
  async rm(state, [name = ""]) {
    await rm(placeOf(state, name), { recursive: true, force: true });
  },
  /** Looked for before the script is played, see {@link skipOf}. */
  async skip() {
    throw new Error("Cannot skip: it began already");
  },
  /** The system's own tools, for fixtures that are computed; not for kubectl. */
  async exec(state, args, negated) {
    state.last = await run(args, {
      cwd: state.client.folder,
      env: { ...state.client.env, ...state.env },
    });
    if ((state.last.code === 0) === negated) throw new Error(state.last.stderr + state.last.stdout);
  },
};

/** `[kubectl:1.NN]`: that minor or a later one. `[!…]` negates. */
function holds(condition: string | undefined, minor: number): boolean {
  if (condition === undefined) return true;
  const [, not, least] = /^(!?)kubectl:1\.(\d+)$/.exec(condition) ?? [];
  if (least === undefined) throw new Error(`Unknown condition [${condition}]`);
  return minor >= Number(least) !== (not === "!");
}

/** Why a script is nothing for that minor: the words of its `skip`; `undefined` if it is played. */
export function skipOf(text: string, minor: number): string | undefined {
  for (const { words, condition } of linesOf(parseTxtar(text).script, {})) {
    if (words[0] === "skip" && holds(condition, minor)) return words.slice(1).join(" ");
  }
  return undefined;
}

async function play(state: State, { words, negated, condition }: ScriptLine): Promise<void> {
  const [name = "", ...args] = words;
  const command = commands[name];
  if (command === undefined) throw new Error(`Unknown command ${name}`);
  if (holds(condition, state.client.minor)) await command(state, args, negated);
}

/**
 * Plays a script in the namespace and folder of a client. `$NAMESPACE` names the namespace, `$WORK`
 * the folder. @throws Error with file and line of the first command that did not do what it says
 */
export async function runTestScript(
  file: string,
  text: string,
  client: KubectlClient,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { script, files } = parseTxtar(text);
  const own = {
    ...env,
    NAMESPACE: client.namespace,
    WORK: client.folder,
    GROUP: `${client.namespace}.example.com`,
  };
  const state: State = { client, env: own, stdin: "", last: { code: 0, stdout: "", stderr: "" } };
  for (const [name, content] of files) {
    const place = join(client.folder, name);
    await mkdir(dirname(place), { recursive: true });
    // Files may name the group of this script's own kinds.
    await writeFile(
      place,
      content.replaceAll("${GROUP}", own.GROUP).replaceAll("${NAMESPACE}", own.NAMESPACE),
      { mode: name.endsWith(".sh") ? 0o755 : 0o644 },
    );
  }
  for (const line of linesOf(script, state.env)) {
    await play(state, line).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${file}:${line.line}: ${line.words.join(" ")}: ${why}`, { cause });
    });
  }
}
