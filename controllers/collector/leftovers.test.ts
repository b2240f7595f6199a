import { expect, onTestFinished, test } from "vitest";
import { type ManualClock, manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi, type MemoryApi } from "../../test/kit/memory-api.ts";
import { type Event, events, namespaces, nodes, pods } from "../../api/machinery/resources.ts";
import { runManager } from "../runtime/manager.ts";
import type { BuildController } from "../runtime/reconciler.ts";
import { createRecorder } from "../runtime/recorder.ts";
import { buildEventExpiry, lastSeenMs } from "./event-expiry.ts";
import { buildStrandedPods } from "./stranded-pods.ts";

async function run(
  build: BuildController,
  prepare: (api: MemoryApi) => Promise<unknown>,
): Promise<{ readonly api: MemoryApi; readonly clock: ManualClock }> {
  const [api, clock] = [memoryApi({ gracefulPods: true }), manualClock()];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const recorder = createRecorder({ client: api, clock, log, component: "gc", instance: "" });
  await prepare(api);
  const controller = new AbortController();
  const running = runManager([build], { client: api, clock, log, recorder }, controller.signal);
  onTestFinished(async () => {
    controller.abort();
    await running;
  });
  await settle();
  return { api, clock };
}

const event = (name: string, times: object): Event => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { namespace: "shop", name, uid: "", resourceVersion: "", creationTimestamp: "" },
  involvedObject: {},
  ...times,
});

test("event expiry deletes an Event an hour after it happened last", async () => {
  const { api, clock } = await run(buildEventExpiry, async (api) => {
    await api.create(namespaces, {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "shop" },
    });
    const { metadata: _, ...old } = event("", { lastTimestamp: "2026-01-01T00:00:00Z" });
    await api.create(events, { ...old, metadata: { namespace: "shop", name: "old" } });
    const { metadata: __, ...late } = event("", { lastTimestamp: "2026-01-01T00:30:00Z" });
    await api.create(events, { ...late, metadata: { namespace: "shop", name: "late" } });
  });
  for (let minutes = 0; minutes < 61; minutes += 1) await clock.advance(60_000);
  expect(api.all(events)).toHaveLength(2);
  for (let minutes = 0; minutes < 5; minutes += 1) await clock.advance(60_000);
  expect(api.all(events).map(({ metadata }) => metadata.name)).toEqual(["late"]);
});

test.each([
  ["its series", { series: { lastObservedTime: "2026-01-01T00:00:02.000000Z" } }, 2_000],
  ["its last time", { lastTimestamp: "2026-01-01T00:00:01Z" }, 1_000],
  ["its one time", { eventTime: "2026-01-01T00:00:03.000000Z", lastTimestamp: null }, 3_000],
  ["nothing", {}, -Date.UTC(2026, 0, 1)],
])("lastSeenMs() reads %s", (_what, times, want) => {
  expect(lastSeenMs(event("e", times)) - Date.UTC(2026, 0, 1)).toBe(want);
});

const bound = { apiVersion: "v1", kind: "Pod", metadata: { namespace: "shop", name: "web" } };

test("stranded pods go 40 s after their Node, others stay", async () => {
  const { api, clock } = await run(buildStrandedPods, async (api) => {
    for (const name of ["a", "b"]) {
      await api.create(nodes, { apiVersion: "v1", kind: "Node", metadata: { name } });
      const metadata = { namespace: "shop", name: `on-${name}` };
      await api.create(pods, { ...bound, metadata, spec: { containers: [], nodeName: name } });
    }
    await api.create(pods, { ...bound, spec: { containers: [] } });
  });
  const left = (): string =>
    api
      .all(pods)
      .map(({ metadata }) => metadata.name)
      .join();
  await api.delete(nodes, { name: "a" });
  await clock.advance(39_000);
  expect(left()).toBe("on-a,on-b,web");
  await clock.advance(1_000);
  expect(left()).toBe("on-b,web");
});

test("stranded pods stay when their Node comes back in time", async () => {
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: "a" } };
  const { api, clock } = await run(buildStrandedPods, async (api) => {
    await api.create(pods, { ...bound, spec: { containers: [], nodeName: "a" } });
  });
  await clock.advance(39_000);
  await api.create(nodes, node);
  await clock.advance(10_000);
  await api.delete(nodes, { name: "a" });
  await clock.advance(39_000);
  expect(api.all(pods)).toHaveLength(1);
});
