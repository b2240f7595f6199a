import { setImmediate as turn } from "node:timers/promises";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { guarded } from "./interrupts.ts";
import { privateDockerd } from "../../test/kit/dockerd.ts";
import { makeImage } from "../docker/example-images.ts";
import { median } from "./durable-writes.ts";
import type { Figure } from "./figure.ts";
import { directWay, execOver, tunnelWay, type Way } from "./tunnel-ways.ts";
import { startTunnelWorld } from "./tunnel-world.ts";
import { benchImage } from "./world.ts";

const rounds = 5;
const pings = 300;
const execs = 10;
const firstBytes = 30;
const streamMib = 1_024;
const container = "bench";
/** Fresh enough that the page cache has it. */
const script = [
  'trap "exit 0" TERM INT',
  `dd if=/dev/zero of=/large bs=1M count=${streamMib} 2>/dev/null`,
  "for line in 1 2 3 4 5 6 7 8 9 10; do echo line $line; done",
  "echo filled",
  "sleep 1000000 &",
  "wait $!",
].join("\n");

type Note = (line: string) => void;
type Ways = readonly [direct: Way, tunnel: Way];
/** Milliseconds, or whatever is counted, one way and the other, in one round. */
type Pair = { readonly direct: number; readonly tunnel: number };

async function inTurns(
  [direct, tunnel]: Ways,
  count: number,
  work: (way: Way) => Promise<number>,
): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  for (let round = 0; round < count; round++)
    pairs.push({ direct: await work(direct), tunnel: await work(tunnel) });
  return pairs;
}

const medians = (pairs: readonly Pair[]): Pair => ({
  direct: median(pairs.map(({ direct }) => direct)),
  tunnel: median(pairs.map(({ tunnel }) => tunnel)),
});

async function ms(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function medianMs(count: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await ms(work));
  return median(times);
}

async function latency(ways: Ways, path: string, note: Note): Promise<Figure> {
  const work = (way: Way): Promise<number> => medianMs(pings, () => way.ask({ path }));
  await inTurns(ways, 2, work); // compiles what is measured
  const { direct, tunnel } = medians(await inTurns(ways, rounds, work));
  note(`${path}: ${direct.toFixed(2)} ms direct, ${tunnel.toFixed(2)} ms through the tunnel`);
  return {
    what: `GET ${path}: p50 through the tunnel, beyond direct (us)`,
    value: (tunnel - direct) * 1_000,
    unit: "",
    from: `${tunnel.toFixed(2)} ms - ${direct.toFixed(2)} ms`,
    atMost: 1_000,
  };
}

/** MiB/s of a body that nobody looks at. */
async function mibPerSecond(way: Way, path: string): Promise<number> {
  const begun = performance.now();
  const body = await way.open({ path });
  let bytes = 0;
  for await (const chunk of body) bytes += (chunk as Buffer).length;
  const seconds = (performance.now() - begun) / 1_000;
  if (bytes < streamMib * 2 ** 20) throw new Error(`${path} sent ${bytes} bytes`);
  return bytes / 2 ** 20 / seconds;
}

async function throughput(ways: Ways, note: Note): Promise<Figure> {
  const path = `/containers/${container}/archive?path=/large`;
  const pairs = await inTurns(ways, 3, (way) => mibPerSecond(way, path));
  const { direct, tunnel } = medians(pairs);
  note(`archive: ${direct.toFixed(0)} MiB/s direct, ${tunnel.toFixed(0)} through the tunnel`);
  return {
    what: `docker cp of ${streamMib} MiB: throughput through the tunnel / direct`,
    value: median(pairs.map((pair) => pair.tunnel / pair.direct)),
    unit: "x",
    from: `${tunnel.toFixed(0)} MiB/s / ${direct.toFixed(0)} MiB/s`,
    atLeast: 0.5,
  };
}

async function execRoundTrip(ways: Ways, note: Note): Promise<Figure> {
  const work = (way: Way): Promise<number> =>
    medianMs(execs, () => execOver(way, container, ["true"]));
  await inTurns(ways, 1, work);
  const { direct, tunnel } = medians(await inTurns(ways, 3, work));
  note(`exec: ${direct.toFixed(0)} ms direct, ${tunnel.toFixed(0)} ms through the tunnel`);
  return {
    what: "docker exec true, round trip through the tunnel / direct",
    value: tunnel / direct,
    unit: "x",
    from: `${tunnel.toFixed(0)} ms / ${direct.toFixed(0)} ms`,
    atMost: 2,
  };
}

async function untilFirstByte(way: Way, path: string): Promise<void> {
  const body = await way.open({ path });
  await new Promise((resolve, reject) => body.once("data", resolve).once("error", reject));
  body.destroy();
  await turn();
}

async function firstLogByte(ways: Ways, note: Note): Promise<Figure> {
  const path = `/containers/${container}/logs?stdout=1&follow=1&tail=1`;
  const work = (way: Way): Promise<number> => medianMs(firstBytes, () => untilFirstByte(way, path));
  const { direct, tunnel } = medians(await inTurns(ways, 3, work));
  note(`first log byte: ${direct.toFixed(1)} ms direct, ${tunnel.toFixed(1)} through the tunnel`);
  return {
    what: "docker logs -f: first byte through the tunnel",
    value: tunnel,
    unit: "ms",
    from: `direct: ${direct.toFixed(1)} ms`,
    atMost: 50,
  };
}

async function startContainer(way: Way): Promise<void> {
  const json = { Image: benchImage, HostConfig: { NetworkMode: "none" } };
  await way.ask({ method: "POST", path: `/containers/create?name=${container}`, json });
  await way.ask({ method: "POST", path: `/containers/${container}/start` });
  const body = await way.open({ path: `/containers/${container}/logs?stdout=1&follow=1` });
  for await (const chunk of body) if ((chunk as Buffer).includes("filled")) break;
}

/** What a real engine does through the tunnel, against the same asked of its socket, in turns. */
export async function tunnelRatios(note: Note): Promise<readonly Figure[]> {
  await using dockerd = guarded(await privateDockerd());
  {
    await using engine = openEngine(dockerd.url);
    await makeImage(engine.images, benchImage, { script, version: "v1" });
  }
  // BENCH_PROFILES: a folder for CPU profiles of both ends, to see where a missed target goes.
  const profiles = process.env["BENCH_PROFILES"];
  await using world = await startTunnelWorld({
    docker: dockerd.url,
    ...(profiles === undefined ? {} : { profiles }),
  });
  using direct = directWay(world.engine);
  using tunnel = tunnelWay(world.access, world.node);
  const ways: Ways = [direct, tunnel];
  await startContainer(direct);
  return [
    await latency(ways, "/_ping", note),
    await latency(ways, "/containers/json?all=1", note),
    await throughput(ways, note),
    await execRoundTrip(ways, note),
    await firstLogByte(ways, note),
  ];
}
