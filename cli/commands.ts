import type { Command, Flag } from "./command.ts";
import { auditCommands } from "./audit-commands.ts";
import { backupCommands } from "./backup-commands.ts";
import { benchCommands } from "./bench-commands.ts";
import { daemonCommands } from "./daemon-commands.ts";
import { identityCommands } from "./identity-commands.ts";
import { joinCommands } from "./join-commands.ts";
import { authorityCommands } from "./authority-commands.ts";
import { dockerCommands } from "./docker-commands.ts";
import { connectionFlags } from "./program.ts";
import { encryptionCommands } from "./encryption-commands.ts";
import { rolloutCommands } from "./rollout-commands.ts";

const output: Flag = {
  long: "output",
  short: "o",
  value: "FORMAT",
  choices: ["wide", "yaml", "json", "name"],
  about: "print as wide, yaml, json or name",
};
const selector: Flag = {
  long: "selector",
  short: "l",
  value: "SELECTOR",
  about: "only objects with these labels, e.g. app=web,tier!=cache",
};
const allNamespaces: Flag = {
  long: "all-namespaces",
  short: "A",
  about: "objects of all namespaces",
};
const file: Flag = {
  long: "filename",
  short: "f",
  value: "FILE",
  repeatable: true,
  about: "file, folder, or - for standard input; repeatable",
  completes: "file",
};
const timeout: Flag = {
  long: "timeout",
  value: "DURATION",
  about: "give up after this long, e.g. 5m (default: the rollout's own deadline)",
};

const objectCommands: readonly Command[] = [
  {
    name: "apply",
    args: "-f FILE",
    summary: "Create or change objects as a file says",
    examples: [
      ["lighthouse apply -f web.yaml", "Roll out what web.yaml says"],
      ["lighthouse apply -f web.yaml --dry-run", "Only check it on the server"],
      ["cat web.yaml | lighthouse apply -f -", "Read standard input"],
    ],
    flags: [
      file,
      { long: "dry-run", about: "check on the server, change nothing" },
      {
        long: "wait",
        about: "wait for the rollouts of applied Applications and give their verdict",
      },
      timeout,
      ...connectionFlags,
    ],
    load: async () => (await import("./commands/apply.ts")).runApply,
  },
  {
    name: "plan",
    args: "-f FILE",
    summary: "Show what applying a file would do, batch by batch",
    examples: [
      ["lighthouse plan -f web.yaml", "Ask the server; nothing is changed"],
      ["lighthouse plan -f web.yaml -o wide", "With the Node of every slot"],
      [
        "lighthouse plan -f web.yaml --detailed-exitcode",
        "Exit code 4 when something would change",
      ],
    ],
    flags: [
      file,
      output,
      {
        long: "detailed-exitcode",
        about: "end with 4 when something would change (0: nothing, 1: it would be refused)",
      },
      ...connectionFlags,
    ],
    load: async () => (await import("./commands/rollout-plan.ts")).runPlan,
  },
  {
    name: "get",
    args: "TYPE [NAME...]",
    summary: "Show objects",
    examples: [
      ["lighthouse get app", "All Applications of the namespace"],
      ["lighthouse get app,rev,pods -A -o wide", "Several kinds, all namespaces, more columns"],
      ["lighthouse get app web -w", "Show one and then each change"],
      ["lighthouse get app web -o yaml", "The whole object"],
    ],
    flags: [
      output,
      selector,
      { long: "field-selector", value: "SELECTOR", about: "only objects with these fields" },
      allNamespaces,
      { long: "watch", short: "w", about: "then show each change until interrupted" },
      ...connectionFlags,
    ],
    completes: "type-then-name",
    load: async () => (await import("./commands/get.ts")).runGet,
  },
  {
    name: "describe",
    args: "TYPE NAME",
    summary: "Show an object with its conditions, children and events",
    examples: [
      ["lighthouse describe app web", "Why is it not ready"],
      ["lighthouse describe node host-1", "What runs on a host"],
    ],
    flags: connectionFlags,
    completes: "type-then-name",
    load: async () => (await import("./commands/describe.ts")).runDescribe,
  },
  {
    name: "delete",
    args: "TYPE NAME... | -f FILE",
    summary: "Delete objects and what belongs to them",
    examples: [
      ["lighthouse delete app web", "Stop and remove its containers everywhere"],
      ["lighthouse delete -f web.yaml", "Delete what the file names"],
    ],
    flags: [
      file,
      { long: "no-wait", about: "return at once, not when the objects are gone" },
      timeout,
      ...connectionFlags,
    ],
    completes: "type-then-name",
    load: async () => (await import("./commands/delete.ts")).runDelete,
  },
  {
    name: "logs",
    args: "POD | APPLICATION",
    summary: "Print what containers wrote",
    examples: [
      ["lighthouse logs app/web -f", "Follow all containers of an Application"],
      ["lighthouse logs web-1c9f2-0 --tail 100", "The last lines of one Pod"],
    ],
    flags: [
      { long: "follow", short: "f", about: "go on until interrupted" },
      { long: "tail", value: "LINES", about: "only the last lines (default: all; app/NAME: 10)" },
      { long: "since", value: "DURATION", about: "only lines newer than this, e.g. 10m" },
      { long: "timestamps", about: "start each line with its time" },
      { long: "previous", short: "p", about: "of the container before the last restart" },
      { long: "container", short: "c", value: "NAME", about: "which container of the Pod" },
      ...connectionFlags,
    ],
    completes: "pod-or-application",
    load: async () => (await import("./commands/logs.ts")).runLogs,
  },
];

const otherCommands: readonly Command[] = [
  {
    name: "usage",
    args: "",
    summary: "Show what namespaces used and requested, in CPU hours and GiB hours",
    examples: [
      ["lighthouse usage --since 7d", "All namespaces in the last seven days"],
      ["lighthouse usage -n shop --since 2026-11-01 -o json", "One namespace since a day (UTC)"],
    ],
    flags: [
      {
        long: "since",
        value: "DAYS",
        about: "from this day (UTC) on: 7d, or 2026-11-01 (default: 30d)",
      },
      { ...output, choices: ["json", "yaml"], about: "print as json or yaml" },
      ...connectionFlags,
    ],
    load: async () => (await import("./commands/usage.ts")).runUsage,
  },
  {
    name: "version",
    args: "",
    summary: "Print the versions of this program and, if it answers, of the server",
    examples: [["lighthouse version --client", "Without asking the server"]],
    flags: [
      { long: "client", about: "only this program's" },
      { ...output, choices: ["json", "yaml"], about: "print as json or yaml" },
      ...connectionFlags,
    ],
    load: async () => (await import("./commands/version.ts")).runVersion,
  },
  {
    name: "completion",
    args: "bash | zsh | fish",
    summary: "Print a completion script for a shell",
    examples: [
      ["source <(lighthouse completion bash)", "For this shell"],
      ["lighthouse completion fish | source", "For this shell, with fish"],
    ],
    flags: [],
    load: async () => (await import("./commands/completion.ts")).runCompletion,
  },
  {
    name: "__complete",
    args: "WORD...",
    summary: "What completion offers for the words so far",
    examples: [],
    flags: [],
    load: async () => (await import("./commands/complete.ts")).completer(commands),
  },
];

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  ...objectCommands,
  ...rolloutCommands,
  ...identityCommands,
  ...joinCommands,
  ...authorityCommands,
  ...dockerCommands,
  ...daemonCommands,
  ...auditCommands,
  ...backupCommands,
  ...benchCommands,
  ...encryptionCommands,
  ...otherCommands,
];
