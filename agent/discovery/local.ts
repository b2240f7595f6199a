import { homedir } from "node:os";
import { join } from "node:path";
import { StatusError, unavailable } from "../../api/machinery/errors.ts";
import { openEngine } from "../engine/dockerode.ts";
import { parseEndpoint } from "../engine/endpoint.ts";
import { currentContext, readContext } from "./docker-context.ts";
import { ownSshLogin } from "./own-ssh.ts";
import type { DockerHost, Provider } from "./provider.ts";

/** What the search looks at. */
export type LocalOptions = {
  /** Hosts that the user named, e.g. by `--docker`; then nothing else is looked at. */
  readonly urls?: readonly string[];
  /** Default: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the user's. */
  readonly homeDir?: string;
  /** Sockets to try when nobody named one, best first. Default: {@link defaultSockets}. */
  readonly sockets?: readonly string[];
};

const provider = "local";
const probeTimeoutMs = 5_000;

/** A place where an engine may be, and who says so. */
type Candidate = { readonly url: string; readonly certDir?: string; readonly from: string };

/** Where Docker listens when nothing is configured: the system's, rootless, Desktop, Colima, Rancher. */
export function defaultSockets(
  homeDir: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const runtimeDir = env["XDG_RUNTIME_DIR"];
  return [
    "/var/run/docker.sock",
    ...(runtimeDir === undefined ? [] : [join(runtimeDir, "docker.sock")]),
    join(homeDir, ".docker", "run", "docker.sock"),
    join(homeDir, ".docker", "desktop", "docker.sock"),
    join(homeDir, ".colima", "default", "docker.sock"),
    join(homeDir, ".rd", "docker.sock"),
  ];
}

type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  readonly sockets: readonly string[];
};

/** `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, which count for tcp endpoints only. */
function certDirOf(url: string, { env, homeDir }: Surroundings): { readonly certDir?: string } {
  const wanted = (env["DOCKER_TLS_VERIFY"] ?? "") !== "" || url.startsWith("https://");
  if (!wanted || url.startsWith("unix:") || url.startsWith("/")) return {};
  return { certDir: env["DOCKER_CERT_PATH"] || join(homeDir, ".docker") };
}

/** In the order of the docker CLI: DOCKER_HOST, then the context, then the sockets. */
async function candidates(around: Surroundings): Promise<readonly Candidate[]> {
  const { env, homeDir, sockets } = around;
  const url = env["DOCKER_HOST"];
  if (url !== undefined && url !== "")
    return [{ url, ...certDirOf(url, around), from: "DOCKER_HOST" }];
  const configDir = env["DOCKER_CONFIG"] || join(homeDir, ".docker");
  const name = await currentContext(configDir, env);
  if (name !== undefined)
    return [{ ...(await readContext(configDir, name)), from: `docker context "${name}"` }];
  return sockets.map((socket) => ({ url: `unix://${socket}`, from: "default socket" }));
}

function toHost({ url, certDir }: Candidate, { env, homeDir }: Surroundings): DockerHost {
  const ssh = url.startsWith("ssh:") ? ownSshLogin(homeDir, env) : undefined;
  return {
    url,
    provider,
    labels: {},
    ...(certDir === undefined ? {} : { certDir }),
    ...(ssh === undefined ? {} : { ssh }),
  };
}

/** Why the candidate does not answer, or `undefined` when it does. */
async function whySilent(
  host: DockerHost,
  from: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await using engine = openEngine(host.url, {
      ...host,
      deadlines: { readMs: probeTimeoutMs },
    });
    await engine.info(signal);
    return undefined;
  } catch (err) {
    if (!(err instanceof StatusError)) throw err;
    // The way out stands above the list, once.
    return `${from}: ${err.message.replace(/; start Docker there.*$/, "")}`;
  }
}

/** Those that the user named: taken as they are, since a host that is down comes back. */
function named(urls: readonly string[], around: Surroundings): readonly DockerHost[] {
  const hosts = [...new Set(urls)].map((url) =>
    toHost({ url, ...certDirOf(url, around), from: "--docker" }, around),
  );
  for (const host of hosts) parseEndpoint(host.url, host);
  return hosts;
}

/**
 * The Docker hosts that this machine's user means: the named ones, or else the one that the docker
 * CLI would talk to (DOCKER_HOST, the current context, the first default socket that answers).
 *
 * @throws StatusError `ServiceUnavailable` with every place that was tried and why it does not do;
 * `BadRequest` for a wrong URL or context.
 */
export async function findLocalHosts(
  options: LocalOptions,
  signal: AbortSignal,
): Promise<readonly DockerHost[]> {
  const env = options.env ?? process.env;
  const homeDir = options.homeDir ?? homedir();
  const sockets = options.sockets ?? defaultSockets(homeDir, env);
  const around: Surroundings = { env, homeDir, sockets };
  const { urls = [] } = options;
  if (urls.length > 0) return named(urls, around);
  const tried: string[] = [];
  for (const candidate of await candidates(around)) {
    const host = toHost(candidate, around);
    parseEndpoint(host.url, host);
    const why = await whySilent(host, candidate.from, signal);
    if (why === undefined) return [host];
    tried.push(`\n  ${why}`);
  }
  throw unavailable(
    `Cannot find a Docker engine: start Docker, or name one with --docker URL. Tried:${tried.join("")}`,
  );
}

/** Finds hosts as {@link findLocalHosts} does; what a user means does not change while we run. */
export function localProvider(options: LocalOptions = {}): Provider {
  let found: readonly DockerHost[] | undefined;
  return {
    name: provider,
    isHere: async () => true,
    async find(signal) {
      found ??= await findLocalHosts(options, signal);
      return found;
    },
  };
}
