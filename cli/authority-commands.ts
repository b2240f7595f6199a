import type { Command, Flag } from "./command.ts";
import { connectionFlags } from "./program.ts";

const server = connectionFlags.filter(({ long }) => long !== "namespace");

const output: Flag = {
  long: "output",
  short: "o",
  value: "FORMAT",
  choices: ["json", "yaml"],
  about: "print as json or yaml",
};

/** What is done about the certificate authority. */
export const authorityCommands: readonly Command[] = [
  {
    name: "ca status",
    args: "",
    summary: "Show the roots of the certificate authority, and who has not renewed yet",
    examples: [["lighthouse ca status", "How far a rotation is"]],
    flags: [output, ...server],
    load: async () => (await import("./commands/ca.ts")).runCaStatus,
  },
  {
    name: "ca rotate",
    args: "",
    summary: "Make a new root: trusted beside the old one, it issues all certificates anew",
    examples: [["lighthouse ca rotate", "Agents renew by themselves; then finish"]],
    flags: [output, ...server],
    load: async () => (await import("./commands/ca.ts")).runCaRotate,
  },
  {
    name: "ca finish",
    args: "",
    summary: "Drop the old root: certificates that it issued are refused from now on",
    examples: [
      ["lighthouse ca finish", "Once no agent has a certificate of the old root"],
      ["lighthouse ca finish --force", "At once: hosts that were away need an approval"],
    ],
    flags: [
      { long: "force", about: "also while agents have certificates of the old root" },
      output,
      ...server,
    ],
    load: async () => (await import("./commands/ca.ts")).runCaFinish,
  },
];
