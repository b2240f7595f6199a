import { afterEach, beforeEach, expect, test } from "vitest";
import { nodes } from "../api/machinery/resources.ts";
import { type AgentRig, agentRig, bindPod, is, podOf, untilReady } from "../test/kit/agent-rig.ts";
import { eventually } from "../test/kit/eventually.ts";
import { testImages } from "../test/kit/images.ts";
import { simulatedEngine } from "../test/kit/simulated-engine.ts";
import type { SimulatedEngine } from "./simulated/simulated-engine.ts";

let one: SimulatedEngine;
let two: SimulatedEngine;
let rig: AgentRig;

beforeEach(async () => {
  one = await simulatedEngine({ name: "one" });
  two = await simulatedEngine({ name: "two" });
  rig = await agentRig([one.url, two.url], { pulseMs: 100 });
  rig.start();
  await untilNode("one", "True");
  await untilNode("two", "True");
});
afterEach(async () => {
  one.thaw();
  await rig.close();
  await one[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
});

/** The Ready condition of a Node once it has that status. */
function untilNode(name: string, status: string) {
  return eventually(`Node ${name} is Ready ${status}`, () => {
    const node = rig.api.all(nodes).find(({ metadata }) => metadata.name === name);
    const ready = node?.status?.conditions?.find(({ type }) => type === "Ready");
    return ready?.status === status ? ready : undefined;
  });
}

test("an engine that hangs turns its Node NotReady, and the other goes on", async () => {
  await bindPod(rig.api, "web", { image: testImages.web, node: "one" });
  await untilReady(rig.api, "web");
  one.freeze();
  const ready = await untilNode("one", "False");
  expect(ready.reason).toBe("EngineHangs");
  expect(ready.message).toMatch(/hangs: it takes connections and has not answered for 0\.2 s/);
  await bindPod(rig.api, "other", { image: testImages.web, node: "two" });
  await untilReady(rig.api, "other");

  await bindPod(rig.api, "late", { image: testImages.web, node: "one" });
  one.thaw();
  await untilNode("one", "True");
  await untilReady(rig.api, "late");
  const pod = await podOf(rig.api, "web");
  expect(is(pod, "Ready")).toBe(true);
  expect(pod?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
});

test("an engine that answers again within a moment is not reported", async () => {
  one.inject({ on: /^GET \/_ping/, kind: "hang" });
  const pings = () => one.requests.filter((request) => request === "GET /_ping").length;
  const from = pings();
  await eventually("it was asked again", () => pings() >= from + 4);
  expect(rig.logged.map(({ message }) => message)).not.toContain("cannot reach the engine");
  expect(rig.logged.filter(({ message }) => message.startsWith("liveness"))).toHaveLength(2);
});
