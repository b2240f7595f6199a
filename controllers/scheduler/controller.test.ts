import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import type { Client } from "../../api/client/client.ts";
import { timedOut, unavailable } from "../../api/machinery/errors.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import { applications, events, nodes, pods, type Resource } from "../../api/machinery/resources.ts";
import { runManager } from "../runtime/manager.ts";
import { createRecorder } from "../runtime/recorder.ts";
import { buildScheduler } from "./controller.ts";

const node = (name: string, memory: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  status: {
    allocatable: { cpu: "4", memory, pods: "200" },
    conditions: [{ type: "Ready", status: "True" }],
  },
});
const pod = (name: string, memory = "10Mi", spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "shop", name },
  spec: { containers: [{ name: "c", resources: { requests: { memory } } }], ...spec },
});

function setup() {
  const [api, clock] = [memoryApi(), manualClock()];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const recorder = createRecorder({
    client: api,
    clock,
    log,
    component: "scheduler",
    instance: "",
  });
  const controller = new AbortController();
  let isLost = (): boolean => false;
  const create: Client["create"] = async (type, object, options) => {
    const created = await api.create(type, object, options);
    if (options?.subresource === "binding" && isLost()) throw timedOut("lost");
    return created;
  };
  let more: () => readonly object[] = () => [];
  let lists = 0;
  const list: Client["list"] = async (type, options, signal) => {
    const found = await api.list(type, options, signal);
    if (type.plural === "pods") lists += 1;
    // The first is that of the cache, which is behind.
    const hidden = type.plural === "pods" && lists > 1 ? more() : [];
    return { ...found, items: [...found.items, ...(hidden as typeof found.items)] };
  };
  const options = { client: { ...api, create, list }, clock, log, recorder };
  const running = runManager([buildScheduler], options, controller.signal);
  onTestFinished(async () => {
    controller.abort();
    await running;
  });
  const places = (): Record<string, string> =>
    Object.fromEntries(
      api.all(pods).map(({ metadata, spec }) => [metadata.name, spec.nodeName ?? ""]),
    );
  const loseAnswers = (when: typeof isLost): void => {
    isLost = when;
  };
  const alsoList = (objects: typeof more): void => {
    more = objects;
  };
  return { api, clock, places, loseAnswers, alsoList };
}

const conditionOf = (it: ReturnType<typeof setup>, index = 0) =>
  it.api.all(pods)[index]?.status?.conditions?.[0];

test("scheduler binds a pod and tells so", async () => {
  const it = setup();
  await it.api.create(nodes, node("a", "1Gi"));
  await it.api.create(pods, pod("web"));
  await settle();
  expect(it.places()).toEqual({ web: "a" });
  expect(it.api.all(events)).toMatchObject([
    { type: "Normal", reason: "Scheduled", message: "Successfully assigned shop/web to a" },
  ]);
});

test("scheduler says once why a pod has no Node, and finds one when the world changes", async () => {
  const it = setup();
  await it.api.create(nodes, node("a", "1Mi"));
  await it.api.create(pods, pod("web"));
  await settle();
  const message = "0/1 nodes are available: 1 Insufficient memory.";
  expect(conditionOf(it)).toEqual({
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
    lastTransitionTime: "2026-01-01T00:00:00Z",
  });
  await it.api.patch(
    nodes,
    { name: "a" },
    { type: "merge", body: { metadata: { labels: { a: "b" } } } },
  );
  await settle();
  expect(it.api.all(events)).toMatchObject([{ reason: "FailedScheduling", message, count: 1 }]);
  await it.api.create(nodes, node("b", "1Gi"));
  await settle();
  expect(it.places()).toEqual({ web: "b" });
});

test("scheduler leaves alone what is deleted, gated or another scheduler's", async () => {
  const it = setup();
  await it.api.create(nodes, node("a", "1Gi"));
  await it.api.create(pods, pod("gated", "1Mi", { schedulingGates: [{ name: "wait" }] }));
  await it.api.create(pods, pod("other", "1Mi", { schedulerName: "mine" }));
  await settle();
  expect(it.places()).toEqual({ gated: "", other: "" });
});

test("scheduler never overfills Nodes under 100 creates at once", async () => {
  const it = setup();
  for (const name of ["a", "b", "c"]) await it.api.create(nodes, node(name, "300Mi"));
  // Every second binding is slow, every fifth never arrives, and the answer to every seventh is lost.
  let calls = 0;
  it.api.before(async ({ subresource }) => {
    if (subresource !== "binding") return;
    calls += 1;
    if (calls % 2 === 0) await settle();
    if (calls % 5 === 0) throw unavailable("lost");
  });
  it.loseAnswers(() => calls % 7 === 0);
  await Promise.all(
    Array.from({ length: 100 }, (_, index) => it.api.create(pods, pod(`p${index}`))),
  );
  for (let second = 0; second < 60; second += 1) await it.clock.advance(1_000);
  const byNode = Object.groupBy(Object.values(it.places()), (name) => name);
  expect([byNode["a"]?.length, byNode["b"]?.length, byNode["c"]?.length]).toEqual([30, 30, 30]);
  expect(byNode[""]).toHaveLength(10);
});

