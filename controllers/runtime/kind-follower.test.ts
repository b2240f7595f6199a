import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { unavailable } from "../../api/machinery/errors.ts";
import { resourceText, type ResourceType } from "../../api/machinery/gvk.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import { configMaps, type Resource, secrets } from "../../api/machinery/resources.ts";
import { createKindFollower } from "./kind-follower.ts";
import { fromKindKey, toKindKey } from "./kind-key.ts";
import { runManager } from "./manager.ts";
import type { BuildController } from "./reconciler.ts";
import { createRecorder } from "./recorder.ts";
import { source } from "./sources.ts";

const definitions: Resource<KubeObject> = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};
const installed = (name: string) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name },
});
const object = (kind: string, name: string) => ({
  apiVersion: "v1",
  kind,
  metadata: { namespace: "shop", name },
});

function setup() {
  const kinds: ResourceType[] = [configMaps];
  const [api, clock] = [memoryApi({ kinds }), manualClock()];
  const warned: string[] = [];
  const warn = (_fields: object, message: string): void => void warned.push(message);
  const log = { debug() {}, info() {}, warn, error: warn };
  const seen: string[] = [];
  const follower = createKindFollower({
    client: api,
    clock,
    log,
    wants: () => true,
    sourceOf: (type) =>
      source(type as Resource<KubeObject>, ({ metadata }) => [toKindKey(type, metadata)]),
  });
  const build: BuildController = () => ({
    name: "follower",
    owns: [],
    sources: [],
    findSources: follower.findSources,
    reconciler: {
      async reconcile(key) {
        const { resource, key: own } = fromKindKey(key);
        seen.push(`${resource} ${own.namespace ?? ""}/${own.name}`);
        return {};
      },
    },
  });
  const recorder = createRecorder({ client: api, clock, log, component: "tests", instance: "" });
  const controller = new AbortController();
  const running = runManager([build], { client: api, clock, log, recorder }, controller.signal);
  onTestFinished(async () => {
    controller.abort();
    await running;
  });
  const followed = (): string =>
    follower
      .kinds()
      .map(({ type }) => resourceText(type))
      .join();
  return { api, clock, kinds, warned, seen, follower, followed };
}

test("follower hears of kinds that are installed later, and lets go of those that are removed", async () => {
  const it = setup();
  await it.api.create(configMaps, object("ConfigMap", "a"));
  await it.api.create(secrets, object("Secret", "s"));
  await settle();
  await settle();
  expect([it.followed(), it.follower.isComplete()]).toEqual(["configmaps", true]);
  expect(it.seen).toEqual(["configmaps shop/a"]);
  it.kinds.push(secrets);
  await it.api.create(definitions, installed("secrets"));
  await settle();
  await settle();
  expect(it.followed()).toBe("configmaps,secrets");
  expect(it.seen).toEqual(["configmaps shop/a", "secrets shop/s"]);
  it.kinds.pop();
  await it.api.delete(definitions, { name: "secrets" });
  await settle();
  await it.api.create(secrets, object("Secret", "later"));
  await settle();
  expect(it.followed()).toBe("configmaps");
  expect(it.seen).toHaveLength(2);
  expect(it.warned).toEqual([]);
});

test("follower is not complete while a kind cannot be read", async () => {
  const it = setup();
  it.api.before(({ verb, type }) => {
    if (verb === "list" && type.kind === "ConfigMap") throw unavailable("away");
  });
  await settle();
  await settle();
  expect([it.followed(), it.follower.isComplete()]).toEqual(["configmaps", false]);
  it.api.before(() => undefined);
  await it.clock.advance(1_000);
  expect(it.follower.isComplete()).toBe(true);
});
