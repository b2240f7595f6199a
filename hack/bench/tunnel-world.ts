import { join } from "node:path";
import type { ClientConfig } from "../../api/client/config.ts";
import type { OwnedClient } from "../../api/client/create-client.ts";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";
import { nodes, type Pod, pods } from "../../api/machinery/resources.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { type Lighthouse, startLighthouse } from "../../test/kit/lighthouse.ts";
import { type PartProcess, startPart } from "./part-process.ts";
import { clientOf, scratchDir } from "./world.ts";

const program = join(import.meta.dirname, "..", "..", "cli", "lighthouse.mjs");
const engines = join(import.meta.dirname, "simulated-fleet.ts");
const beacon = "far";
const readyTimeoutMs = 60_000;

/** Who a client of the API server is, PEM. */
export type TlsAccess = {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
};

/** How a {@link TunnelWorld} is made; everything has a default. */
export type TunnelWorldOptions = {
  /** URL of the agent's engine. Default: a simulated one, in a process of its own. */
  readonly docker?: string;
  /** Where the API server listens. Default: a free port of 127.0.0.1. */
  readonly listen?: string;
  /** Other names and addresses that lead to the API server. */
  readonly names?: readonly string[];
  /** What the agent dials in place of the API server, given where that listens: `host:port`. */
  readonly via?: (server: URL) => Promise<string>;
  /** The agent's network namespace. */
  readonly namespace?: string;
  /** Folder for CPU profiles of both ends; absent: none are taken. */
  readonly profiles?: string;
};

/** An API server, and an agent that joined it and has one engine: processes of their own, and a real tunnel. */
export type TunnelWorld = AsyncDisposable & {
  readonly client: OwnedClient;
  readonly access: TlsAccess;
  /** metadata.name of the Node. */
  readonly node: string;
  /** Path of the engine's socket. */
  readonly engine: string;
  readonly agent: Pick<PartProcess, "pid">;
  server(): Lighthouse;
  /** Ends the API server by the signal and starts it again on the same data and port. */
  restart(signal?: NodeJS.Signals): Promise<Lighthouse>;
  /** A Pod on the Node, once it runs: its one container is as the image says unless `container` does. */
  runPod(name: string, container?: Partial<Pod["spec"]["containers"][number]>): Promise<Pod>;
};

async function accessOf({ server, ca = "", credentials }: ClientConfig): Promise<TlsAccess> {
  const who = typeof credentials === "function" ? await credentials() : credentials;
  const { hostname, port } = new URL(server);
  return {
    host: hostname,
    port: Number(port),
    ca,
    cert: who?.clientCert ?? "",
    key: who?.clientKey ?? "",
  };
}

/** The access of a kubeconfig. */
export async function accessIn(kubeconfig: string): Promise<TlsAccess> {
  return accessOf((await loadKubeconfig({ path: kubeconfig })).config);
}

async function linkFor(server: Lighthouse, via: TunnelWorldOptions["via"]): Promise<string> {
  const dialled = via === undefined ? [] : [`--server=${await via(new URL(server.url))}`];
  const made = await server.cli(["token", "create", "--print=link", "--uses=0", ...dialled]);
  if (made.code !== 0) throw new Error(`lighthouse token create: ${made.stderr}`);
  return made.stdout.trim();
}

const readyNode = (client: OwnedClient): Promise<string> =>
  eventually(
    "the Node is ready",
    async () => {
      const { items } = await client.list(nodes, {});
      const ready = items.find(({ status }) =>
        status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
      );
      return ready?.metadata.name;
    },
    { timeoutMs: readyTimeoutMs, intervalMs: 100 },
  );

const podDraft = (name: string, node: string, container: object): Pod =>
  ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "main", image: "bench/soak:v1", ...container }],
    },
  }) as unknown as Pod;

function podRunner(client: OwnedClient, node: string): TunnelWorld["runPod"] {
  return async (name, container = {}) => {
    await client.create(pods, podDraft(name, node, container));
    const running = async (): Promise<Pod | undefined> => {
      const pod = await client.get(pods, { namespace: "default", name });
      return pod?.status?.phase === "Running" ? pod : undefined;
    };
    return eventually(`pod ${name} runs`, running, { timeoutMs: readyTimeoutMs, intervalMs: 100 });
  };
}

function profileEnv(profiles: string | undefined, name: string): NodeJS.ProcessEnv {
  if (profiles === undefined) return {};
  return {
    NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles} --cpu-prof-name=${name}.cpuprofile`,
  };
}

async function simulatedSocket(stack: AsyncDisposableStack, dir: string): Promise<string> {
  stack.use(await startPart({ argv: [engines, dir, "1", "0"], ready: /^ready$/ }));
  return join(dir, "0");
}

/** Starts a {@link TunnelWorld} and waits until its Node is ready. */
export async function startTunnelWorld(options: TunnelWorldOptions = {}): Promise<TunnelWorld> {
  const { docker, listen, names = [], via, namespace, profiles } = options;
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await scratchDir());
  const engine = docker?.replace("unix://", "") ?? (await simulatedSocket(stack, dir.path));
  const serving = (at: string | undefined): Promise<Lighthouse> =>
    startLighthouse({
      command: "server",
      dataDir: join(dir.path, "data"),
      docker: [],
      args: ["--log-level=warn", ...names.map((name) => `--name=${name}`)],
      env: profileEnv(profiles, "server"),
      ...(at === undefined ? {} : { listen: at }),
    });
  let server = await serving(listen);
  stack.defer(() => server[Symbol.asyncDispose]());
  const link = await linkFor(server, via);
  const dataDir = join(dir.path, "agent");
  const args = [`--beacon=${beacon}`, `--data-dir=${dataDir}`, "--log-level=warn"];
  const agent = stack.use(
    await startPart({
      argv: [program, "agent", `--join=${link}`, `--docker=unix://${engine}`, ...args],
      env: profileEnv(profiles, "agent"),
      ...(namespace === undefined ? {} : { namespace }),
    }),
  );
  const client = stack.use(await clientOf(server.kubeconfig));
  const node = await readyNode(client).catch((cause: unknown) => {
    throw new Error(`The agent does not come:\n${agent.complaint()}${server.output()}`, { cause });
  });
  const access = await accessIn(server.kubeconfig);
  const owned = stack.move();
  return {
    client,
    access,
    node,
    engine,
    agent,
    server: () => server,
    async restart(signal) {
      const { host } = new URL(server.url);
      await server.stop(signal);
      server = await serving(host);
      return server;
    },
    runPod: podRunner(client, node),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
