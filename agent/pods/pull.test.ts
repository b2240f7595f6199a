import { afterEach, beforeEach, expect, test } from "vitest";
import { podReason } from "../../crds/conditions.ts";
import { type AgentRig, agentRig, bindPod, podOf, untilReady } from "../../test/kit/agent-rig.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import type { SimulatedEngine } from "../simulated/simulated-engine.ts";

const slow = "reg.test/slow:1";

let simulated: SimulatedEngine;
let rig: AgentRig;
let node: string;
let begun: number;

beforeEach(async () => {
  simulated = await simulatedEngine({
    rules: [
      { image: "reg.test/slow:*", behaviour: { pullMs: 2_500, serve: "slow" } },
      { image: "reg.away/*", behaviour: { pull: "unreachable" } },
      { image: "reg.deny/*", behaviour: { pull: "unauthorized" } },
    ],
  });
  rig = await agentRig([simulated.url]);
  rig.start();
  node = await rig.node();
  begun = simulated.requests.length;
});
afterEach(async () => {
  await rig.close();
  await simulated[Symbol.asyncDispose]();
});

const waitingOf = async (name: string) =>
  (await podOf(rig.api, name))?.status?.containerStatuses?.[0]?.state?.waiting;

/** What the engine was asked of registries since the request with that index. */
const asked = (from = begun): readonly string[] =>
  simulated.requests.slice(from).filter((one) => /^POST \/images|^GET \/distribution/.test(one));

test("a pull says how far it is, and asks for few writes", async () => {
  await bindPod(rig.api, "first", { image: slow, node });
  await bindPod(rig.api, "second", { image: slow, node });
  let writes = 0;
  rig.api.before(({ verb, type }) => {
    if (type.kind === "Pod" && verb === "patch") writes += 1;
  });
  await eventually("a pod tells how far it is", async () => {
    const words = await Promise.all(["first", "second"].map((name) => waitingOf(name)));
    return words.some((one) => /^Pulling \d+ % \([\d.]+ of 1\.9 MiB\)$/.test(one?.message ?? ""));
  });
  await Promise.all([untilReady(rig.api, "first"), untilReady(rig.api, "second")]);
  // Each tells that it waits and that it runs; the one that pulls twice how far it is.
  expect(writes).toBeLessThanOrEqual(8);
  expect(asked()).toHaveLength(1);
});

test("a slow pull holds up nobody whose image is there", async () => {
  await bindPod(rig.api, "slow", { image: slow, node });
  await eventually("the pull goes on", () => asked().length === 1);
  await bindPod(rig.api, "web", { image: testImages.web, node });
  await untilReady(rig.api, "web");
  expect(await waitingOf("slow")).toMatchObject({ reason: podReason.creating });
});

test.each([
  ["unknown to its registry", "reg.test/absent:1", podReason.imageUnknown],
  ["denied", "reg.deny/web:1", podReason.imageUnknown],
  ["at a registry that is away", "reg.away/web:1", podReason.pullFailed],
])("an image that is %s is told as such", async (_why, image, reason) => {
  await bindPod(rig.api, "web", { image, node });
  await eventually("it is told", async () => (await waitingOf("web"))?.reason === reason);
});

test("a full disk is told in the engine's words, and passes", async () => {
  const message = "write /var/lib/docker/tmp/GetImageBlob1: no space left on device";
  simulated.fail({ operation: "pull", image: /web:7/, how: "error", message });
  await bindPod(rig.api, "web", { image: "reg.test/web:7", node });
  const waiting = await eventually("it is told", async () => {
    const now = await waitingOf("web");
    return now?.reason === podReason.pullFailed ? now : undefined;
  });
  expect(waiting.message).toContain("no space left on device");
});

test.each([
  ["a tag", (reference: string) => reference],
  ["a digest", (_reference: string, digest: string) => digest],
])("an image that the host holds by %s needs no registry", async (_what, choose) => {
  const reference = "reg.test/held:1";
  for await (const _step of rig.engine.images.pull(reference));
  const held = await rig.engine.images.inspect(reference);
  const from = simulated.requests.length;
  const image = choose(reference, held?.digests[0] ?? "");
  // A digest is the same bytes for ever, whatever the policy says.
  const imagePullPolicy = image.includes("@") ? "Always" : "IfNotPresent";
  for (const name of ["a", "b", "c"])
    await bindPod(rig.api, name, { image, node, container: { imagePullPolicy } });
  await Promise.all(["a", "b", "c"].map((name) => untilReady(rig.api, name)));
  expect(asked(from)).toEqual([]);
});

test("a tag that has to be pulled always waits for its registry", async () => {
  const container = { imagePullPolicy: "Always" };
  await bindPod(rig.api, "web", { image: "reg.away/web:1", node, container });
  await eventually(
    "it waits",
    async () => (await waitingOf("web"))?.reason === podReason.pullFailed,
  );
});
