import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { openEngine } from "../../agent/engine/dockerode.ts";
import {
  type SimulatedEngine,
  startSimulatedEngine,
} from "../../agent/simulated/simulated-engine.ts";
import { createMortalApi, type MortalApi } from "./api.ts";
import { fastClock, realMs } from "./fast-clock.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { openLink } from "./link.ts";
import { hastyClient, startAgent, startControllers } from "./parts.ts";
import { type Host, leaderOf, type Pace, untilReady, type World } from "./stage.ts";

const hostCount = 3;
const foreignImage = "someone/else:v1";

const pace: Pace = {
  realMs,
  patienceMs: realMs,
  faultMs: [2_000, 9_000, 25_000],
  silenceMs: 55_000,
  monitorSeconds: 10,
  longMonitorSeconds: 60,
};

async function startForeign(url: string): Promise<string> {
  await using engine = openEngine(url);
  for await (const _ of engine.images.pull(foreignImage)) continue;
  const id = await engine.containers.create("foreign", { Image: foreignImage });
  await engine.containers.start(id);
  return id;
}

/** A host whose engine must be disposed of. */
type SimulatedHost = Host & { readonly engine: SimulatedEngine };

type Draft = { readonly api: MortalApi; readonly ledger: Ledger; readonly dir: string };

async function startHost(index: number, { api, ledger, dir }: Draft): Promise<SimulatedHost> {
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
  const hosts: SimulatedHost[] = [];
  for (let index = 0; index < hostCount; index += 1) {
    const host = await startHost(index, { api, ledger, dir });
    cleanup.use(host.engine);
    cleanup.defer(() => host.agent[Symbol.asyncDispose]());
    hosts.push(host);
  }
  // What the killed ones still do in this process ends with the world.
  const graveyard = cleanup.use(new AsyncDisposableStack());
  const world: World = {
    pace,
    api,
    hosts,
    ledger,
    client,
    controllers: await startControllers(port, "controllers"),
    containers: () => hosts.flatMap(({ engine }) => engine.containers()),
    // A name of its own per cell, so that no host holds the image already.
    imageOf: (application, version) => `lh/${application}:v${version}`,
    leader: () => leaderOf(client),
    replaceAgent: async (host) => {
      graveyard.use(host.agent);
      const own = hosts.find(({ name }) => name === host.name);
      host.agent = await startAgent(port, host.name, own?.engine.url ?? "");
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
    await untilReady(client, hostCount);
  } catch (err) {
    await world[Symbol.asyncDispose]();
    throw err;
  }
  return world;
}
