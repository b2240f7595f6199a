import { afterEach, beforeEach, expect, test } from "vitest";
import type { Pod } from "../api/machinery/resources.ts";
import {
  type AgentRig,
  agentRig,
  bindPod,
  containersOf,
  podOf,
  untilReady,
} from "../test/kit/agent-rig.ts";
import { eventually } from "../test/kit/eventually.ts";
import { testImages } from "../test/kit/images.ts";
import { simulatedEngine } from "../test/kit/simulated-engine.ts";
import type { LogQuery } from "./serve.ts";
import type { SimulatedEngine } from "./simulated/simulated-engine.ts";

let simulated: SimulatedEngine;
let rig: AgentRig;
let node: string;
let pod: Pod;

beforeEach(async () => {
  simulated = await simulatedEngine();
  rig = await agentRig([simulated.url]);
  rig.start();
  node = await rig.node();
  await bindPod(rig.api, "web", { image: testImages.web, node });
  pod = await untilReady(rig.api, "web");
});
afterEach(async () => {
  await rig.close();
  await simulated[Symbol.asyncDispose]();
});

async function read(query: Partial<LogQuery> = {}): Promise<string> {
  const full = { container: "app", follow: false, previous: false, timestamps: false, ...query };
  const chunks: Uint8Array[] = [];
  const logs = rig.streams.get(node)?.logs(pod, full, AbortSignal.timeout(5_000)) ?? [];
  for await (const chunk of logs) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const lines = (text: string): number => text.split("\n").length - 1;

test("logs() gives the whole log, its tail, or no more than so many bytes", async () => {
  const whole = await read();
  expect(lines(whole)).toBeGreaterThan(0);
  expect(await read({ tailLines: 0 })).toBe("");
  expect(await read({ limitBytes: 5 })).toBe(whole.slice(0, 5));
  expect(await read({ timestamps: true })).toMatch(/^\d{4}-\d\d-\d\dT/);
  expect(await read({ sinceTime: "2999-01-01T00:00:00Z" })).toBe("");
});

test("logs() tells the runs of a restarted container apart", async () => {
  const first = await read();
  const [row] = await containersOf(rig.engine, pod);
  simulated.exit(row?.id ?? "", 1);
  pod = await eventually("the container was restarted", async () => {
    const seen = await podOf(rig.api, "web");
    return seen?.status?.containerStatuses?.[0]?.restartCount === 1 ? seen : undefined;
  });
  expect(lines(await read({ previous: true }))).toBe(lines(first));
  expect(lines(await read())).toBe(lines(first));
  expect(await read({ previous: true, tailLines: 0 })).toBe("");
});

test("logs() refuses what is not there", async () => {
  await expect(read({ container: "none" })).rejects.toMatchObject({ reason: "NotFound" });
  await expect(read({ previous: true })).rejects.toMatchObject({ reason: "BadRequest" });
});

test("logs() of a container that never ran are empty", async () => {
  await bindPod(rig.api, "later", { image: testImages.web, node, desired: "Prepared" });
  pod = await eventually("it is created", async () => {
    const seen = await podOf(rig.api, "later");
    return seen?.status?.containerStatuses?.[0]?.containerID === undefined ? undefined : seen;
  });
  expect(await read()).toBe("");
});
