import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { label } from "../../crds/labels.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { makeImage } from "../docker/example-images.ts";
import { median } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import { floorRound, type FloorTimes, floorWidths } from "./floor.ts";
import { type BenchHosts, startHosts } from "./hosts.ts";
import { applicationOf, type LighthouseMode, startLighthouseMode } from "./lighthouse-mode.ts";
import { cpuSeconds } from "./process-usage.ts";
import type { RawSpec } from "./raw-engine.ts";
import { serviceLabel, serviceSpec, startSwarm, type SwarmMode } from "./swarm-mode.ts";
import { makeVersions, waits } from "./swarm.ts";
import { type System, type Version, versions, type Wish } from "./system.ts";
import { followTally, type Tally } from "./tally.ts";
import { scratchDir } from "./world.ts";

const slots = 90;
const batch = 10;
/** The health window of both systems: how long the last containers are watched. */
const windowSeconds = 5;
const patienceMs = 240_000;
const fullRounds = 5;
const fewSlots = 30;
/** How long Swarm may take with a registry that does not answer; it takes minutes. */
const awayPatienceMs = 60_000;

type Network = RawSpec["network"];
const networks: readonly Network[] = ["bridge", "host"];

/** Seconds of one system in one round. */
type Times = {
  readonly create: number;
  readonly update: number;
  readonly bad: number;
  /** CPU seconds of each of its processes for the creation. */
  readonly cpus: readonly number[];
  /** Containers of the good version that were made, and images pulled, on the way back. */
  readonly madeOnTheWayBack: number;
};
type Round = { readonly floor: FloorTimes; readonly swarm: Times; readonly ours: Times };

/** A system with what the speed of it needs beside. */
type Racer = {
  readonly system: System;
  /** Label of its containers, with the name of what is asked for as value. */
  readonly label: string;
  pids(): readonly number[];
  apply(wish: Wish, network: Network): Promise<unknown>;
};

const sum = (all: readonly number[]): number => all.reduce((one, other) => one + other, 0);

const cpusOf = (pids: readonly number[]): Promise<readonly number[]> =>
  Promise.all(pids.map(cpuSeconds));

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}

const untilStand = (system: System, name: string, wanted: string): Promise<true> =>
  eventually(
    `${system.name}: ${name} is ${wanted}`,
    async () => (await system.stand(name)) === wanted,
    { timeoutMs: patienceMs, intervalMs: 200 },
  );

const untilRunning = (system: System, name: string, version: Version): Promise<true> =>
  eventually(
    `${system.name}: all of ${name} run ${version}`,
    async () => {
      const running = await system.running(name);
      return running.length === slots && running.every((one) => one === version);
    },
    { timeoutMs: patienceMs, intervalMs: 250 },
  );

/** Until as many containers of the version as there are slots have started. */
const untilStarted = (tally: Tally, version: Version, count = slots): Promise<void> =>
  tally.until("start", versions[version], count, patienceMs);

async function remove(site: BenchHosts, racer: Racer, name: string): Promise<void> {
  await racer.system.remove(name);
  const areGone = async (): Promise<boolean> => {
    const lists = site.hosts.map(({ engine }) => engine.list(`${racer.label}=${name}`));
    return (await Promise.all(lists)).every((ids) => ids.length === 0);
  };
  await eventually(`the containers of ${name} are gone`, areGone, {
    timeoutMs: patienceMs,
    intervalMs: 250,
  });
}

/** Creates, updates and spoils an update of all slots. */
async function race(site: BenchHosts, racer: Racer, network: Network): Promise<Times> {
  const { system } = racer;
  const name = "race";
  const wish = (version: Version): Wish => ({
    name,
    version,
    replicas: slots,
    batch,
    monitorSeconds: windowSeconds,
  });
  await using tally = await followTally(site, `${racer.label}=${name}`);
  const cpusBefore = await cpusOf(racer.pids());
  const create = await timed(async () => {
    await racer.apply(wish("v1"), network);
    await untilStarted(tally, "v1");
  });
  const cpus = (await cpusOf(racer.pids())).map((after, i) => after - (cpusBefore[i] ?? 0));
  await untilRunning(system, name, "v1");
  if (system.name === "Lighthouse") await untilStand(system, name, "completed");
  const update = await timed(async () => {
    await racer.apply(wish("v2"), network);
    await untilStarted(tally, "v2");
    await untilStand(system, name, "completed");
  });
  tally.clear();
  const bad = await timed(async () => {
    await racer.apply(wish("crash"), network);
    await untilStand(system, name, "rolled back");
    await untilRunning(system, name, "v2");
  });
  const madeOnTheWayBack = tally.count("create", versions.v2) + tally.count("pull");
  await remove(site, racer, name);
  return { create, update, bad, cpus, madeOnTheWayBack };
}

