import { type AnyObject, type Draft, keyOf } from "../../api/machinery/object.ts";
import type { ResourceType } from "../../api/machinery/gvk.ts";
import { applications, pods } from "../../api/machinery/resources.ts";
import type { Application } from "../../crds/types.gen.ts";
import { label } from "../../crds/labels.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { median } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import { inParallel, type RawEngine, type RawSpec } from "./raw-engine.ts";
import { benchImage, startWorld, type World } from "./world.ts";

const count = 50;
const rounds = 3;
/** The engine is at its best somewhere here on 2 to 16 cores; the better one counts. */
const widths = [4, 8];
const networks = ["host", "bridge"] as const;

/** Applications as a user writes them: the server fills in the defaults. */
export const sentApplications: ResourceType = applications;

type Network = RawSpec["network"];
/** Seconds from the first call to the last container started. */
type Round = {
  readonly raw: number;
  readonly running: number;
  readonly ready: number;
};

/** An Application that asks for nothing but speed. */
export function benchApplication(
  name: string,
  replicas: number,
  network: Network,
): Draft<AnyObject> {
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      template: {
        spec: {
          hostNetwork: network === "host",
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "idle", image: benchImage, imagePullPolicy: "IfNotPresent" }],
        },
      },
      strategy: { batch: "100%", minReadySeconds: 0, monitorSeconds: 0 },
    },
  };
}

async function rawRound(engine: RawEngine, network: Network, width: number): Promise<number> {
  const names = Array.from({ length: count }, (_, i) => `raw-${network}-${width}-${i}`);
  const begun = performance.now();
  await inParallel(names, width, async (name) => {
    await engine.start(await engine.create(name, { image: benchImage, network }));
  });
  const seconds = (performance.now() - begun) / 1_000;
  await inParallel(await engine.list("bench=raw"), width, (id) => engine.remove(id));
  return seconds;
}

async function untilReady({ client }: World, name: string): Promise<void> {
  const key = { namespace: "default", name };
  const app = await client.get(applications, key);
  const since = app?.metadata.resourceVersion ?? "0";
  const isReady = (one: Application): boolean =>
    one.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ??
    false;
  if (app !== undefined && isReady(app)) return;
  const options = { namespace: "default", resourceVersion: since };
  for await (const frame of client.watch(applications, options, AbortSignal.timeout(120_000))) {
    if (frame.type === "MODIFIED" && isReady(frame.object)) return;
  }
  throw new Error(`Application ${name} was not Ready after 120 s`);
}

/** Deletes the Application and waits until its containers are gone. */
export async function removeApplication(world: World, name: string): Promise<void> {
  const { client } = world;
  await client.delete(applications, { namespace: "default", name });
  const owned = { namespace: "default", labelSelector: `${label.application}=${name}` };
  for (const pod of (await client.list(pods, owned)).items) await client.delete(pods, keyOf(pod));
  await eventually(
    `the containers of ${name} are gone`,
    async () => (await world.engine.list(`${label.application}=${name}`)).length === 0,
    { timeoutMs: 120_000, intervalMs: 200 },
  );
}

async function ourRound(
  world: World,
  network: Network,
  round: number,
): Promise<Omit<Round, "raw">> {
  const name = `${network}-${round}`;
  await using stack = new AsyncDisposableStack();
  const end = new AbortController();
  stack.defer(() => end.abort());
  const started = new Set<string>();
  const all = Promise.withResolvers<void>();
  await world.engine.follow(({ Action, Actor }) => {
    if (Action !== "start" || Actor.Attributes[label.application] !== name) return;
    started.add(Actor.ID);
    if (started.size === count) all.resolve();
  }, end.signal);
  const begun = performance.now();
  await world.client.create<AnyObject>(sentApplications, benchApplication(name, count, network));
  const ready = untilReady(world, name).then(() => (performance.now() - begun) / 1_000);
  await all.promise;
  const running = (performance.now() - begun) / 1_000;
  const times = { running, ready: await ready };
  await removeApplication(world, name);
  return times;
}

function figuresOf(network: Network, results: readonly Round[]): readonly Figure[] {
  const of = (pick: (round: Round) => number): number => median(results.map(pick));
  const from = (ours: number): string =>
    `${ours.toFixed(2)} s / ${of(({ raw }) => raw).toFixed(2)} s`;
  const figure = (what: string, pick: (round: Round) => number, atMost?: number): Figure => ({
    what: `${count} containers, ${network} network: apply to ${what} / engine alone`,
    value: of((round) => pick(round) / round.raw),
    unit: "x",
    from: from(of(pick)),
    ...(atMost === undefined ? {} : { atMost }),
  });
  return [
    figure("all running", ({ running }) => running, 1.2),
    figure("Ready", ({ ready }) => ready),
  ];
}

/** 50 containers on one engine against the engine's own time at its best concurrency. */
export const benchRollout: Section = async (note) => {
  await using world = await startWorld();
  const results = new Map<Network, Round[]>(networks.map((network) => [network, []]));
  await ourRound(world, "host", 0); // warm-up of both sides, not counted
  await rawRound(world.engine, "host", 4);
  for (let round = 1; round <= rounds; round++) {
    for (const network of networks) {
      const raws: number[] = [];
      for (const width of widths) raws.push(await rawRound(world.engine, network, width));
      const raw = Math.min(...raws);
      const ours = await ourRound(world, network, round);
      results.get(network)?.push({ raw, ...ours });
      note(
        `round ${round}, ${network}: engine ${raws.map((one) => one.toFixed(2)).join(" / ")} s, ` +
          `ours running ${ours.running.toFixed(2)} s, Ready ${ours.ready.toFixed(2)} s`,
      );
    }
  }
  return [...results].flatMap(([network, times]) => figuresOf(network, times));
};
