import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import type { KubeObject, OwnerReference } from "../../api/machinery/object.ts";
import { configMaps, events, namespaces } from "../../api/machinery/resources.ts";
import { runManager } from "../runtime/manager.ts";
import { createRecorder } from "../runtime/recorder.ts";
import { buildCollector } from "./controller.ts";

async function setup() {
  const [api, clock] = [memoryApi({ kinds: [namespaces, configMaps] }), manualClock()];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const recorder = createRecorder({ client: api, clock, log, component: "gc", instance: "" });
  const controller = new AbortController();
  const options = { client: api, clock, log, recorder };
  const running = runManager([buildCollector], options, controller.signal);
  onTestFinished(async () => {
    controller.abort();
    await running;
  });
  await settle();
  const owner = await api.create(configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "other", name: "owner" },
  });
  const { uid } = owner.metadata;
  const reference: OwnerReference = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid };
  const told = (): readonly string[] =>
    api.all(events).map(({ reason = "", message = "" }) => `${reason}: ${message}`);
  const rest = async (): Promise<void> => {
    for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
  };
  return { api, reference, told, rest };
}

const words = (of: KubeObject["metadata"]["namespace"], uid: string): string =>
  `OwnerRefInvalidNamespace: ownerRef [v1/ConfigMap, namespace: ${of ?? ""}, name: owner, uid: ${uid}] does not exist in namespace "${of ?? ""}"`;

test("an owner in another namespace is none: its dependent goes, and an Event says why", async () => {
  const { api, reference, told, rest } = await setup();
  const metadata = { namespace: "shop", name: "dependent", ownerReferences: [reference] };
  await api.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata });
  await rest();
  expect(api.all(configMaps).map(({ metadata: { name } }) => name)).toEqual(["owner"]);
  expect(told()).toEqual([words("shop", reference.uid)]);
});

test("a cluster-scoped object with a namespaced owner is kept, and told of once", async () => {
  const { api, reference, told, rest } = await setup();
  const metadata = { name: "dependent", ownerReferences: [reference] };
  await api.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata });
  await rest();
  await api.patch(namespaces, metadata, {
    type: "merge",
    body: { metadata: { labels: { a: "b" } } },
  });
  await rest();
  expect(api.all(namespaces)).toHaveLength(1);
  expect(told()).toEqual([words(undefined, reference.uid)]);
});