function racersOf(swarm: SwarmMode, lighthouse: LighthouseMode): Record<"swarm" | "ours", Racer> {
  return {
    swarm: {
      system: swarm,
      label: serviceLabel,
      pids: () => [],
      async apply(wish, network) {
        const known = await swarm.service(wish.name);
        const path =
          known === undefined
            ? "/services/create"
            : `/services/${known.ID}/update?version=${known.Version.Index}`;
        await swarm.call("POST", path, serviceSpec(wish, network));
      },
    },
    ours: {
      system: lighthouse,
      label: label.application,
      pids: () => lighthouse.pids(),
      apply: (wish, network) => lighthouse.send(applicationOf(wish, network)),
    },
  };
}

/** Rounds take turns: one alone would take as long as the rest. */
const widthOf = (round: number): number => floorWidths[(round - 1) % floorWidths.length] ?? 1;

/** The engines alone at the concurrency that was the best over all rounds. */
function bestFloor(rounds: readonly Round[], pick: (floor: FloorTimes) => number): number {
  const byWidth = Map.groupBy(rounds, ({ floor }) => floor.width);
  return Math.min(
    ...[...byWidth.values()].map((some) => median(some.map(({ floor }) => pick(floor)))),
  );
}

/** What each process used, server and controllers first; the agents together. */
function cpuText(rounds: readonly Round[]): string {
  const each = (pick: (cpus: readonly number[]) => number): string =>
    median(rounds.map(({ ours }) => (1_000 * pick(ours.cpus)) / slots)).toFixed(1);
  const parts = [
    `server ${each(([server = 0]) => server)}`,
    `controllers ${each(([, controllers = 0]) => controllers)}`,
    `agents ${each(([, , ...agents]) => sum(agents))}`,
  ];
  return `${parts.join(", ")} ms`;
}

function figuresOf(network: Network, rounds: readonly Round[]): readonly Figure[] {
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const ratio = (
    what: string,
    ours: (round: Round) => number,
    theirs: (round: Round) => number,
    target: { readonly atMost?: number } = {},
  ): Figure => ({
    what: `${slots} containers, ${network} network: ${what}`,
    value: of((round) => ours(round) / theirs(round)),
    unit: "x",
    from: `${of(ours).toFixed(2)} s / ${of(theirs).toFixed(2)} s`,
    ...target,
  });
  const bestCreate = bestFloor(rounds, ({ create }) => create);
  const bestUpdate = bestFloor(rounds, ({ update }) => update) + windowSeconds;
  const floorCreate = (): number => bestCreate;
  const floorUpdate = (): number => bestUpdate;
  return [
    ratio("created / engines alone", ({ ours }) => ours.create, floorCreate, {
      atMost: 1.12,
    }),
    ratio(
      "created / Swarm",
      ({ ours }) => ours.create,
      ({ swarm }) => swarm.create,
      { atMost: 1 },
    ),
    {
      what: `${slots} containers, ${network} network: our CPU per container`,
      value: of(({ ours }) => (1_000 * sum(ours.cpus)) / slots),
      unit: "ms",
      atMost: 15,
      from: cpuText(rounds),
    },
    ratio(
      `updated ${batch} at a time / engines alone and the window`,
      ({ ours }) => ours.update,
      floorUpdate,
      { atMost: 1.15 },
    ),
    ratio(
      "updated / Swarm",
      ({ ours }) => ours.update,
      ({ swarm }) => swarm.update,
      { atMost: 1 },
    ),
    ratio(
      "bad update, all back / Swarm",
      ({ ours }) => ours.bad,
      ({ swarm }) => swarm.bad,
      {
        atMost: 0.5,
      },
    ),
    {
      what: `${slots} containers, ${network} network: creates and pulls on the way back`,
      value: Math.max(...rounds.map(({ ours }) => ours.madeOnTheWayBack)),
      unit: "",
      atMost: 0,
    },
    ratio("Swarm created / engines alone", ({ swarm }) => swarm.create, floorCreate),
    ratio("Swarm updated / engines alone and the window", ({ swarm }) => swarm.update, floorUpdate),
  ];
}

