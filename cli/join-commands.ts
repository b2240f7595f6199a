import type { Command, Flag } from "./command.ts";
import { connectionFlags } from "./program.ts";

const server = connectionFlags.filter(({ long }) => long !== "namespace");

const tokenOutput: Flag = {
  long: "output",
  short: "o",
  value: "FORMAT",
  choices: ["wide", "json", "yaml"],
  about: "print as wide, json or yaml; never with the secret",
};

const printing: readonly Flag[] = [
  {
    long: "print",
    value: "FORM",
    choices: ["command", "docker", "systemd", "link"],
    about: "how to join: a command (default), docker run, a systemd unit, or the bare link",
  },
  {
    long: "server",
    value: "HOST:PORT",
    about: "where agents reach the API server (default: as the kubeconfig says)",
  },
  {
    long: "image",
    value: "IMAGE",
    about: "image of the agent for --print docker (default: lighthouse-agent:VERSION)",
  },
];

const tokenCommands: readonly Command[] = [
  {
    name: "token create",
    args: "",
    summary: "Make a token and print the one line that a host joins with",
    examples: [
      ["lighthouse token create", "For one host, good for a day"],
      ["lighthouse token create --beacon paris --ttl 1h", "For the beacon paris and no other"],
      [
        "lighthouse token create --uses 20 --labels site=paris --print docker",
        "For twenty hosts, as docker run; their Nodes get the label",
      ],
      ["lighthouse token create --print systemd", "As a unit with its environment file"],
    ],
    flags: [
      {
        long: "ttl",
        value: "DURATION",
        about: "how long it is good for (default: 24h; 0s: for ever)",
      },
      {
        long: "uses",
        value: "COUNT",
        about: "how many hosts may join (default: 1; 0: any number)",
      },
      {
        long: "beacon",
        value: "NAME",
        about: "for this beacon alone, also when it is there already",
      },
      {
        long: "labels",
        value: "KEY=VALUE,...",
        repeatable: true,
        about: "labels for all Nodes of the beacon; repeatable",
      },
      { long: "description", value: "TEXT", about: "what it is for, for people" },
      ...printing,
      ...server,
    ],
    load: async () => (await import("./commands/token-create.ts")).runTokenCreate,
  },
  {
    name: "token list",
    args: "",
    summary: "Show tokens, without their secrets",
    examples: [["lighthouse token list -o wide", "With labels and their last use"]],
    flags: [tokenOutput, ...server],
    load: async () => (await import("./commands/token-list.ts")).runTokenList,
  },
  {
    name: "token delete",
    args: "ID...",
    summary: "Delete tokens: nobody joins with them any more; agents that did stay",
    examples: [["lighthouse token delete abcdef", "By the part before the dot"]],
    flags: server,
    completes: "token",
    load: async () => (await import("./commands/token-delete.ts")).runTokenDelete,
  },
  {
    name: "token rotate",
    args: "ID",
    summary: "Replace a token by a new one of the same kind; running agents stay",
    examples: [["lighthouse token rotate abcdef", "The old join line is refused from now on"]],
    flags: [...printing, ...server],
    completes: "token",
    load: async () => (await import("./commands/token-create.ts")).runTokenRotate,
  },
];

const beaconOutput: Flag = {
  long: "output",
  short: "o",
  value: "FORMAT",
  choices: ["wide", "json", "yaml"],
  about: "print as wide, json or yaml",
};

const request: Flag = {
  long: "request",
  value: "NAME",
  about: "which CertificateSigningRequest, when several wait",
};

const beaconCommands: readonly Command[] = [
  {
    name: "beacon list",
    args: "",
    summary: "Show beacons, their certificates and who waits for an approval",
    examples: [
      ["lighthouse beacon list", "All of them"],
      ["lighthouse beacon list -o wide", "With where agents dial from and how many keys they have"],
    ],
    flags: [beaconOutput, ...server],
    load: async () => (await import("./commands/beacon-list.ts")).runBeaconList,
  },
  {
    name: "beacon approve",
    args: "NAME",
    summary: "Let an agent in that waits: one whose certificate has ended, or a second one",
    examples: [["lighthouse beacon approve paris", "The one that asks to be paris"]],
    flags: [request, ...server],
    completes: "beacon",
    load: async () => (await import("./commands/beacon-verdict.ts")).runBeaconApprove,
  },
  {
    name: "beacon deny",
    args: "NAME",
    summary: "Refuse an agent that waits",
    examples: [["lighthouse beacon deny paris", "The one that asks to be paris"]],
    flags: [request, ...server],
    completes: "beacon",
    load: async () => (await import("./commands/beacon-verdict.ts")).runBeaconDeny,
  },
  {
    name: "beacon revoke",
    args: "NAME",
    summary: "Refuse all certificates of a beacon at once; its containers run on",
    examples: [["lighthouse beacon revoke paris", "Its tunnel and watches end at once"]],
    flags: server,
    completes: "beacon",
    load: async () => (await import("./commands/beacon-revoke.ts")).runBeaconRevoke,
  },
];

/** Commands about who may be an agent. */
export const joinCommands: readonly Command[] = [...tokenCommands, ...beaconCommands];

/** Flags by which an agent joins. */
export const joinFlags: readonly Flag[] = [
  {
    long: "join",
    value: "LINK",
    about: "what lighthouse token create printed, in quotes (default: $LIGHTHOUSE_JOIN)",
  },
  { long: "server", value: "HOST:PORT", about: "the API server, in place of --join" },
  { long: "token", value: "TOKEN", about: "the token, ID.SECRET, in place of --join" },
  { long: "ca-hash", value: "HASH", about: "the authority's pin, sha256:HEX, in place of --join" },
  {
    long: "data-dir",
    value: "DIR",
    about:
      "where the agent keeps its key and certificate (default: ~/.local/share/lighthouse-agent)",
    completes: "file",
  },
];
