import type { Command, Flag } from "./command.ts";
import { connectionFlags } from "./program.ts";

const flags: readonly Flag[] = [
  {
    long: "output",
    short: "o",
    value: "FORMAT",
    choices: ["wide", "json", "yaml"],
    about: "print as wide, json or yaml; never with a key",
  },
  ...connectionFlags.filter(({ long }) => long !== "namespace"),
];

/** How the store is encrypted at rest. */
export const encryptionCommands: readonly Command[] = [
  {
    name: "encryption status",
    args: "",
    summary: "Show the encryption keys and how many stored values need each",
    examples: [["lighthouse encryption status", "Keys, plain and unreadable values"]],
    flags,
    load: async () => (await import("./commands/encryption.ts")).runEncryptionStatus,
  },
  {
    name: "encryption rotate",
    args: "",
    summary: "Make a new encryption key and encrypt everything with it",
    examples: [
      ["lighthouse encryption rotate", "On a shared store: once all servers have the key"],
    ],
    flags,
    load: async () => (await import("./commands/encryption.ts")).runEncryptionRotate,
  },
  {
    name: "encryption prune",
    args: "",
    summary: "Remove encryption keys that no stored value needs any more",
    examples: [["lighthouse encryption prune", "After a rotation: the old key is gone for good"]],
    flags,
    load: async () => (await import("./commands/encryption.ts")).runEncryptionPrune,
  },
  {
    name: "encryption discard",
    args: "STORE-KEY",
    summary: "Remove a stored value that cannot be decrypted",
    examples: [
      [
        "lighthouse encryption discard /registry/core/secrets/shop/db",
        "As encryption status names it; the Secret can then be created anew",
      ],
    ],
    flags,
    load: async () => (await import("./commands/encryption.ts")).runEncryptionDiscard,
  },
];
