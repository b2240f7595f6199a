import type { Command, Flag } from "./command.ts";
import { connectionFlags } from "./program.ts";

/** How a server records requests. */
export const auditFlags: readonly Flag[] = [
  {
    long: "audit-log",
    value: "FILE",
    about: "where audit events go, as JSON lines (default: DATA-DIR/audit/audit.log)",
    completes: "file",
  },
  {
    long: "audit-policy",
    value: "FILE",
    about:
      "what is audited: an audit.k8s.io/v1 Policy (default: all but reads of our own parts, no bodies)",
    completes: "file",
  },
  {
    long: "audit-mode",
    value: "MODE",
    choices: ["batch", "blocking", "blocking-strict"],
    about: "whether requests wait for their record, or are refused without (default: batch)",
  },
  {
    long: "audit-key",
    value: "FILE",
    about: "ed25519 key that vouches for the log (default: DATA-DIR/pki/audit.key)",
    completes: "file",
  },
  {
    long: "audit-log-maxsize",
    value: "MIB",
    about: "size at which the audit log is set aside (default: 100)",
  },
  {
    long: "audit-log-maxbackup",
    value: "COUNT",
    about: "how many audit logs are kept aside (default: 10)",
  },
  {
    long: "audit-log-maxage",
    value: "DAYS",
    about: "how long audit logs are kept aside; 0: for ever (default: 30)",
  },
  {
    long: "trusted-proxy",
    value: "CIDR",
    repeatable: true,
    about: "address of a proxy whose X-Forwarded-For is believed; repeatable (default: nobody's)",
  },
];

const server = connectionFlags.filter(({ long }) => long !== "namespace");

const dataDir: Flag = {
  long: "data-dir",
  value: "DIR",
  about: "folder of the server whose files are read (default: ~/.local/share/lighthouse)",
  completes: "file",
};

const filters: readonly Flag[] = [
  { long: "user", short: "u", value: "NAME", about: "only of this user, or in this user's name" },
  { long: "verb", value: "VERB[,VERB]", about: "only these verbs, e.g. create,delete" },
  {
    long: "resource",
    short: "r",
    value: "RESOURCE[,RESOURCE]",
    about: "only these, e.g. pods, pods/exec, applications.lighthouse.dev, /auth/login",
  },
  { long: "namespace", short: "n", value: "NAME", about: "only in this namespace" },
  { long: "name", value: "NAME", about: "only objects of this name" },
  { long: "node", value: "NAME", about: "only calls to this host" },
  { long: "code", value: "CODE[,CODE]", about: "only answers such as 403 or 4xx" },
  {
    long: "decision",
    value: "DECISION",
    choices: ["allow", "forbid", "none"],
    about: "only what authorization came to; none: nobody was asked",
  },
  {
    long: "stage",
    value: "STAGE[,STAGE]",
    about: "only these stages (default: all but RequestReceived); all: every one",
  },
  { long: "since", value: "TIME", about: "from 15m, 12h or 7d ago on, or from a time of RFC 3339" },
  { long: "until", value: "TIME", about: "before 15m, 12h or 7d ago, or a time of RFC 3339" },
];

/** Who did what, and whether what is told of it is whole. */
export const auditCommands: readonly Command[] = [
  {
    name: "audit",
    args: "[FILE...]",
    summary: "Show who did what, from the server or from files",
    examples: [
      ["lighthouse audit --since 1h --code 4xx", "What was refused in the last hour"],
      ["lighthouse audit -f --verb create,delete,patch,update", "Changes, as they happen"],
      ["lighthouse audit --resource pods/exec,nodes/docker-exec -o wide", "Who entered containers"],
      ["lighthouse audit --data-dir /var/lib/lighthouse -u ann -o json", "Files of this machine"],
    ],
    flags: [
      ...filters,
      { long: "follow", short: "f", about: "then show events as they come, until interrupted" },
      {
        long: "output",
        short: "o",
        value: "FORMAT",
        choices: ["wide", "json", "yaml"],
        about: "print with more columns, as JSON lines, or as YAML",
      },
      { ...dataDir, about: "read the files of the server with this data folder" },
      ...server,
    ],
    load: async () => (await import("./commands/audit.ts")).runAudit,
  },
  {
    name: "audit verify",
    args: "[FILE...]",
    summary: "Check that no event was removed, changed or moved; exit code 1 when one was",
    examples: [
      ["lighthouse audit verify", "The log of the server that runs on this machine"],
      ["lighthouse audit verify --online", "Held against what the running server vouches for"],
      ["lighthouse audit verify --key audit.pub --head audit.head audit.log.1 audit.log", "A copy"],
    ],
    flags: [
      dataDir,
      {
        long: "key",
        value: "FILE",
        repeatable: true,
        about: "public key that the log is signed with (default: DATA-DIR/pki/audit.pub)",
        completes: "file",
      },
      {
        long: "head",
        value: "FILE",
        about: "what the server vouched for last (default: DATA-DIR/pki/audit.head)",
        completes: "file",
      },
      { long: "online", about: "ask the running server for key and head" },
      {
        long: "output",
        short: "o",
        value: "FORMAT",
        choices: ["json"],
        about: "print as json",
      },
      ...server,
    ],
    load: async () => (await import("./commands/audit-verify.ts")).runAuditVerify,
  },
];
