import { join } from "node:path";
import type { OwnedClient } from "../../api/client/create-client.ts";
import { namespaces, nodes } from "../../api/machinery/resources.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { startLighthouse } from "../../test/kit/lighthouse.ts";
import { type PartProcess, startPart } from "./part-process.ts";
import { cpuSeconds, peakResidentMb } from "./process-usage.ts";
import { clientOf, scratchDir } from "./world.ts";

const program = join(import.meta.dirname, "..", "..", "cli", "lighthouse.mjs");
const engines = join(import.meta.dirname, "simulated-fleet.ts");
/** Hosts behind one beacon; more of them means more beacons, as in a fleet of several networks. */
const hostsPerBeacon = 250;
const joinTimeoutMs = 180_000;
/** Of the embedded store; what is kept in memory only, such as heartbeats, counts in between. */
const revisionsPerWrite = 2 ** 16;

/** What a part of Lighthouse has used. */
export type Usage = {
  /** CPU seconds since the process began. */
  readonly cpu: number;
  /** Most resident memory so far, MB. */
  readonly peakMb: number;
};

/** Lighthouse with its parts in processes of their own, on simulated engines. */
export type Fleet = AsyncDisposable & {
  readonly client: OwnedClient;
  /** How many durable writes there were so far. */
  durableWrites(): Promise<number>;
  /** What the parts have used so far: `server`, `controllers`, `agents`, and the `engines` beside. */
  usage(): Promise<Readonly<Record<"server" | "controllers" | "agents" | "engines", Usage>>>;
};

/** What a {@link Fleet} is made of. */
export type FleetOptions = {
  readonly hosts: number;
  /** How long a start of a container takes. */
  readonly startMs: number;
  /** Server, controllers and the agent of the first host in one process, as `lighthouse up` has them:
   * it counts as the server. */
  readonly together?: boolean;
  /** Folder for CPU profiles of all parts; absent: none are taken. */
  readonly profiles?: string;
};

async function usageOf(parts: readonly Pick<PartProcess, "pid">[]): Promise<Usage> {
  const each = await Promise.all(
    parts.map(async ({ pid }) => ({ cpu: await cpuSeconds(pid), mb: await peakResidentMb(pid) })),
  );
  return {
    cpu: each.reduce((sum, one) => sum + one.cpu, 0),
    peakMb: each.reduce((sum, one) => sum + one.mb, 0),
  };
}

/** Starts a {@link Fleet} and waits until all its Nodes are ready. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { hosts, startMs, together = false, profiles } = options;
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await scratchDir());
  const sim = stack.use(
    await startPart({ argv: [engines, dir.path, `${hosts}`, `${startMs}`], ready: /^ready$/ }),
  );
  const socketOf = (host: number): string => `unix://${join(dir.path, String(host))}`;
  const dataDir = join(dir.path, "data");
  const profile = (name: string): NodeJS.ProcessEnv =>
    profiles === undefined
      ? {}
      : {
          NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles} --cpu-prof-name=${name}.cpuprofile`,
        };
  const server = stack.use(
    await startLighthouse({
      command: together ? "up" : "server",
      dataDir,
      docker: together ? [socketOf(0)] : [],
      args: ["--log-level=warn"],
      env: profile("server"),
    }),
  );
  const part = async (name: string, argv: readonly string[]): Promise<PartProcess> =>
    stack.use(
      await startPart({
        argv: [program, ...argv, "--log-level=warn", `--kubeconfig=${server.kubeconfig}`],
        env: profile(name),
      }),
    );
  const controllers = together ? [] : [await part("controllers", ["controllers"])];
  const agents: PartProcess[] = [];
  for (let first = together ? 1 : 0; first < hosts; first += hostsPerBeacon) {
    const last = Math.min(hosts, first + hostsPerBeacon);
    const sockets = Array.from({ length: last - first }, (_, at) => [
      "--docker",
      socketOf(first + at),
    ]);
    const beacon = `beacon-${agents.length}`;
    agents.push(await part(beacon, ["agent", `--beacon=${beacon}`, ...sockets.flat()]));
  }
  const client = stack.use(await clientOf(server.kubeconfig));
  await eventually(`${hosts} Nodes are ready`, () => areReady(client, hosts), {
    timeoutMs: joinTimeoutMs,
    intervalMs: 500,
  });
  const owned = stack.move();
  return {
    client,
    async durableWrites() {
      const { resourceVersion } = await client.list(namespaces, {});
      return Math.floor(Number(resourceVersion) / revisionsPerWrite);
    },
    usage: async () => ({
      server: await usageOf([server]),
      controllers: await usageOf(controllers),
      agents: await usageOf(agents),
      engines: await usageOf([sim]),
    }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function areReady(client: OwnedClient, hosts: number): Promise<boolean> {
  const { items } = await client.list(nodes, {});
  const ready = items.filter(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
  );
  return ready.length === hosts;
}
