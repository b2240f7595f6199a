import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { configMaps, namespaces, secrets } from "../../api/machinery/resources.ts";
import { runManager } from "../runtime/manager.ts";
import { createRecorder } from "../runtime/recorder.ts";
import { buildNamespaceController } from "./controller.ts";

async function setup() {
  const [api, clock] = [memoryApi({ kinds: [namespaces, configMaps, secrets] }), manualClock()];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const recorder = createRecorder({ client: api, clock, log, component: "ns", instance: "" });
  for (const name of ["shop", "other"]) {
    await api.create(namespaces, {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, finalizers: ["kubernetes"] }, // see finalize() of the memory API
      spec: { finalizers: ["kubernetes"] },
    });
    for (const [type, kind] of [
      [configMaps, "ConfigMap"],
      [secrets, "Secret"],
    ] as const) {
      const metadata = { namespace: name, name: "one" };
      await api.create(type, { apiVersion: "v1", kind, metadata });
    }
  }
  const controller = new AbortController();
  const options = { client: api, clock, log, recorder };
  const running = runManager([buildNamespaceController], options, controller.signal);
  onTestFinished(async () => {
    controller.abort();
    await running;
  });
  await settle();
  const left = (): string =>
    [...api.all(namespaces), ...api.all(configMaps), ...api.all(secrets)]
      .map(({ kind, metadata }) => `${kind}/${metadata.namespace ?? metadata.name}`)
      .join(" ");
  return { api, clock, left };
}

test("namespace controller empties a deleted namespace and lets it go", async () => {
  const { api, clock, left } = await setup();
  await api.delete(namespaces, { name: "shop" });
  for (let second = 0; second < 5; second += 1) await clock.advance(1_000);
  expect(left()).toBe("Namespace/other ConfigMap/other Secret/other");
});

test("namespace controller says what holds a namespace, and waits for it", async () => {
  const { api, clock, left } = await setup();
  const key = { namespace: "shop", name: "one" };
  const hold = (finalizers: readonly string[] | null) =>
    api.patch(configMaps, key, { type: "merge", body: { metadata: { finalizers } } });
  await hold(["example.com/backup"]);
  await api.delete(namespaces, { name: "shop" });
  for (let second = 0; second < 5; second += 1) await clock.advance(1_000);
  expect(left()).toContain("Namespace/shop");
  const status = api.all(namespaces).find(({ metadata }) => metadata.name === "shop")?.status;
  const conditions = status?.conditions?.map(({ type, message }) => `${type}: ${message}`);
  expect(conditions?.slice(3)).toEqual([
    "NamespaceContentRemaining: Some resources are remaining: configmaps has 1 resource instances",
    "NamespaceFinalizersRemaining: Some content in the namespace has finalizers remaining: example.com/backup in 1 resource instances",
  ]);
  await hold(null);
  for (let second = 0; second < 5; second += 1) await clock.advance(1_000);
  expect(left()).toBe("Namespace/other ConfigMap/other Secret/other");
});