test("scheduler keeps the room of a binding whose answer was lost, until it knows", async () => {
  const it = setup();
  await it.api.create(nodes, node("a", "15Mi"));
  let away = true;
  it.api.before(({ subresource }) => {
    if (subresource === "binding" && away) throw unavailable("away");
  });
  await it.api.create(pods, pod("first"));
  await settle();
  await it.api.create(pods, pod("second"));
  await settle();
  expect(it.places()).toEqual({ first: "", second: "" });
  away = false;
  await it.clock.advance(60_000);
  expect(it.places()).toEqual({ first: "a", second: "" });
});

test("scheduler accepts that somebody else was faster", async () => {
  const it = setup();
  await it.api.create(nodes, node("a", "1Gi"));
  await it.api.create(nodes, node("b", "1Gi"));
  const key = { namespace: "shop", name: "web" };
  it.api.before(async ({ subresource }) => {
    if (subresource !== "binding") return;
    it.api.before(() => undefined);
    await it.api.patch(pods, key, { type: "merge", body: { spec: { nodeName: "b" } } });
  });
  await it.api.create(pods, pod("web"));
  await settle();
  expect(it.places()).toEqual({ web: "b" });
  expect(it.api.all(events)).toEqual([]);
});

test("scheduler does not mind a pod that is deleted under its hands", async () => {
  const it = setup();
  await it.api.create(nodes, node("a", "15Mi"));
  it.api.before(async ({ subresource }) => {
    if (subresource !== "binding") return;
    it.api.before(() => undefined);
    await it.api.delete(pods, { namespace: "shop", name: "first" });
  });
  await it.api.create(pods, pod("first"));
  await settle();
  await it.api.create(pods, pod("second"));
  await settle();
  expect(it.places()).toEqual({ second: "a" });
});

test("scheduler reads how to spread from the Application", async () => {
  const it = setup();
  await it.api.create(nodes, node("a", "1Gi"));
  const placement = { spreadBy: ["kubernetes.io/hostname"], maxPerNode: 1 };
  const application = {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { namespace: "shop", name: "web" },
    spec: { placement },
  };
  await it.api.create(applications as unknown as Resource<KubeObject>, application);
  for (const slot of ["0", "1"]) {
    const { metadata, ...rest } = pod(`web-${slot}`);
    const labels = { "lighthouse.dev/application": "web", "lighthouse.dev/slot": slot };
    await it.api.create(pods, { ...rest, metadata: { ...metadata, labels } });
  }
  await settle();
  expect(it.places()).toEqual({ "web-0": "a", "web-1": "" });
  expect(conditionOf(it, 1)?.message).toContain("maxPerNode");
});

test("scheduler counts pods in full that StartFirst has run side by side, and others once", async () => {
  const it = setup();
  await it.api.create(nodes, node("a", "100Mi"));
  await it.api.create(nodes, node("b", "100Mi"));
  const asks = [
    ["swap", "StopFirst"],
    ["beside", "StartFirst"],
  ] as const;
  for (const [name, order] of asks) {
    const application = {
      apiVersion: "lighthouse.dev/v1",
      kind: "Application",
      metadata: { namespace: "shop", name },
      spec: { placement: {}, strategy: { order }, template: { spec: { containers: [] } } },
    };
    await it.api.create(applications as unknown as Resource<KubeObject>, application);
    for (const version of ["1", "2"]) {
      const { metadata, ...rest } = pod(`${name}-${version}`, "60Mi");
      const labels = { "lighthouse.dev/application": name, "lighthouse.dev/slot": "0" };
      const annotations = { "lighthouse.dev/desired-state": "Prepared" };
      await it.api.create(pods, { ...rest, metadata: { ...metadata, labels, annotations } });
      await settle();
    }
  }
  const { "swap-1": swap, "beside-1": first, ...rest } = it.places();
  expect(new Set([swap, first])).toEqual(new Set(["a", "b"]));
  expect(rest).toEqual({ "swap-2": swap, "beside-2": "" });
});

test("scheduler waits at the beginning of a term until it sees what the last leader bound", async () => {
  const it = setup();
  const late = { ...pod("late", "60Mi"), spec: { ...pod("late", "60Mi").spec, nodeName: "a" } };
  let hidden = true;
  it.alsoList(() => (hidden ? [late] : []));
  await it.api.create(nodes, node("a", "100Mi"));
  await it.api.create(pods, pod("web", "60Mi"));
  await settle();
  expect(it.places()).toEqual({ web: "" });
  await it.api.create(pods, late);
  hidden = false;
  await it.clock.advance(1_000);
  expect(it.places()).toEqual({ late: "a", web: "" });
  expect(conditionOf(it, 1)?.message).toBe("0/1 nodes are available: 1 Insufficient memory.");
});
