import { mkdir, readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { unavailable } from "../../api/machinery/errors.ts";
import { createClient, type OwnedClient } from "../../api/client/create-client.ts";
import { parseServerConfig, type ServerConfig } from "../../api/server/config.ts";
import type { RunningServer } from "../../api/server/server.ts";
import { parseStoreUrl } from "../../api/store/store-url.ts";
import { findLocalHosts, localProvider } from "../../agent/discovery/local.ts";
import type { DockerHost, Provider } from "../../agent/discovery/provider.ts";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { type Flags, Misuse, text, texts } from "../command.ts";
import { externalTlsOf, oidcConfigOf } from "../start-flags.ts";
import { productVersion } from "../version.ts";

/** The folder for everything that must outlive the process. */
export function dataDirOf(flags: Flags, env: Readonly<Record<string, string | undefined>>): string {
  const base = env["XDG_DATA_HOME"] ?? join(env["HOME"] ?? homedir(), ".local", "share");
  return resolve(text(flags, "data-dir") ?? join(base, "lighthouse"));
}

/** What a data folder of ours may hold: it always holds the first. */
const ourEntries = ["pki", "store", "kubeconfig"];

/** Makes the data folder, for its owner alone; one that holds other things is left as it is.
 * @throws Error naming the folder and the way out */
export async function claimDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const entries = await readdir(dataDir);
    if (entries.length === 0 || ourEntries.some((name) => entries.includes(name))) return;
    throw new Error(`it holds other things (${entries.slice(0, 3).join(", ")})`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot use ${dataDir} as data folder: ${why}; name an empty or new one with --data-dir`,
      { cause },
    );
  }
}

/** What the flags say of the API server. @throws Misuse naming the flag */
export function serverConfigOf(flags: Flags, dataDir: string): ServerConfig {
  try {
    return parseServerConfig({
      dataDir,
      kubeconfig: text(flags, "kubeconfig") ?? join(dataDir, "kubeconfig"),
      listen: text(flags, "listen"),
      auditLog: text(flags, "audit-log"),
      auditPolicy: text(flags, "audit-policy"),
      admissionConfig: text(flags, "admission-config"),
      audit: {
        mode: text(flags, "audit-mode"),
        key: text(flags, "audit-key"),
        maxSizeMb: text(flags, "audit-log-maxsize"),
        maxBackups: text(flags, "audit-log-maxbackup"),
        maxAgeDays: text(flags, "audit-log-maxage"),
      },
      trustedProxies: texts(flags, "trusted-proxy"),
      tokenIssuer: text(flags, "token-issuer"),
      beacon: text(flags, "beacon"),
      names: texts(flags, "name"),
      setupLink: flags["no-setup-link"] !== true,
      ...oidcConfigOf(flags),
      ...externalTlsOf(flags),
    });
  } catch (err) {
    throw new Misuse(err instanceof Error ? err.message : String(err));
  }
}

/** What whoever starts a server shall read about its first user; empty when there are users. */
export function setupText({ setupLink }: Pick<RunningServer, "setupLink">): string {
  if (setupLink === undefined) return "";
  return `There is no user yet. Make the first within 24 hours: ${setupLink}\n`;
}

/** The URL of `--store` with what the flags for etcd's files add to it. @throws Misuse */
function withEtcdFiles(url: string, flags: Flags): string {
  const files = new URLSearchParams();
  for (const name of ["ca", "cert", "key"]) {
    const path = text(flags, `etcd-${name}file`);
    if (path !== undefined) files.set(name, resolve(path));
  }
  if (files.size === 0) return url;
  if (!/^etcds?:/i.test(url)) throw new Misuse("--etcd-... needs a --store of etcd://");
  return `${url}${url.includes("?") ? "&" : "?"}${files.toString()}`;
}

const isLoopback = (host: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]):\d+$/.test(host);

/** Everything is in etcd: nobody on the way may read or change it. @throws Misuse */
function checkStoreWay(url: string, flags: Flags): void {
  const address = parseStoreUrl(url);
  if (address.driver !== "etcd" || address.tls !== undefined) return;
  const open = address.hosts.filter((host) => !isLoopback(host));
  if (open.length === 0 || flags["etcd-insecure"] === true) return;
  throw new Misuse(
    `Cannot use etcd at ${open.join(", ")} without TLS: everybody on the way could read and change all objects; use etcds:// with --etcd-cafile, --etcd-certfile and --etcd-keyfile, or say --etcd-insecure`,
  );
}

/** Where the objects are: `--store`, else the embedded store in the data folder.
 * @throws StatusError `BadRequest` when the flag names no store that there is; Misuse */
export function storeUrlOf(flags: Flags, dataDir: string): string {
  const given = text(flags, "store") ?? `lmdb://${encodeURI(join(dataDir, "store"))}`;
  const url = withEtcdFiles(given, flags);
  checkStoreWay(url, flags);
  return url;
}

async function probe(host: DockerHost, signal: AbortSignal): Promise<void> {
  await using engine = openEngine(host.url, host);
  await engine.info(signal);
}

/** The Docker hosts of the flags, or those the docker CLI would use. Some may be away and come
 * back; when none answers there is nothing to run on.
 * @throws StatusError naming every engine that was tried and the way out */
export async function dockerProvider(flags: Flags, signal: AbortSignal): Promise<Provider> {
  const urls = texts(flags, "docker");
  const options = urls.length === 0 ? {} : { urls };
  const hosts = await findLocalHosts(options, signal);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(5_000)]);
  const probes = await Promise.allSettled(hosts.map((host) => probe(host, deadline)));
  const failed = probes.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  if (failed.length === hosts.length) {
    throw unavailable(failed.map(({ message }) => message).join("; "), { cause: failed[0] });
  }
  return localProvider(options);
}

/** A client for a part that runs in the server's own process; it takes up renewed certificates. */
export function inProcessClient(
  access: RunningServer["controllers"],
  userAgent: string,
): OwnedClient {
  return createClient({
    server: access.server,
    get ca() {
      return access.authority;
    },
    credentials: async () => ({
      clientCert: access.client.certificate,
      clientKey: access.client.key,
    }),
    userAgent: `${userAgent}/${productVersion}`,
    fieldManager: userAgent,
  });
}

/** Runs parts side by side until the signal aborts. The first that ends on its own ends them all.
 * @throws what it ended with */
export async function runParts(
  parts: readonly ((signal: AbortSignal) => Promise<unknown>)[],
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  const running = parts.map(async (part) => {
    try {
      await part(all);
    } finally {
      stop.abort();
    }
  });
  const ended = await Promise.allSettled(running);
  if (signal.aborted) return;
  for (const result of ended) if (result.status === "rejected") throw result.reason;
}

/** Whether other servers may write to the store too. The embedded ones belong to one process. */
export function isSharedStore(storeUrl: string): boolean {
  return !/^(lmdb|memory):/i.test(storeUrl);
}
