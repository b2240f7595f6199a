import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { forbidden, unavailable } from "../../api/machinery/errors.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import { events } from "../../api/machinery/resources.ts";
import { createRecorder } from "./recorder.ts";

const about = (name: string, namespace?: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid: `uid-of-${name}`,
    resourceVersion: "5",
    creationTimestamp: "",
  },
});
const scheduled = { type: "Normal", reason: "Scheduled", message: "assigned" } as const;

function setup() {
  const [api, clock] = [memoryApi(), manualClock()];
  const warned: object[] = [];
  const log = {
    debug() {},
    info() {},
    warn: (fields: object) => void warned.push(fields),
    error() {},
  };
  const recorder = createRecorder({ client: api, clock, log, component: "tests", instance: "one" });
  const controller = new AbortController();
  const start = (): void => {
    const running = recorder.run(controller.signal);
    onTestFinished(async () => {
      controller.abort();
      await running;
    });
  };
  return { api, clock, recorder, warned, start };
}

test("recorder counts repeats, before and after they were written", async () => {
  const { api, clock, recorder, start } = setup();
  recorder.event(about("web", "shop"), scheduled);
  recorder.event(about("web", "shop"), scheduled);
  start();
  await settle();
  expect(api.all(events)).toMatchObject([{ count: 2, metadata: { namespace: "shop" } }]);
  await clock.advance(60_000);
  recorder.event(about("web", "shop"), scheduled);
  await settle();
  expect(api.all(events)).toMatchObject([
    {
      count: 3,
      firstTimestamp: "2026-01-01T00:00:00Z",
      lastTimestamp: "2026-01-01T00:01:00Z",
      involvedObject: { kind: "Pod", name: "web", namespace: "shop", uid: "uid-of-web" },
      source: { component: "tests" },
      reportingComponent: "tests",
    },
  ]);
});

test("recorder files events of cluster-scoped objects under default", async () => {
  const { api, recorder, start } = setup();
  start();
  recorder.event(about("node-1"), scheduled);
  await settle();
  expect(api.all(events)[0]?.metadata.namespace).toBe("default");
});

test("recorder writes an event anew when the old one is gone", async () => {
  const { api, clock, recorder, start } = setup();
  start();
  recorder.event(about("web", "shop"), scheduled);
  await settle();
  const [first] = api.all(events);
  await api.delete(events, { namespace: "shop", name: first?.metadata.name ?? "" });
  await clock.advance(1_000);
  recorder.event(about("web", "shop"), scheduled);
  await settle();
  expect(api.all(events)).toMatchObject([{ count: 1 }]);
});

test("recorder keeps events while the server is away, and gives up on refusals", async () => {
  const { api, clock, recorder, warned, start } = setup();
  let answer = (): void => {
    throw unavailable("away");
  };
  api.before(() => answer());
  start();
  recorder.event(about("web", "shop"), scheduled);
  await settle();
  recorder.event(about("web", "shop"), scheduled);
  answer = () => undefined;
  await clock.next();
  expect(api.all(events)).toMatchObject([{ count: 2 }]);
  answer = () => {
    throw forbidden(events, "x", "no");
  };
  recorder.event(about("other", "shop"), scheduled);
  await settle();
  expect(warned).toHaveLength(1);
  expect(api.all(events)).toHaveLength(1);
});

test("recorder never blocks and never grows without bound", async () => {
  const { api, recorder, warned, start } = setup();
  for (let index = 0; index < 1_500; index += 1)
    recorder.event(about(`p${index}`, "shop"), scheduled);
  start();
  for (let turn = 0; turn < 1_000; turn += 1) await settle();
  expect(api.all(events)).toHaveLength(1_000);
  expect(warned).toEqual([{ dropped: 500 }]);
});
