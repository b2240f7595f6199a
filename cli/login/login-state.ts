import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Io } from "../command.ts";
import { makeFolderOf, readIfPresent, writeWhole } from "../../api/client/whole-file.ts";

/** How a login is renewed: by a session of the server, or at an OpenID Connect issuer. */
export type Renewal =
  | { readonly kind: "session"; readonly refresh: string }
  | {
      readonly kind: "oidc";
      readonly issuer: string;
      readonly clientId: string;
      readonly clientSecret?: string;
      /** PEM; absent: the public authorities. */
      readonly authority?: string;
      /** Absent: the issuer gave none, and the login ends with its token. */
      readonly refresh?: string;
    };

/** What is kept of a login, in a file for its owner alone. */
export type LoginState = {
  readonly version: 1;
  /** e.g. `https://lighthouse.example.com:6443`. */
  readonly server: string;
  /** PEM; absent: the public authorities. */
  readonly authority?: string;
  /** Context of the kubeconfig that was written, to name it in messages. */
  readonly context: string;
  /** The file of that context, absolute: its roots follow those of the server. */
  readonly kubeconfig?: string;
  /** Name of the user, as roles are bound to it. */
  readonly user: string;
  /** What requests carry. */
  readonly token: string;
  /** When it ends, in milliseconds since the epoch. */
  readonly expiresMs: number;
  readonly renewal: Renewal;
};

/** The folder of logins: state that may be lost, so neither configuration nor cache. */
export function loginsDir(env: Io["env"]): string {
  const base = env["XDG_STATE_HOME"] ?? join(env["HOME"] ?? homedir(), ".local", "state");
  return join(base, "lighthouse", "logins");
}

/** A file for a new login: two never share one, so that none ends another's. */
export function newLoginPath(env: Io["env"], context: string): string {
  const readable = context.replaceAll(/[^\w.@-]+/g, "-").slice(0, 60);
  return join(loginsDir(env), `${readable}-${randomBytes(4).toString("hex")}.json`);
}

function isLogin(value: unknown): value is LoginState {
  if (typeof value !== "object" || value === null) return false;
  const { version, server, context, user, token, expiresMs, renewal } =
    value as Partial<LoginState>;
  const texts = [server, context, user, token].every((one) => typeof one === "string");
  const hasRenewal = renewal?.kind === "session" || renewal?.kind === "oidc";
  return version === 1 && texts && typeof expiresMs === "number" && hasRenewal;
}

/** What is kept in a file; `undefined` when there is none. @throws Error when it holds no login */
export async function readLogin(path: string): Promise<LoginState | undefined> {
  const text = await readIfPresent(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isLogin(value)) return value;
  } catch {
    // said below: the text has tokens in it, which a parser's message would quote
  }
  throw new Error(`Cannot use ${path}: it holds no login; run "lighthouse login" again`);
}

/** Keeps a login; tokens reach the disk before anybody uses them. */
export async function writeLogin(path: string, state: LoginState): Promise<void> {
  await makeFolderOf(path);
  await writeWhole(path, `${JSON.stringify(state, null, 2)}\n`);
}
