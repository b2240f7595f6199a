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

const passwordStdin: Flag = {
  long: "password-stdin",
  about: "read the password from standard input, for scripts",
};

const email: Flag = {
  long: "email",
  value: "ADDRESS",
  about: "address that the person logs in with",
};

const oidcLogin: readonly Flag[] = [
  { long: "oidc", about: "log in at the OpenID Connect issuer that the server trusts" },
  { long: "oidc-issuer", value: "URL", about: "which issuer, where there are several" },
  {
    long: "oidc-client-id",
    value: "ID",
    about: "who we are to the issuer (default: as the server says)",
  },
  {
    long: "oidc-scope",
    value: "SCOPE",
    repeatable: true,
    about: "ask for this scope too; repeatable",
  },
  {
    long: "flow",
    value: "FLOW",
    choices: ["device", "browser"],
    about: "with a code on any device, or a browser here (default: device where the issuer has it)",
  },
  {
    long: "callback-port",
    value: "PORT",
    about: "port of 127.0.0.1 that the browser comes back to (default: any that is free)",
  },
  { long: "no-browser", about: "open no browser, only print the address" },
];

const loginCommands: readonly Command[] = [
  {
    name: "login",
    args: "[SERVER]",
    summary: "Log in, and write a kubeconfig whose tokens renew themselves",
    examples: [
      ["lighthouse login lighthouse.example.com", "Email and password are asked for"],
      ["lighthouse login lighthouse.example.com --oidc", "At the issuer of the company"],
      [
        "lighthouse login 10.0.0.1:6443 --ca-pin sha256:... --email ann@example.com --password-stdin",
        "From a script, at a server that is not known yet",
      ],
      ["lighthouse login", "Again at the server of the current context"],
    ],
    flags: [
      { ...email, about: "address that the person logs in with; the name of the User does too" },
      passwordStdin,
      ...oidcLogin,
      {
        long: "ca-pin",
        value: "HASH",
        about: "the server's authority, sha256:HEX as lighthouse token create prints it",
      },
      {
        long: "certificate-authority",
        value: "FILE",
        about: "the server's authority, PEM",
        completes: "file",
      },
      {
        long: "kubeconfig",
        value: "FILE",
        about: "kubeconfig file to write (default: $KUBECONFIG, then ~/.kube/config)",
        completes: "file",
      },
      {
        long: "context",
        value: "NAME",
        about: "context to write and make the current one (default: the server's name)",
      },
      { long: "namespace", short: "n", value: "NAME", about: "namespace of that context" },
    ],
    load: async () => (await import("./commands/login.ts")).runLogin,
  },
  {
    name: "logout",
    args: "",
    summary: "End the login of a context, here and on the server",
    examples: [["lighthouse logout", "Of the current context"]],
    flags: server,
    load: async () => (await import("./commands/logout.ts")).runLogout,
  },
  {
    name: "whoami",
    args: "",
    summary: "Show who the server takes us for",
    examples: [["lighthouse whoami -o yaml", "With what else it knows"]],
    flags: [output, ...server],
    load: async () => (await import("./commands/whoami.ts")).runWhoami,
  },
  {
    name: "credential",
    args: "",
    summary: "Print a token for kubectl, which runs this by itself",
    examples: [
      ["lighthouse credential --login FILE", "As the kubeconfig says that lighthouse login wrote"],
    ],
    flags: [
      { long: "login", value: "FILE", about: "what lighthouse login kept", completes: "file" },
      { long: "server", value: "URL", about: "to name in messages" },
    ],
    load: async () => (await import("./commands/credential.ts")).runCredential,
  },
];

