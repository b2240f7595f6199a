import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { badRequest, unavailable } from "../machinery/errors.ts";
import type { ClientConfig, Credentials } from "./config.ts";
import {
  type Kubeconfig,
  type KubeconfigCluster,
  type KubeconfigUser,
  readKubeconfig,
} from "./kubeconfig-file.ts";

/** Which server and user; everything absent means what kubectl would take. */
export type KubeconfigOptions = {
  /** `--kubeconfig`: this file only. */
  readonly path?: string;
  /** `--context`; default the file's current-context. */
  readonly context?: string;
  /** Where `KUBECONFIG` (a list of files) and `HOME` are looked up; default the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Credentials of users with `exec` that this process has itself, without running anything. */
  readonly ownPlugin?: (user: KubeconfigUser) => (() => Promise<Credentials>) | undefined;
};

/** A context, ready to connect. */
export type ResolvedContext = {
  readonly name: string;
  readonly config: ClientConfig;
  /** The namespace to use when the user names none; `default` unless the context says otherwise. */
  readonly namespace: string;
};

/** Files are read again so often: tokens and certificates rotate. */
const fileCacheMs = 60_000;

/** Files that kubectl would read, absolute, in its order. Not all need exist. */
export function kubeconfigPaths({
  path,
  env = process.env,
}: Pick<KubeconfigOptions, "path" | "env">): readonly string[] {
  if (path !== undefined && path !== "") return [resolve(path)];
  const list = (env["KUBECONFIG"] ?? "").split(delimiter).filter((one) => one !== "");
  if (list.length > 0) return list.map((one) => resolve(one));
  return [join(env["HOME"] ?? homedir(), ".kube", "config")];
}

const decode = (data: string): string => Buffer.from(data, "base64").toString("utf8");

async function readCredential(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw unavailable(`Cannot read the ${what} at ${path}: ${String(cause)}`, { cause });
  }
}

const isSet = (text: string | undefined): text is string => text !== undefined && text !== "";

/** Embedded data wins over a file, as in kubectl. */
async function material(
  data: string | undefined,
  path: string | undefined,
  what: string,
): Promise<string | undefined> {
  if (isSet(data)) return decode(data);
  return isSet(path) ? readCredential(path, what) : undefined;
}

async function readUser(user: KubeconfigUser): Promise<Credentials> {
  const [clientCert, clientKey, fileToken] = await Promise.all([
    material(user["client-certificate-data"], user["client-certificate"], "client certificate"),
    material(user["client-key-data"], user["client-key"], "client key"),
    isSet(user.tokenFile) ? readCredential(user.tokenFile, "token") : undefined,
  ]);
  const token = fileToken?.trim() ?? user.token;
  return {
    ...(clientCert === undefined ? {} : { clientCert }),
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(isSet(token) ? { token } : {}),
  };
}

/** Asks `read` again when its last answer is a minute old; a failure is not kept. */
function cached(read: () => Promise<Credentials>): () => Promise<Credentials> {
  let last: { readonly atMs: number; readonly credentials: Promise<Credentials> } | undefined;
  return async () => {
    if (last === undefined || Date.now() - last.atMs >= fileCacheMs) {
      last = { atMs: Date.now(), credentials: read() };
    }
    try {
      return await last.credentials;
    } catch (err) {
      last = undefined;
      throw err;
    }
  };
}

async function credentialsOf(
  user: KubeconfigUser,
  cluster: KubeconfigCluster,
  { ownPlugin }: KubeconfigOptions,
): Promise<NonNullable<ClientConfig["credentials"]>> {
  const own = user.exec === undefined ? undefined : ownPlugin?.(user);
  if (own !== undefined) return own;
  if (user.exec !== undefined || user["auth-provider"] !== undefined) {
    const { pluginCredentials } = await import("./kubeconfig-plugins.ts");
    return pluginCredentials(user, cluster);
  }
  if (user.username !== undefined) {
    throw badRequest(
      "Cannot use username and password of a kubeconfig: use a token or certificate",
    );
  }
  const files = [user.tokenFile, user["client-certificate"], user["client-key"]];
  // Read once in any case, so that a wrong path is found now and not at the first call.
  const credentials = await readUser(user);
  return files.some(isSet) ? cached(() => readUser(user)) : credentials;
}

function pick<T>(entries: ReadonlyMap<string, T>, name: string | undefined, what: string): T {
  const entry = name === undefined ? undefined : entries.get(name);
  if (entry !== undefined) return entry;
  const names = [...entries.keys()].map((one) => `"${one}"`).join(", ");
  throw badRequest(
    `Cannot find ${what} "${name ?? ""}" in the kubeconfig: it has ${names === "" ? "none" : names}`,
  );
}

async function clusterConfig(cluster: KubeconfigCluster, name: string): Promise<ClientConfig> {
  const { server, "proxy-url": proxy, "tls-server-name": tlsServerName } = cluster;
  if (!isSet(server) || !URL.canParse(server)) {
    throw badRequest(`Cannot use cluster "${name}": its server is no URL`);
  }
  if (isSet(proxy)) throw badRequest(`Cannot use cluster "${name}": proxy-url is not supported`);
  const [data, file] = [cluster["certificate-authority-data"], cluster["certificate-authority"]];
  const ca = await material(data, file, "certificate authority");
  return {
    server,
    ...(ca === undefined ? {} : { ca }),
    ...(isSet(tlsServerName) ? { tlsServerName } : {}),
    ...(cluster["insecure-skip-tls-verify"] === true ? { insecureSkipTlsVerify: true } : {}),
  };
}

async function resolveContext(
  { contexts, clusters, users, currentContext }: Kubeconfig,
  options: KubeconfigOptions,
): Promise<ResolvedContext> {
  const name = options.context ?? currentContext;
  if (name === undefined) {
    throw badRequest(
      "Cannot choose a context: the kubeconfig has no current-context, pass --context",
    );
  }
  const context = pick(contexts, name, "context");
  const cluster = pick(clusters, context.cluster, "cluster");
  const user = context.user === undefined ? {} : pick(users, context.user, "user");
  return {
    name,
    namespace: context.namespace ?? "default",
    config: {
      ...(await clusterConfig(cluster, context.cluster ?? "")),
      credentials: await credentialsOf(user, cluster, options),
    },
  };
}

/**
 * The server, trust and credentials of a context.
 *
 * @throws StatusError `BadRequest` with the file or entry that is missing or wrong.
 */
export async function loadKubeconfig(options: KubeconfigOptions = {}): Promise<ResolvedContext> {
  const paths = kubeconfigPaths(options);
  const kubeconfig = await readKubeconfig(paths);
  if (kubeconfig === undefined) {
    throw badRequest(
      `Cannot find a kubeconfig: there is no ${paths.join(", ")}; start "lighthouse up" first, or pass --kubeconfig`,
    );
  }
  return resolveContext(kubeconfig, options);
}
