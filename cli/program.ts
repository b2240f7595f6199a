import { Command as Commander, CommanderError, Option } from "commander";
import type { Command, Flag, Flags, Io } from "./command.ts";

/** What a parsed command line asks for. */
export type Invocation = {
  readonly command: Command;
  readonly args: readonly string[];
  readonly flags: Flags;
};

/** Flags of every command that talks to a server. */
export const connectionFlags: readonly Flag[] = [
  {
    long: "kubeconfig",
    value: "FILE",
    about: "kubeconfig file (default: $KUBECONFIG, then ~/.kube/config)",
    completes: "file",
  },
  { long: "context", value: "NAME", about: "context of the kubeconfig to use" },
  {
    long: "namespace",
    short: "n",
    value: "NAME",
    about: "namespace of the objects (default: the context's)",
    completes: "namespace",
  },
];

function option(flag: Flag): Option {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  const [open, close] = flag.optional === true ? ["[", "]"] : ["<", ">"];
  const value = flag.value === undefined ? "" : ` ${open}${flag.value}${close}`;
  const result = new Option(`${short}--${flag.long}${value}`, flag.about);
  if (flag.choices !== undefined) result.choices([...flag.choices]);
  if (flag.repeatable === true) {
    result.argParser((value: string, before: unknown) => [
      ...(Array.isArray(before) ? (before as readonly string[]) : []),
      value,
    ]);
  }
  return result;
}

function helpText({ examples }: Command): string {
  if (examples.length === 0) return "";
  const lines = examples.map(([line, does]) => `  # ${does}\n  ${line}\n`);
  return `\nExamples:\n${lines.join("\n")}`;
}

/** Commander names options in camelCase and takes `--no-wait` for a `wait` that is false; our flags
 * keep the names that the user types. */
function valueOf(
  values: Readonly<Record<string, Flags[string] | false>>,
  long: string,
): Flags[string] {
  const camel = (name: string): string =>
    name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  if (long.startsWith("no-")) return values[camel(long.slice(3))] === false ? true : undefined;
  const value = values[camel(long)];
  return value === false ? undefined : value;
}

function toCommander(command: Command, word: string, found: (it: Invocation) => void): Commander {
  const result = new Commander(word)
    .enablePositionalOptions() // `audit verify --data-dir X`: the flags of a word are those after it
    .summary(command.summary)
    .description(`${command.summary}.`)
    .argument("[args...]", command.args)
    .usage(command.args === "" ? "[flags]" : `${command.args} [flags]`)
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", helpText(command))
    .configureHelp({ visibleArguments: () => [] })
    .action((args: readonly string[]) => {
      const values = result.opts<Record<string, Flags[string] | false>>();
      const flags = command.flags.map(({ long }) => [long, valueOf(values, long)] as const);
      found({ command, args, flags: Object.fromEntries(flags) });
    });
  for (const flag of command.flags) result.addOption(option(flag));
  return result;
}

/** What the commands of two words are about, by their first one. */
const groupSummaries: Readonly<Record<string, string>> = {
  ca: "Rotate the certificate authority",
  rollout: "Look at rollouts, hold them, approve them and take them back",
  token: "Tokens that agents join with: make, show, replace and delete them",
  user: "People who log in with a password: make, show, change and delete them",
  session: "Logins: show them, and end them",
  audit: "Show who did what, and check that nothing is missing",
  encryption: "Keys that encrypt Secrets in the store: show them, and change them",
  bench: "Check how the running system is set up",
  backup: "Back up the whole control plane, and look at backups",
  restore: "Bring a control plane back from a backup",
  beacon: "Agents of networks: show them, and decide who is one",
};

/** The summary of a group of commands, for help and completion. */
export function groupSummary(word: string): string {
  return groupSummaries[word] ?? `${word} commands`;
}

/** All commands as one program, which prints help and errors through `io`. */
export function buildProgram(
  commands: readonly Command[],
  io: Io,
  found: (it: Invocation) => void,
): Commander {
  const program = new Commander("lighthouse")
    .enablePositionalOptions()
    .description("Rolls applications out to fleets of plain Docker hosts, and back.")
    .helpOption("-h, --help", "show this help")
    .showSuggestionAfterError(true)
    .addHelpText("after", "\nUse lighthouse COMMAND --help for flags and examples.");
  const groups = new Map<string, Commander>();
  for (const command of commands) {
    const [first = "", second] = command.name.split(" ");
    const hidden = { hidden: first.startsWith("__") };
    if (second === undefined) {
      const single = toCommander(command, first, found);
      // A command may have others below it: `backup FILE`, `backup inspect FILE`.
      groups.set(first, single);
      program.addCommand(single, hidden);
      continue;
    }
    let group = groups.get(first);
    if (group === undefined) {
      group = new Commander(first)
        .summary(groupSummary(first))
        .description(`${groupSummary(first)}.`)
        .helpOption("-h, --help", "show this help");
      groups.set(first, group);
      program.addCommand(group);
    }
    group.addCommand(toCommander(command, second, found));
  }
  configure(program, io);
  return program;
}

function configure(command: Commander, io: Io): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.out(text),
    writeErr: (text) => io.err(text),
    getOutHasColors: () => io.color,
    getErrHasColors: () => io.errorColor ?? io.color,
  });
  command.helpCommand(false);
  for (const child of command.commands) configure(child, io);
}

/** Parses a command line. A number is the exit code of one that ended at once: help or misuse. */
export function parse(
  commands: readonly Command[],
  argv: readonly string[],
  io: Io,
): Invocation | number {
  let invocation: Invocation | undefined;
  const program = buildProgram(commands, io, (it) => {
    invocation = it;
  });
  try {
    program.parse([...argv], { from: "user" });
  } catch (err) {
    if (!(err instanceof CommanderError)) throw err;
    const helped = err.code === "commander.helpDisplayed" || err.code === "commander.help";
    return helped && argv.length > 0 && err.exitCode === 0 ? 0 : 2;
  }
  return invocation ?? 2;
}