/** A registry that takes connections and says nothing. */
async function silentRegistry(address: string): Promise<AsyncDisposable & { readonly at: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined); // the engine gave up
  });
  server.listen(0, address);
  await once(server, "listening");
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    at: `${address}:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Updates to an image that every host has, while its registry does not answer. */
async function registryAway(
  site: BenchHosts,
  racers: Record<"swarm" | "ours", Racer>,
  rounds: number,
): Promise<readonly Figure[]> {
  await using registry = await silentRegistry(site.address);
  const away = `${registry.at}/bench/web:v2`;
  for (const { dockerd } of site.hosts) {
    await using engine = openEngine(dockerd.url);
    await makeImage(engine.images, away, { script: waits, version: "v2" });
  }
  const update = async (racer: Racer, name: string, to: string, ms: number): Promise<number> => {
    const wish = { name, version: "v1", replicas: fewSlots, batch, monitorSeconds: 1 } as const;
    await using tally = await followTally(site, `${racer.label}=${name}`);
    await racer.apply(wish, "host");
    await tally.until("start", versions.v1, fewSlots, patienceMs);
    if (racer.system.name === "Lighthouse") await untilStand(racer.system, name, "completed");
    const seconds = await timed(async () => {
      await racer.apply({ ...wish, image: to }, "host");
      await tally.until("start", to, fewSlots, ms).catch(() => undefined); // late, and told as such
    });
    await remove(site, racer, name);
    return seconds;
  };
  const times: { readonly away: number; readonly near: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const near = await update(racers.ours, "near", versions.v2, patienceMs);
    times.push({ near, away: await update(racers.ours, "away", away, patienceMs) });
  }
  const near = await update(racers.swarm, "near", versions.v2, patienceMs);
  const theirs = await update(racers.swarm, "away", away, awayPatienceMs);
  const of = (pick: "away" | "near"): number => median(times.map((one) => one[pick]));
  const what = `update of ${fewSlots}, registry away / registry refuses at once`;
  return [
    {
      what,
      value: median(times.map((one) => one.away / one.near)),
      unit: "x",
      atMost: 1.2,
      from: `${of("away").toFixed(2)} s / ${of("near").toFixed(2)} s`,
    },
    {
      what: `${what}, Swarm (given up after ${awayPatienceMs / 1_000} s)`,
      value: theirs / near,
      unit: "x",
      from: `${theirs.toFixed(2)} s / ${near.toFixed(2)} s`,
    },
  ];
}

const told = ({ create, update, bad }: Times): string =>
  `${create.toFixed(1)} / ${update.toFixed(1)} / ${bad.toFixed(1)}`;

/** Creation, rolling update and rollback of 90 containers on three hosts, against Swarm and the
 * engines alone, all in turns on the same engines. */
export const benchRollouts: Section = async (note, { rounds = fullRounds, only }) => {
  await using dir = await scratchDir();
  await using site = await startHosts(3);
  await makeVersions(site);
  const swarm = await startSwarm(site);
  await using lighthouse = await startLighthouseMode(site, dir.path);
  const racers = racersOf(swarm, lighthouse);
  const figures: Figure[] = [];
  const asked = networks.filter((network) => only === undefined || network === only);
  const results = new Map<Network, Round[]>(asked.map((network) => [network, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const network of asked) {
      const floor = await floorRound(site, { slots, network, width: widthOf(round) });
      const ours = await race(site, racers.ours, network);
      const theirs = await race(site, racers.swarm, network);
      results.get(network)?.push({ floor, ours, swarm: theirs });
      note(
        `round ${round}, ${network}: create / update / bad: engines (${floor.width} at once) ${floor.create.toFixed(1)} / ` +
          `${floor.update.toFixed(1)}, ours ${told(ours)}, Swarm ${told(theirs)} s, ` +
          `our CPU ${sum(ours.cpus).toFixed(1)} s`,
      );
    }
  }
  for (const [network, all] of results) figures.push(...figuresOf(network, all));
  if (only === undefined || only === "registry") {
    note("the registry goes away");
    figures.push(...(await registryAway(site, racers, rounds)));
  }
  return figures;
};
