import type { Command, Flag } from "./command.ts";
import { connectionFlags } from "./program.ts";

const timeout: Flag = {
  long: "timeout",
  value: "DURATION",
  about: "give up after this long, e.g. 5m (default: the rollout's own deadline)",
};

const object: Flag = {
  long: "output",
  short: "o",
  value: "FORMAT",
  choices: ["json", "yaml", "name"],
  about: "print the Application as json, yaml or name",
};

const dryRun: Flag = { long: "dry-run", about: "say what would be done, change nothing" };

/** Flags of commands after which a rollout goes on. */
const starting: readonly Flag[] = [
  { long: "wait", about: "follow the rollout; exit code 0 only if what was asked for runs" },
  timeout,
  object,
  ...connectionFlags,
];

const ordering: readonly Command[] = [
  {
    name: "rollout pause",
    args: "APPLICATION",
    summary: "Hold the rollout where it is; what runs is still repaired",
    examples: [["lighthouse rollout pause web", "Hold the rollout of web"]],
    flags: [object, ...connectionFlags],
    completes: "application",
    load: async () => (await import("./commands/rollout-pause.ts")).runRolloutPause,
  },
  {
    name: "rollout resume",
    args: "APPLICATION",
    summary: "Go on after a pause, or approve the canary that waits for it",
    examples: [
      ["lighthouse rollout resume web", "Go on with the rollout of web"],
      ["lighthouse rollout resume web --wait", "Go on, and wait for the verdict"],
    ],
    flags: starting,
    completes: "application",
    load: async () => (await import("./commands/rollout-pause.ts")).runRolloutResume,
  },
  {
    name: "rollout approve",
    args: "APPLICATION",
    summary: "Let a good canary go on to all slots",
    examples: [
      ["lighthouse rollout approve web", "Approve the canary that waits"],
      ["lighthouse rollout approve web --revision 4 --wait", "Only Revision 4; wait for the end"],
    ],
    flags: [
      {
        long: "revision",
        value: "NUMBER",
        about: "approve this Revision alone (default: the one that waits now)",
        completes: "revision",
      },
      dryRun,
      ...starting,
    ],
    completes: "application",
    load: async () => (await import("./commands/rollout-approve.ts")).runRolloutApprove,
  },
  {
    name: "rollout retry",
    args: "APPLICATION",
    summary: "Try the version that failed once more",
    examples: [["lighthouse rollout retry web --wait", "Try again, and wait for the verdict"]],
    flags: starting,
    completes: "application",
    load: async () => (await import("./commands/rollout-retry.ts")).runRolloutRetry,
  },
  {
    name: "rollout restart",
    args: "APPLICATION",
    summary: "Make every container anew, in health-gated batches",
    examples: [
      ["lighthouse rollout restart web", "Restart web"],
      ["lighthouse rollout restart web --wait --timeout 10m", "Wait for the verdict, 10 m at most"],
    ],
    flags: starting,
    completes: "application",
    load: async () => (await import("./commands/rollout-restart.ts")).runRolloutRestart,
  },
  {
    name: "rollout undo",
    args: "APPLICATION",
    summary: "Write an earlier Revision's template into the Application",
    examples: [
      ["lighthouse rollout undo web", "Back to the Revision before the one that runs"],
      ["lighthouse rollout undo web --to-revision 3 --wait", "Back to Revision 3; wait for it"],
      ["lighthouse rollout undo web --dry-run", "Show what would change"],
    ],
    flags: [
      {
        long: "to-revision",
        value: "NUMBER",
        about: "which one (default: the good one before the one that runs)",
        completes: "revision",
      },
      dryRun,
      ...starting,
    ],
    completes: "application",
    load: async () => (await import("./commands/rollout-undo.ts")).runRolloutUndo,
  },
];

/** Commands about rollouts, in the order of the help. */
export const rolloutCommands: readonly Command[] = [
  {
    name: "rollout status",
    args: "APPLICATION",
    summary: "Follow a rollout to its verdict; exit code 0 only if what was asked for runs",
    examples: [
      ["lighthouse rollout status web", "Wait until web is Ready or rolled back"],
      [
        "lighthouse rollout status web --timeout 5m",
        "Exit code 3 when there is no verdict by then",
      ],
      ["lighthouse rollout status web --no-wait -o wide", "Every slot as it is now"],
      ["lighthouse rollout status web -o json", "The update stream, one JSON object a line"],
    ],
    flags: [
      timeout,
      { long: "follow", short: "f", about: "follow it to its verdict (the default)" },
      { long: "no-wait", about: "only print where it is now" },
      {
        long: "output",
        short: "o",
        value: "FORMAT",
        choices: ["wide", "json"],
        about: "json: the update stream; wide: with --no-wait, every slot",
      },
      ...connectionFlags,
    ],
    completes: "application",
    load: async () => (await import("./commands/rollout-status.ts")).runRolloutStatus,
  },
  {
    name: "rollout history",
    args: "APPLICATION",
    summary: "List the Revisions of an Application, newest first, and how each one ended",
    examples: [
      ["lighthouse rollout history web", "All that are kept; * runs, > is asked for"],
      ["lighthouse rollout history web --revision 3", "The template of Revision 3"],
      ["lighthouse rollout history web --diff", "The newest against the one that runs"],
      ["lighthouse rollout history web --diff 1..3", "What Revision 3 changed since Revision 1"],
    ],
    flags: [
      {
        long: "revision",
        value: "NUMBER",
        about: "show one Revision's template",
        completes: "revision",
      },
      {
        long: "diff",
        value: "A..B",
        optional: true,
        about: "compare two templates (default: the one that runs and the newest)",
        completes: "revision",
      },
      { long: "limit", value: "NUMBER", about: "only the newest so many" },
      {
        long: "output",
        short: "o",
        value: "FORMAT",
        choices: ["wide", "yaml", "json", "name"],
        about: "print as wide, yaml, json or name",
      },
      ...connectionFlags,
    ],
    completes: "application",
    load: async () => (await import("./commands/rollout-history.ts")).runRolloutHistory,
  },
  ...ordering,
];
