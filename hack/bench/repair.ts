import type { AnyObject } from "../../api/machinery/object.ts";
import { label } from "../../crds/labels.ts";
import { benchApplication, sentApplications, untilReady } from "./application.ts";
import { median } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import type { RawEngine } from "./raw-engine.ts";
import { benchImage, startWorld } from "./world.ts";

const repeats = 7;
const name = "repaired";
const giveUpMs = 30_000;

/** Milliseconds from `harm` to the next start of a container of the Application. */
async function repairMs(engine: RawEngine, harm: (id: string) => Promise<void>): Promise<number> {
  const [victim = ""] = await engine.list(`${label.application}=${name}`);
  const end = new AbortController();
  const started = Promise.withResolvers<number>();
  const timer = setTimeout(
    () => started.reject(new Error(`Nothing replaced ${victim} within ${giveUpMs / 1_000} s`)),
    giveUpMs,
  );
  try {
    await engine.follow(({ Action, Actor }) => {
      const ours = Actor.Attributes[label.application] === name;
      if (Action === "start" && ours) started.resolve(performance.now());
    }, end.signal);
    const begun = performance.now();
    await harm(victim);
    return (await started.promise) - begun;
  } finally {
    clearTimeout(timer);
    end.abort();
  }
}

/** Milliseconds that the engine alone needs to remove a running container and start another. */
async function rawMs(engine: RawEngine, round: number): Promise<number> {
  const spec = { image: benchImage, network: "host" } as const;
  const victim = await engine.create(`raw-victim-${round}`, spec);
  await engine.start(victim);
  const begun = performance.now();
  await engine.remove(victim);
  const next = await engine.create(`raw-victim-${round}`, spec);
  await engine.start(next);
  const passed = performance.now() - begun;
  await engine.remove(next);
  return passed;
}

/** A container is removed by force behind our back: how much longer than the engine's own work
 * until its replacement runs. */
export const benchRepair: Section = async () => {
  await using world = await startWorld();
  const { engine, client } = world;
  await client.create<AnyObject>(sentApplications, benchApplication(name, 1, "host"));
  await untilReady(client, name);
  const raw: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < repeats; round++) {
    raw.push(await rawMs(engine, round));
    ours.push(await repairMs(engine, (id) => engine.remove(id)));
  }
  const what = "container removed by force: time beyond the engine's own until it is replaced";
  const figure: Figure = {
    what,
    value: median(ours.map((one, i) => one - (raw[i] ?? 0))),
    unit: "ms",
    atMost: 100,
    from: `${median(ours).toFixed(0)} ms / ${median(raw).toFixed(0)} ms`,
  };
  return [figure];
};
