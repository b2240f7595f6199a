import { setTimeout as sleep } from "node:timers/promises";
import type { AnyObject } from "../../api/machinery/object.ts";
import { benchApplication, sentApplications, untilReady } from "./application.ts";
import type { Section } from "./figure.ts";
import { type Fleet, startFleet } from "./fleet.ts";

const hosts = 100;
const perHost = 10;
/** It is at rest once nothing was written for so long. */
const quietMs = 10_000;
/** It is waited for no longer than this. */
const settleMs = 120_000;
const idleMs = 60_000;

/** What a rollout sets going may end first: Events are written one after the other. */
async function untilQuiet(fleet: Fleet): Promise<void> {
  const end = performance.now() + settleMs;
  let before = Number.NaN;
  for (let now = await fleet.durableWrites(); now !== before && performance.now() < end;) {
    before = now;
    await sleep(quietMs);
    now = await fleet.durableWrites();
  }
}

/** What a cluster in which nothing happens costs: a share of a core, and writes to the disk. */
export const benchIdle: Section = async (note) => {
  await using fleet = await startFleet({ hosts, startMs: 0, together: true });
  const sent = benchApplication("web", hosts * perHost, "host");
  await fleet.client.create<AnyObject>(sentApplications, sent);
  await untilReady(fleet.client, "web", 300_000);
  await untilQuiet(fleet);
  note(`leaving ${hosts} hosts alone for ${idleMs / 1_000} s`);
  const before = await fleet.usage();
  const storedBefore = await fleet.durableWrites();
  await sleep(idleMs);
  const stored = (await fleet.durableWrites()) - storedBefore;
  const after = await fleet.usage();
  const share = (part: "server" | "agents"): number =>
    (100_000 * (after[part].cpu - before[part].cpu)) / idleMs;
  const what = `idle, ${hosts} hosts with ${perHost} containers each`;
  return [
    {
      what: `${what}: control plane, share of one core`,
      value: share("server"),
      unit: "%",
      atMost: 2,
    },
    { what: `${what}: agents, share of one core`, value: share("agents"), unit: "%" },
    { what: `${what}: durable writes in ${idleMs / 1_000} s`, value: stored, unit: "", atMost: 0 },
  ];
};
