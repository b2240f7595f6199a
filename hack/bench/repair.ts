import type { AnyObject } from "../../api/machinery/object.ts";
import { label } from "../../crds/labels.ts";
import { benchApplication, sentApplications, untilReady } from "./application.ts";
import { median } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import type { RawEngine } from "./raw-engine.ts";
import { benchImage, startWorld } from "./world.ts";

const removals = 7;
/** Each container is killed once: one that dies again waits for its back-off. */
const kills = 40;
const name = "repaired";
const giveUpMs = 30_000;
const spec = { image: benchImage, network: "host" } as const;

/** Milliseconds from `harm` to the next start of a container of the Application. */
async function repairMs(engine: RawEngine, harm: () => Promise<void>): Promise<number> {
  const end = new AbortController();
  const started = Promise.withResolvers<number>();
  const timer = setTimeout(
    () => started.reject(new Error(`Nothing was started within ${giveUpMs / 1_000} s`)),
    giveUpMs,
  );
  try {
    await engine.follow(({ Action, Actor }) => {
      const ours = Actor.Attributes[label.application] === name;
      if (Action === "start" && ours) started.resolve(performance.now());
    }, end.signal);
    const begun = performance.now();
    await harm();
    return (await started.promise) - begun;
  } finally {
    clearTimeout(timer);
    end.abort();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Milliseconds that the engine alone needs to remove a running container and start another. */
async function rawRemovalMs(engine: RawEngine, round: number): Promise<number> {
  const victim = await engine.create(`raw-victim-${round}`, spec);
  await engine.start(victim);
  let next = "";
  const passed = await timed(async () => {
    await engine.remove(victim);
    next = await engine.create(`raw-victim-${round}`, spec);
    await engine.start(next);
  });
  await engine.remove(next);
  return passed;
}

/** Milliseconds that the engine alone needs to kill a container and start it again. */
async function rawKillMs(engine: RawEngine, round: number): Promise<number> {
  const victim = await engine.create(`raw-killed-${round}`, spec);
  await engine.start(victim);
  const passed = await timed(async () => {
    await engine.kill(victim);
    await engine.stop(victim, 0); // the engine answers a kill before it has seen the end
    await engine.start(victim);
  });
  await engine.remove(victim);
  return passed;
}

const percentile = (all: readonly number[], share: number): number =>
  all.toSorted((one, other) => one - other)[Math.ceil(all.length * share) - 1] ?? Number.NaN;

async function afterRemovals(engine: RawEngine): Promise<Figure> {
  const raw: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < removals; round++) {
    raw.push(await rawRemovalMs(engine, round));
    const [victim = ""] = await engine.list(`${label.application}=${name}`);
    ours.push(await repairMs(engine, () => engine.remove(victim)));
  }
  return {
    what: "container removed by force: time beyond the engine's own until it is replaced",
    value: median(ours.map((one, i) => one - (raw[i] ?? 0))),
    unit: "ms",
    atMost: 100,
    from: `${median(ours).toFixed(0)} ms / ${median(raw).toFixed(0)} ms`,
  };
}

async function afterKills(engine: RawEngine): Promise<Figure> {
  const raw: number[] = [];
  const ours: number[] = [];
  for (const [round, victim] of (await engine.list(`${label.application}=${name}`)).entries()) {
    raw.push(await rawKillMs(engine, round));
    ours.push(await repairMs(engine, () => engine.kill(victim)));
  }
  // At p99 an engine is slow as well: it is compared with itself at its slowest.
  const [slowest, own] = [ours, raw].map((all) => percentile(all, 0.99));
  const medians = `medians ${median(ours).toFixed(0)} ms / ${median(raw).toFixed(0)} ms`;
  return {
    what: "container killed: time beyond the engine's own until it runs again, p99",
    value: (slowest ?? Number.NaN) - (own ?? Number.NaN),
    unit: "ms",
    atMost: 100,
    from: `${slowest?.toFixed(0)} ms / ${own?.toFixed(0)} ms, ${medians}`,
  };
}

/** Containers are killed and removed behind our back: how much longer than the engine's own work it
 * takes until they run again. */
export const benchRepair: Section = async () => {
  await using world = await startWorld();
  const { engine, client } = world;
  await client.create<AnyObject>(sentApplications, benchApplication(name, kills, "host"));
  await untilReady(client, name);
  const killed = await afterKills(engine);
  return [killed, await afterRemovals(engine)];
};
