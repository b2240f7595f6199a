import { setTimeout as sleep } from "node:timers/promises";
import type { AnyObject } from "../../api/machinery/object.ts";
import { benchApplication, sentApplications, untilReady } from "./application.ts";
import type { Section } from "./figure.ts";
import { startFleet } from "./fleet.ts";

const hosts = 100;
const perHost = 10;
/** What a rollout sets going may end first. Longer than the longest retention of anything in it. */
const settleMs = 45_000;
const idleMs = 60_000;

/** What a cluster in which nothing happens costs: a share of a core, and writes to the disk. */
export const benchIdle: Section = async (note) => {
  await using fleet = await startFleet({ hosts, startMs: 0 });
  const sent = benchApplication("web", hosts * perHost, "host");
  await fleet.client.create<AnyObject>(sentApplications, sent);
  await untilReady(fleet.client, "web", 300_000);
  note(`leaving ${hosts} hosts alone for ${(settleMs + idleMs) / 1_000} s`);
  await sleep(settleMs);
  const before = await fleet.usage();
  const storedBefore = await fleet.durableWrites();
  await sleep(idleMs);
  const stored = (await fleet.durableWrites()) - storedBefore;
  const after = await fleet.usage();
  const share = (part: "server" | "controllers" | "agents"): number =>
    (100_000 * (after[part].cpu - before[part].cpu)) / idleMs;
  const what = `idle, ${hosts} hosts with ${perHost} containers each`;
  return [
    {
      what: `${what}: server and controllers, share of one core`,
      value: share("server") + share("controllers"),
      unit: "%",
      atMost: 2,
      from: `${share("server").toFixed(2)} % + ${share("controllers").toFixed(2)} %`,
    },
    { what: `${what}: agents, share of one core`, value: share("agents"), unit: "%" },
    { what: `${what}: durable writes in ${idleMs / 1_000} s`, value: stored, unit: "", atMost: 0 },
  ];
};
