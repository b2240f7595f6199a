import type { Command } from "./command.ts";
import { connectionFlags } from "./program.ts";

/** Looks at a running system and says what is not as it should be. */
export const benchCommands: readonly Command[] = [
  {
    name: "bench security",
    args: "",
    summary: "Check the running system against the CIS Kubernetes Benchmark",
    examples: [
      ["lighthouse bench security", "API, files and processes; the exit code is 1 on FAIL"],
      ["lighthouse bench security --check 5.1.1 -o wide", "One item, with its evidence"],
      [
        "lighthouse bench security -o json | jq '.findings[] | select(.outcome==\"FAIL\")'",
        "For programs",
      ],
    ],
    flags: [
      {
        long: "check",
        value: "ID",
        repeatable: true,
        about:
          "only this check, e.g. LH-5.1, or this item of the benchmark, e.g. 5.1.1; repeatable",
      },
      {
        long: "data-dir",
        value: "DIR",
        about:
          "folder of the server on this machine (default: ~/.local/share/lighthouse, if there)",
        completes: "file",
      },
      {
        long: "output",
        short: "o",
        value: "FORMAT",
        choices: ["wide", "json", "yaml"],
        about: "print with evidence and items, or as json or yaml",
      },
      ...connectionFlags.filter(({ long }) => long !== "namespace"),
    ],
    load: async () => (await import("./commands/bench-security.ts")).runBenchSecurity,
  },
];
