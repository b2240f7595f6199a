import { setTimeout as sleep } from "node:timers/promises";
import type { AnyObject } from "../../api/machinery/object.ts";
import { applications } from "../../api/machinery/resources.ts";
import { benchApplication, sentApplications, untilReady } from "./application.ts";
import { allowHostNetwork } from "./world.ts";
import type { Figure, Section } from "./figure.ts";
import { type Fleet, startFleet } from "./fleet.ts";

const perHost = 10;
const batch = 100;
const startMs = 200;
const name = "web";
/** Hosts of the small fleet and of the large one. */
const sizes = [100, 1_000] as const;
/** How long what heartbeats cost is measured before. */
const restMs = 10_000;
const patienceMs = 600_000;

/** One rollout over all slots. */
type Rollout = {
  readonly hosts: number;
  /** Seconds from the write of the new image until the Application is Ready. */
  readonly seconds: number;
  /** CPU seconds of our parts meanwhile, without what they use at rest. */
  readonly cpu: Readonly<Record<"server" | "controllers" | "agents", number>>;
  readonly engineCpu: number;
  readonly peakMb: number;
};

const application = (replicas: number): AnyObject => {
  const sent = benchApplication(name, replicas, "host") as AnyObject;
  const { spec } = sent as unknown as { readonly spec: Readonly<Record<string, unknown>> };
  const strategy = { batch, minReadySeconds: 0, monitorSeconds: 0, order: "StopFirst" };
  return { ...sent, spec: { ...spec, strategy } };
};

/** CPU seconds per second that the parts use while nothing happens: heartbeats. */
type AtRest = Readonly<Record<"server" | "controllers" | "agents" | "engines", number>>;

async function atRest(fleet: Fleet): Promise<AtRest> {
  const before = await fleet.usage();
  await sleep(restMs);
  const after = await fleet.usage();
  const share = (part: keyof AtRest): number =>
    (1_000 * (after[part].cpu - before[part].cpu)) / restMs;
  return {
    server: share("server"),
    controllers: share("controllers"),
    agents: share("agents"),
    engines: share("engines"),
  };
}

async function measured(
  fleet: Fleet,
  { hosts, rest }: { readonly hosts: number; readonly rest: AtRest },
  work: () => Promise<void>,
): Promise<Rollout> {
  const before = await fleet.usage();
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1_000;
  const after = await fleet.usage();
  const spent = (part: keyof AtRest): number =>
    Math.max(0, after[part].cpu - before[part].cpu - rest[part] * seconds);
  return {
    hosts,
    seconds,
    cpu: { server: spent("server"), controllers: spent("controllers"), agents: spent("agents") },
    engineCpu: spent("engines"),
    peakMb: after.server.peakMb + after.controllers.peakMb + after.agents.peakMb,
  };
}

const told = (what: string, one: Rollout): string =>
  `${one.hosts} hosts, ${what}: ${one.seconds.toFixed(1)} s, CPU server ${one.cpu.server.toFixed(1)}, ` +
  `controllers ${one.cpu.controllers.toFixed(1)}, agents ${one.cpu.agents.toFixed(1)}, ` +
  `engines ${one.engineCpu.toFixed(1)} s, peak ${one.peakMb.toFixed(0)} MB`;

async function rollOut(hosts: number, note: (line: string) => void): Promise<Rollout> {
  const profiles = process.env["BENCH_PROFILES"];
  await using fleet = await startFleet({
    hosts,
    startMs,
    ...(profiles === undefined ? {} : { profiles }),
  });
  const { client } = fleet;
  await allowHostNetwork(client);
  const slots = hosts * perHost;
  await sleep(restMs); // what joining has set going
  const rest = await atRest(fleet);
  const made = await measured(fleet, { hosts, rest }, async () => {
    await client.create<AnyObject>(sentApplications, application(slots));
    await untilReady(client, name, patienceMs);
  });
  note(told("first rollout", made));
  const updated = await measured(fleet, { hosts, rest }, async () => {
    const body = [
      {
        op: "replace",
        path: "/spec/template/spec/containers/0/image",
        value: "lighthouse.bench/idle:v2",
      },
    ];
    const key = { namespace: "default", name };
    await client.patch(applications, key, { type: "json", body });
    await untilReady(client, name, patienceMs);
  });
  note(told("rolling update", updated));
  return updated;
}

function figuresOf(hosts: number, { seconds, cpu, peakMb }: Rollout): readonly Figure[] {
  const slots = hosts * perHost;
  const idealSeconds = (Math.ceil(slots / batch) * startMs) / 1_000;
  const what = `${slots} simulated containers on ${hosts} hosts`;
  const each = Object.entries(cpu).map(
    ([part, used]) => `${part} ${((1_000 * used) / slots).toFixed(1)}`,
  );
  return [
    {
      what: `${what}, update by ${batch} / the engines' own starts`,
      value: seconds / idealSeconds,
      unit: "x",
      atMost: 1.3,
      from: `${seconds.toFixed(1)} s / ${idealSeconds.toFixed(1)} s`,
    },
    {
      what: `${what}: CPU per container`,
      value: costOf({ hosts, cpu }),
      unit: "ms",
      from: `${each.join(", ")} ms`,
    },
    { what: `${what}: most memory of all parts`, value: peakMb, unit: "MB" },
  ];
}

/** Milliseconds of our CPU per container. */
const costOf = ({ hosts, cpu }: Pick<Rollout, "hosts" | "cpu">): number =>
  (1_000 * (cpu.server + cpu.controllers + cpu.agents)) / (hosts * perHost);

/** Rolling updates over simulated engines: what is left is ours, and must not grow with the fleet. */
export const benchScale: Section = async (note, { only }) => {
  const rollouts: Rollout[] = [];
  const asked = only === undefined ? sizes : [Number(only)];
  for (const hosts of asked) rollouts.push(await rollOut(hosts, note));
  const figures = rollouts.flatMap((one) => figuresOf(one.hosts, one));
  const [small, large] = rollouts;
  if (small === undefined || large === undefined) return figures;
  const growth: Figure = {
    what: `CPU per container at ${large.hosts * perHost} / at ${small.hosts * perHost}`,
    value: costOf(large) / costOf(small),
    unit: "x",
    atMost: 1.2,
    from: `${costOf(large).toFixed(1)} ms / ${costOf(small).toFixed(1)} ms`,
  };
  return [...figures, growth];
};