const userCommands: readonly Command[] = [
  {
    name: "user create",
    args: "NAME",
    summary: "Make a user who logs in with email and password",
    examples: [
      ["lighthouse user create ann --email ann@example.com", "The password is asked for"],
      [
        "lighthouse user create bob --email bob@example.com --group dev --no-password",
        "The password follows later",
      ],
    ],
    flags: [
      email,
      { long: "display-name", value: "TEXT", about: "what people call the person" },
      {
        long: "group",
        value: "GROUP",
        repeatable: true,
        about: "group that roles are bound to; repeatable",
      },
      passwordStdin,
      { long: "no-password", about: "set none: nobody can log in as this user yet" },
      ...server,
    ],
    load: async () => (await import("./commands/user-create.ts")).runUserCreate,
  },
  {
    name: "user list",
    args: "",
    summary: "Show users",
    examples: [["lighthouse user list", "All of them"]],
    flags: [output, ...server],
    load: async () => (await import("./commands/user-list.ts")).runUserList,
  },
  {
    name: "user set-password",
    args: "[NAME]",
    summary: "Set a password; the sessions that the old one may have opened end",
    examples: [
      ["lighthouse user set-password", "The own one; the current one is asked for"],
      ["lighthouse user set-password ann", "For somebody who forgot it"],
    ],
    flags: [
      {
        ...passwordStdin,
        about: "read it from standard input; for oneself the current one in a line before it",
      },
      ...server,
    ],
    completes: "user",
    load: async () => (await import("./commands/user-set-password.ts")).runUserSetPassword,
  },
  {
    name: "user disable",
    args: "NAME...",
    summary: "Keep users out, at once and whatever sessions they have",
    examples: [["lighthouse user disable ann", "Until lighthouse user enable ann"]],
    flags: server,
    completes: "user",
    load: async () => (await import("./commands/user-change.ts")).runUserDisable,
  },
  {
    name: "user enable",
    args: "NAME...",
    summary: "Let users in again",
    examples: [["lighthouse user enable ann", "With the sessions that have not ended meanwhile"]],
    flags: server,
    completes: "user",
    load: async () => (await import("./commands/user-change.ts")).runUserEnable,
  },
  {
    name: "user delete",
    args: "NAME...",
    summary: "Delete users and end their sessions",
    examples: [["lighthouse user delete ann", "The name leaves all bindings, and is free again"]],
    flags: server,
    completes: "user",
    load: async () => (await import("./commands/user-change.ts")).runUserDelete,
  },
  {
    name: "user groups",
    args: "NAME",
    summary: "Show or change the groups of a user",
    examples: [
      ["lighthouse user groups ann", "One a line"],
      ["lighthouse user groups ann --add ops --remove dev", "Counts with the next request"],
    ],
    flags: [
      { long: "add", value: "GROUP", repeatable: true, about: "put into this group; repeatable" },
      {
        long: "remove",
        value: "GROUP",
        repeatable: true,
        about: "take out of this one; repeatable",
      },
      output,
      ...server,
    ],
    completes: "user",
    load: async () => (await import("./commands/user-change.ts")).runUserGroups,
  },
];

const sessionCommands: readonly Command[] = [
  {
    name: "session list",
    args: "",
    summary: "Show logins: one's own, or those of others",
    examples: [
      ["lighthouse session list", "One's own"],
      ["lighthouse session list --user ann", "Somebody else's, for administrators"],
    ],
    flags: [
      { long: "all", about: "those of everybody" },
      { long: "user", value: "NAME", about: "those of one user" },
      output,
      ...server,
    ],
    load: async () => (await import("./commands/session-list.ts")).runSessionList,
  },
  {
    name: "session revoke",
    args: "[NAME...]",
    summary: "End logins at once",
    examples: [
      ["lighthouse session revoke --others", "All of one's own but this one"],
      ["lighthouse session revoke --user ann", "All of somebody else's"],
    ],
    flags: [
      { long: "others", about: "all of one's own but this one" },
      { long: "user", value: "NAME", about: "all of one user" },
      ...server,
    ],
    completes: "session",
    load: async () => (await import("./commands/session-list.ts")).runSessionRevoke,
  },
];

/** Commands about who one is, and who may come in. */
export const identityCommands: readonly Command[] = [
  ...loginCommands,
  ...userCommands,
  ...sessionCommands,
];
