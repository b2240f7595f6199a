import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { events, leases, nodes } from "../../api/machinery/resources.ts";
import { runManager } from "../runtime/manager.ts";
import { createRecorder } from "../runtime/recorder.ts";
import { buildNodeController } from "./controller.ts";

const key = { namespace: "kube-node-lease", name: "a" };
const ready = { conditions: [{ type: "Ready", status: "True" }] };

async function setup() {
  const [api, clock] = [memoryApi(), manualClock()];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const recorder = createRecorder({ client: api, clock, log, component: "node", instance: "" });
  await api.create(nodes, {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "a" },
    status: ready,
  });
  await api.create(leases, { apiVersion: "v1", kind: "Lease", metadata: key, spec: {} });
  const controller = new AbortController();
  const options = { client: api, clock, log, recorder };
  const running = runManager([buildNodeController], options, controller.signal);
  onTestFinished(async () => {
    controller.abort();
    await running;
  });
  await settle();
  const renew = () =>
    api.patch(leases, key, { type: "merge", body: { spec: { at: clock.nowMs() } } });
  const state = () => {
    const [node] = api.all(nodes);
    const taints = (node?.spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
    return [node?.status?.conditions?.[0]?.status, ...taints];
  };
  return { api, clock, renew, state };
}

const unreachable = [
  "Unknown",
  "node.kubernetes.io/unreachable:NoSchedule",
  "node.kubernetes.io/unreachable:NoExecute",
];

test("node controller turns a Node Unknown after 40 s of silence, and back with its agent", async () => {
  const { api, clock, renew, state } = await setup();
  await clock.advance(30_000);
  await renew();
  await clock.advance(39_999);
  expect(state()).toEqual(["True"]);
  await clock.advance(1);
  expect(state()).toEqual(unreachable);
  expect(api.all(events)).toMatchObject([{ reason: "NodeNotReady", count: 1 }]);
  await renew();
  await api.patch(
    nodes,
    { name: "a" },
    { type: "merge", body: { status: ready } },
    { subresource: "status" },
  );
  await settle();
  expect(state()).toEqual(["True"]);
});

test("node controller asks the server before it believes in a death", async () => {
  const { api, clock, renew, state } = await setup();
  api.before(async ({ verb, type }) => {
    // The cache is behind: the renewal reaches the server between our decision and our question.
    if (verb === "get" && type.plural === "leases") {
      api.before(() => undefined);
      await renew();
    }
  });
  await clock.advance(79_000);
  expect(state()).toEqual(["True"]);
  await clock.advance(1_500);
  expect(state()).toEqual(unreachable);
});

test("node controller takes the agent's word for a sign of life, and does not fight with it", async () => {
  const { api, clock, state } = await setup();
  await clock.advance(40_000);
  expect(state()).toEqual(unreachable);
  let writes = 0;
  api.before(
    ({ verb, type }) => void (verb === "patch" && type.plural === "nodes" && (writes += 1)),
  );
  const word = { conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: "later" }] };
  const patch = { type: "merge", body: { status: word } } as const;
  await api.patch(nodes, { name: "a" }, patch, { subresource: "status" });
  await settle();
  expect(state()).toEqual(["True"]);
  await clock.advance(39_999);
  expect(state()).toEqual(["True"]);
  expect(writes).toBe(2); // the agent's, and ours of the taint
});
