import type { Command, Flag } from "./command.ts";
import { dataDir, store } from "./daemon-commands.ts";
import { etcdFlags } from "./start-flags.ts";
import { connectionFlags } from "./program.ts";
import { encryptionKeys } from "./start-flags.ts";

const server = connectionFlags.filter(({ long }) => long !== "namespace");

const passphraseFile: Flag = {
  long: "passphrase-file",
  value: "FILE",
  about: "file with the passphrase (default: $LIGHTHOUSE_BACKUP_PASSPHRASE, else it is asked for)",
  completes: "file",
};
const identity: Flag = {
  long: "identity",
  value: "FILE",
  about: "X25519 private key in PEM, of a recipient of the backup",
  completes: "file",
};
const output: Flag = {
  long: "output",
  short: "o",
  value: "FORMAT",
  choices: ["json"],
  about: "print as json",
};

/** Backups of the whole control plane, and the way back. */
export const backupCommands: readonly Command[] = [
  {
    name: "backup",
    args: "FILE | FOLDER | -",
    summary: "Write everything that the server is made of into one encrypted file",
    examples: [
      ["lighthouse backup lighthouse.backup", "Asks for a passphrase; the server runs on"],
      [
        "lighthouse backup /var/backups/lighthouse --recipient backup.pub --keep 14",
        "A new file in a folder of fourteen; no secret on this machine",
      ],
      ["lighthouse backup - --passphrase-file pass | ssh vault 'cat > lh'", "Elsewhere at once"],
    ],
    flags: [
      passphraseFile,
      {
        long: "recipient",
        value: "FILE",
        repeatable: true,
        about: "X25519 public key in PEM whose private key opens the backup; repeatable",
        completes: "file",
      },
      { long: "force", about: "replace FILE if it is there" },
      { long: "keep", value: "COUNT", about: "remove all but so many backups from the FOLDER" },
      ...server,
    ],
    load: async () => (await import("./commands/backup.ts")).runBackup,
  },
  {
    name: "backup inspect",
    args: "FILE",
    summary: "Show what a backup is of; with a key also what is in it",
    examples: [
      ["lighthouse backup inspect lighthouse.backup", "Needs no key"],
      ["lighthouse backup inspect lighthouse.backup --counts", "Asks for the passphrase"],
    ],
    flags: [
      { long: "counts", about: "count the objects by kind: asks for the passphrase" },
      passphraseFile,
      identity,
      output,
    ],
    load: async () => (await import("./commands/backup-inspect.ts")).runBackupInspect,
  },
  {
    name: "backup verify",
    args: "FILE",
    summary: "Read all of a backup: nothing is missing, nothing was changed",
    examples: [
      ["lighthouse backup verify lighthouse.backup --identity backup.key", "With a private key"],
    ],
    flags: [passphraseFile, identity],
    load: async () => (await import("./commands/backup-inspect.ts")).runBackupVerify,
  },
  {
    name: "restore",
    args: "FILE",
    summary: "Fill an empty store and data folder from a backup; then start the server",
    examples: [
      ["lighthouse restore lighthouse.backup --data-dir /var/lib/lighthouse", "Embedded store"],
      [
        "lighthouse restore lighthouse.backup --store etcds://10.0.0.1:2379/lighthouse",
        "Into etcd, wherever the backup came from",
      ],
    ],
    flags: [
      dataDir,
      store,
      ...etcdFlags,
      encryptionKeys,
      passphraseFile,
      identity,
      {
        long: "log-level",
        value: "LEVEL",
        choices: ["debug", "info", "warn", "error"],
        about: "how much goes to standard error (default: warn)",
      },
    ],
    load: async () => (await import("./commands/run-restore.ts")).runRestore,
  },
  {
    name: "restore release",
    args: "[NODE...]",
    summary: "After a restore, let agents remove containers of Pods that nobody knows",
    examples: [
      ["lighthouse restore release host-1", "On one host"],
      ["lighthouse restore release", "On all, and on those that come later"],
    ],
    flags: server,
    completes: "node",
    load: async () => (await import("./commands/restore-release.ts")).runRestoreRelease,
  },
];
