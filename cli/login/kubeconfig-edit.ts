import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { type Document, isMap, isSeq, parseDocument } from "yaml";
import type { Io } from "../command.ts";
import { lockFile } from "./file-lock.ts";
import { type ExecUser, loginPathOf } from "./exec-user.ts";
import type { TrustedServer } from "./server-trust.ts";
import { makeFolderOf, readIfPresent, writeWhole } from "../../api/client/whole-file.ts";

/** What a login adds to a kubeconfig: a cluster, a user and a context of one name. */
export type KubeconfigLogin = {
  readonly name: string;
  readonly at: TrustedServer;
  readonly exec: ExecUser;
  readonly namespace?: string;
};

/** Which file is written, as kubectl chooses it: the flag, the first of KUBECONFIG that exists, or ~/.kube/config. */
export async function kubeconfigToWrite(flag: string | undefined, env: Io["env"]): Promise<string> {
  if (flag !== undefined) return resolve(flag);
  const list = (env["KUBECONFIG"] ?? "").split(delimiter).filter((one) => one !== "");
  for (const path of list) {
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (exists) return resolve(path);
  }
  return resolve(list.at(-1) ?? join(env["HOME"] ?? homedir(), ".kube", "config"));
}

function open(text: string, path: string): Document.Parsed {
  const document = parseDocument(text, { version: "1.1" });
  const [broken] = document.errors;
  if (broken !== undefined) throw new Error(`Cannot read kubeconfig ${path}: ${broken.message}`);
  if (document.contents !== null && !isMap(document.contents)) {
    throw new Error(`Cannot read kubeconfig ${path}: expected a mapping with clusters and users`);
  }
  return document;
}

type List = "clusters" | "users" | "contexts";
const fieldOf = { clusters: "cluster", users: "user", contexts: "context" } as const;

function entryOf(document: Document.Parsed, list: List, name: string): unknown {
  const entries: unknown = (document.toJS() as Record<string, unknown> | null)?.[list];
  if (!Array.isArray(entries)) return undefined;
  const found = entries.find((one: { readonly name?: unknown } | null) => one?.name === name) as
    Record<string, unknown> | undefined;
  return found?.[fieldOf[list]];
}

/** Replaces the entry of that name where it stands, else adds one; the others stay as they are. */
function put(document: Document.Parsed, list: List, name: string, value: object): void {
  if (!isSeq(document.get(list))) document.set(list, document.createNode([]));
  const entries = document.get(list);
  if (!isSeq(entries)) return;
  const node = document.createNode({ name, [fieldOf[list]]: value });
  const at = entries.items.findIndex((item) => isMap(item) && item.get("name") === name);
  if (at < 0) entries.add(node);
  else entries.items[at] = node;
  entries.flow = false;
}

/** What stands under a name and was not written by a login. @throws Error that tells the way out */
function checkName(document: Document.Parsed, { name, at }: KubeconfigLogin): void {
  const user = entryOf(document, "users", name);
  const cluster = entryOf(document, "clusters", name) as { readonly server?: unknown } | undefined;
  const isOurs = user === undefined || loginPathOf(user) !== undefined;
  const isSame = cluster === undefined || isOurs || cluster.server === at.server;
  if (isOurs && isSame) return;
  throw new Error(
    `Cannot write context "${name}": the kubeconfig has another user of that name; choose a name with --context`,
  );
}

/** A kubeconfig with a login in it, which is the current context. @throws Error when it is none */
export function withLogin(text: string, login: KubeconfigLogin, path: string): string {
  const { name, at, exec, namespace } = login;
  const document = open(text, path);
  if (document.contents === null) {
    document.contents = document.createNode({ apiVersion: "v1", kind: "Config" }) as never;
  }
  checkName(document, login);
  const ca =
    at.authority === undefined ? {} : { "certificate-authority-data": encoded(at.authority) };
  const before = entryOf(document, "contexts", name) as { readonly namespace?: string } | undefined;
  const kept = namespace ?? before?.namespace;
  put(document, "clusters", name, { server: at.server, ...ca });
  put(document, "users", name, { exec });
  const context = { cluster: name, user: name };
  put(document, "contexts", name, kept === undefined ? context : { ...context, namespace: kept });
  document.set("current-context", name);
  return document.toString({ lineWidth: 0 });
}

/** The login file that a context of a kubeconfig used until now. */
export function loginPathIn(text: string, name: string, path: string): string | undefined {
  return loginPathOf(entryOf(open(text, path), "users", name));
}

/** kubectl's own lock lies at the same place, so that neither overwrites the other's change. */
const lockLimits = { waitMs: 5_000, maxHeldMs: 30_000 };

/**
 * Writes a login into a kubeconfig.
 * @returns the file of the login that it replaces, if there was one
 */
export async function writeKubeconfigLogin(
  path: string,
  login: KubeconfigLogin,
  signal: AbortSignal,
): Promise<string | undefined> {
  await using _lock = await lockFile(`${path}.lock`, lockLimits, signal);
  const text = (await readIfPresent(path)) ?? "";
  const next = withLogin(text, login, path);
  await makeFolderOf(path);
  await writeWhole(path, next);
  return loginPathIn(text, login.name, path);
}

/** Roots of a cluster that have changed, PEM. */
export type NewAuthority = {
  readonly name: string;
  readonly server: string;
  readonly before: string;
  readonly after: string;
};

const encoded = (pem: string): string => Buffer.from(pem).toString("base64");

/** A kubeconfig with new roots for a cluster; `undefined` when it is another's by now. */
export function withAuthority(
  text: string,
  change: NewAuthority,
  path: string,
): string | undefined {
  const { name, server, before, after } = change;
  const document = open(text, path);
  const list = document.get("clusters");
  const items = isSeq(list) ? list.items : [];
  const at = items.findIndex((item) => isMap(item) && item.get("name") === name);
  const field = ["clusters", at, "cluster"];
  const isOurs =
    document.getIn([...field, "server"]) === server &&
    document.getIn([...field, "certificate-authority-data"]) === encoded(before);
  if (at < 0 || !isOurs) return undefined;
  document.setIn([...field, "certificate-authority-data"], encoded(after));
  return document.toString({ lineWidth: 0 });
}

/** Writes new roots into a kubeconfig, unless somebody has changed that cluster. */
export async function replaceAuthority(
  path: string,
  change: NewAuthority,
  signal: AbortSignal,
): Promise<void> {
  await using _lock = await lockFile(`${path}.lock`, lockLimits, signal);
  const text = await readIfPresent(path);
  const next = text === undefined ? undefined : withAuthority(text, change, path);
  if (next !== undefined) await writeWhole(path, next);
}
