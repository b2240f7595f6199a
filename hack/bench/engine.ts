import { openEngine } from "../../agent/engine/dockerode.ts";
import type { Engine } from "../../agent/engine/engine.ts";
import { privateDockerd } from "../../test/kit/dockerd.ts";
import { makeTestImages, testImages } from "../../test/kit/images.ts";
import { median } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import { inParallel, openRawEngine, type RawEngine, type RawSpec } from "./raw-engine.ts";

const count = 50;
const rounds = 3;
const networks = ["host", "bridge"] as const;
/** Where engines on two cores are at their best; the raw side takes whichever wins. */
const widths = [4, 8];
const image = testImages.silent;

type Network = RawSpec["network"];
/** Seconds for `count` creates and starts. */
type Pair = { readonly raw: number; readonly driver: number };

async function seconds(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}

const namesOf = (tag: string): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${tag}-${index}`);

function rawSeconds(engine: RawEngine, network: Network, width: number): Promise<number> {
  return seconds(() =>
    inParallel(namesOf(`raw-${network}-${width}`), width, async (name) => {
      await engine.start(await engine.create(name, { image, network }));
    }),
  );
}

/** All asked at once: the driver's own gate decides how many the engine sees. */
function driverSeconds(engine: Engine, network: Network): Promise<number> {
  const spec = { Image: image, HostConfig: { NetworkMode: network } };
  return seconds(() =>
    inParallel(namesOf(`driver-${network}`), count, async (name) => {
      await engine.containers.start(await engine.containers.create(name, spec));
    }),
  );
}

async function clear(engine: Engine): Promise<void> {
  const rows = await engine.containers.list();
  await Promise.all(rows.map(({ id }) => engine.containers.remove(id, { force: true })));
}

function figureOf(network: Network, pairs: readonly Pair[]): Figure {
  const [raw, driver] = [median(pairs.map((p) => p.raw)), median(pairs.map((p) => p.driver))];
  return {
    what: `${count} creates and starts, ${network} network: driver / engine alone`,
    value: median(pairs.map((pair) => pair.driver / pair.raw)),
    unit: "x",
    from: `${driver.toFixed(2)} s / ${raw.toFixed(2)} s`,
    atMost: 1.2,
  };
}

/** Our driver against plain HTTP to the same engine at its best concurrency, taken in turns. */
export const benchEngine: Section = async (note) => {
  await using dockerd = await privateDockerd();
  await using engine = openEngine(dockerd.url);
  using rawEngine = openRawEngine(dockerd.url);
  await makeTestImages(engine.images);
  await driverSeconds(engine, "host"); // warm-up, not counted
  await clear(engine);
  const results = new Map<Network, Pair[]>(networks.map((network) => [network, []]));
  for (let round = 1; round <= rounds; round += 1)
    for (const network of networks) {
      const raws: number[] = [];
      for (const width of widths) {
        raws.push(await rawSeconds(rawEngine, network, width));
        await clear(engine);
      }
      const driver = await driverSeconds(engine, network);
      await clear(engine);
      results.get(network)?.push({ raw: Math.min(...raws), driver });
      const shown = raws.map((one) => one.toFixed(2)).join(" / ");
      note(`round ${round}, ${network}: engine ${shown} s, driver ${driver.toFixed(2)} s`);
    }
  return [...results].map(([network, pairs]) => figureOf(network, pairs));
};
