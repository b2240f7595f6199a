import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { openEngine } from "../../agent/engine/dockerode.ts";
import {
  type ContainerState,
  type SimulatedEngine,
  startSimulatedEngine,
} from "../../agent/simulated/simulated-engine.ts";
import type { OwnedClient } from "../../api/client/create-client.ts";
import { leases, nodes } from "../../api/machinery/resources.ts";
import { eventually } from "../kit/eventually.ts";
import { createMortalApi, type MortalApi } from "./api.ts";
import { fastClock } from "./fast-clock.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { openLink } from "./link.ts";
import { hastyClient, type Part, startAgent, startControllers } from "./parts.ts";

/** One simulated Docker host with its agent, which may be replaced by the next one. */
export type Host = {
  readonly name: string;
  readonly engine: SimulatedEngine;
  /** Id of the container that is not ours. */
  readonly foreign: string;
  agent: Part;
};

/** Three hosts, an API server, controllers: each can be cut off and killed by itself. */
export type World = AsyncDisposable & {
  readonly api: MortalApi;
  readonly hosts: readonly Host[];
  readonly ledger: Ledger;
  /** Of the test itself: it reaches the API server whenever one runs. */
  readonly client: OwnedClient;
  /** Those that lead, or stand for it. */
  controllers: Part;
  containers(): readonly ContainerState[];
  /** Who holds the Lease of the controllers. */
  leader(): Promise<string>;
  /** Starts the next agent of a host; the one before should be dead. */
  replaceAgent(host: Host): Promise<void>;
  /** Starts the next controllers; those before, dead or alive, are the answer. */
  replaceControllers(): Promise<Part>;
};

const hostCount = 3;
const foreignImage = "someone/else:v1";

/** The Lease of the controllers. */
const lease = { namespace: "kube-system", name: "lighthouse-controllers" };

async function startForeign(url: string): Promise<string> {
  await using engine = openEngine(url);
  for await (const _ of engine.images.pull(foreignImage)) continue;
  const id = await engine.containers.create("foreign", { Image: foreignImage });
  await engine.containers.start(id);
  return id;
}

type Draft = { readonly api: MortalApi; readonly ledger: Ledger; readonly dir: string };

async function startHost(index: number, { api, ledger, dir }: Draft): Promise<Host> {
  const name = `host-${index}`;
  const engine = await startSimulatedEngine({
    socketPath: join(dir, `${index}.sock`),
    id: `SIM:${dir.slice(-6)}:${index}`,
    name,
    now: () => fastClock.nowMs(),
    onChange: (change) => ledger.take(change),
  });
  const foreign = await startForeign(engine.url);
  return { name, engine, foreign, agent: await startAgent(() => api.port(), name, engine.url) };
}

async function untilReady(client: OwnedClient): Promise<void> {
  await eventually(
    "three Nodes are Ready",
    async () => {
      const { items } = await client.list(nodes);
      const ready = items.filter(({ status }) =>
        status?.conditions?.some((one) => one.type === "Ready" && one.status === "True"),
      );
      return ready.length === hostCount;
    },
    { timeoutMs: 20_000 },
  );
}

/** Starts a world. Disposing of it ends everything in it and removes its files. */
export async function openWorld(): Promise<World> {
  await using cleanup = new AsyncDisposableStack();
  const dir = await mkdtemp("/tmp/lhf-");
  cleanup.defer(() => rm(dir, { recursive: true, force: true }));
  const api = cleanup.use(createMortalApi());
  await api.start();
  const port = (): number => api.port();
  const link = cleanup.use(await openLink(port));
  const client = cleanup.use(hastyClient(link.url));
  const ledger = createLedger();
  const hosts: Host[] = [];
  for (let index = 0; index < hostCount; index += 1) {
    const host = await startHost(index, { api, ledger, dir });
    cleanup.use(host.engine);
    cleanup.defer(() => host.agent[Symbol.asyncDispose]());
    hosts.push(host);
  }
  // What the killed ones still do in this process ends with the world.
  const graveyard = cleanup.use(new AsyncDisposableStack());
  const world: World = {
    api,
    hosts,
    ledger,
    client,
    controllers: await startControllers(port, "controllers"),
    containers: () => hosts.flatMap(({ engine }) => engine.containers()),
    leader: async () => (await client.get(leases, lease))?.spec?.holderIdentity ?? "",
    replaceAgent: async (host) => {
      graveyard.use(host.agent);
      host.agent = await startAgent(port, host.name, host.engine.url);
    },
    replaceControllers: async () => {
      const old = graveyard.use(world.controllers);
      world.controllers = await startControllers(port, "controllers");
      return old;
    },
    [Symbol.asyncDispose]: async () => {
      await world.controllers[Symbol.asyncDispose]();
      await owned.disposeAsync();
    },
  };
  const owned = cleanup.move();
  try {
    await untilReady(client);
  } catch (err) {
    await world[Symbol.asyncDispose]();
    throw err;
  }
  return world;
}
