import type { AnyObject } from "../../api/machinery/object.ts";
import { applications } from "../../api/machinery/resources.ts";
import { benchApplication, sentApplications, untilReady } from "./application.ts";
import type { Figure, Section } from "./figure.ts";
import { type Fleet, startFleet } from "./fleet.ts";

const perHost = 10;
const batch = 100;
const startMs = 200;
const name = "web";
const sizes = (process.env["BENCH_HOSTS"] ?? "100,1000").split(",").map(Number);

/** One rollout over all slots. */
type Rollout = {
  readonly hosts: number;
  /** Seconds from the write of the new image until the Application is Ready. */
  readonly seconds: number;
  /** CPU seconds of our parts meanwhile. */
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

async function measured(fleet: Fleet, hosts: number, work: () => Promise<void>): Promise<Rollout> {
  const before = await fleet.usage();
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1_000;
  const after = await fleet.usage();
  const spent = (part: keyof typeof before): number => after[part].cpu - before[part].cpu;
  return {
    hosts,
    seconds,
    cpu: { server: spent("server"), controllers: spent("controllers"), agents: spent("agents") },
    engineCpu: spent("engines"),
    peakMb: after.server.peakMb + after.controllers.peakMb + after.agents.peakMb,
  };
}

const inAll = ({ cpu }: Rollout): number => cpu.server + cpu.controllers + cpu.agents;

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
  const slots = hosts * perHost;
  const made = await measured(fleet, hosts, async () => {
    await client.create<AnyObject>(sentApplications, application(slots));
    await untilReady(client, name, 600_000);
  });
  note(told("first rollout", made));
  const updated = await measured(fleet, hosts, async () => {
    const body = [
      {
        op: "replace",
        path: "/spec/template/spec/containers/0/image",
        value: "lighthouse.bench/idle:v2",
      },
    ];
    const key = { namespace: "default", name };
    await client.patch(applications, key, { type: "json", body });
    await untilReady(client, name, 600_000);
  });
  note(told("rolling update", updated));
  return updated;
}

/** Rolling updates over simulated engines: what is left is ours. */
export const benchScale: Section = async (note) => {
  const figures: Figure[] = [];
  for (const hosts of sizes) {
    const one = await rollOut(hosts, note);
    const slots = hosts * perHost;
    const ideal = (Math.ceil(slots / batch) * startMs) / 1_000;
    figures.push({
      what: `${slots} simulated containers on ${hosts} hosts, update by ${batch} / ideal`,
      value: one.seconds / ideal,
      unit: "x",
      atMost: 1.3,
      from: `${one.seconds.toFixed(1)} s / ${ideal.toFixed(1)} s`,
    });
    figures.push({ what: "CPU per container", value: (1_000 * inAll(one)) / slots, unit: "ms" });
  }
  return figures;
};
