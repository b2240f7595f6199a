import {
  ApiException,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  type V1ConfigMap,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";

/** The reference client of our language, as other people's tools use it. */
let env: Env;
const config = new KubeConfig();
const namespace = "default";

beforeAll(async () => {
  env = await startEnv();
  config.loadFromFile(env.kubeconfig);
});
afterAll(() => env.stop());

const configMap = (name: string, labels: Record<string, string> = {}): V1ConfigMap => ({
  metadata: { name, namespace, labels },
  data: { a: "1" },
});

test("typed verbs: create, read, replace, patch, list, delete", async () => {
  const core = config.makeApiClient(CoreV1Api);
  const made = await core.createNamespacedConfigMap({ namespace, body: configMap("typed") });
  expect(made.metadata?.uid).toBeDefined();
  const read = await core.readNamespacedConfigMap({ namespace, name: "typed" });
  read.data = { a: "2" };
  const put = await core.replaceNamespacedConfigMap({ namespace, name: "typed", body: read });
  expect(put.data).toEqual({ a: "2" });
  const stale = core.replaceNamespacedConfigMap({ namespace, name: "typed", body: made });
  const refused: unknown = await stale.catch((err: unknown) => err);
  expect(refused).toBeInstanceOf(ApiException);
  expect(refused).toMatchObject({ code: 409 });
  const list = await core.listNamespacedConfigMap({ namespace, labelSelector: "!none", limit: 1 });
  expect(list.items).toHaveLength(1);
  await core.deleteNamespacedConfigMap({ namespace, name: "typed" });
  const gone: unknown = await core
    .readNamespacedConfigMap({ namespace, name: "typed" })
    .catch((err: unknown) => err);
  expect(gone).toMatchObject({ code: 404 });
});

test("objects of any kind, with the patch types there are", async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const application = {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name: "shop", namespace },
    spec: { replicas: 1, template: { spec: { containers: [{ name: "web", image: "web:1" }] } } },
  };
  await objects.create(application);
  const patch = { ...application, spec: { replicas: 3 } };
  const merged = await objects.patch(
    patch,
    undefined,
    undefined,
    undefined,
    undefined,
    PatchStrategy.MergePatch,
  );
  expect(merged).toMatchObject({ spec: { replicas: 3 } });
  const custom = config.makeApiClient(CustomObjectsApi);
  const coordinates = { group: "lighthouse.dev", version: "v1", namespace, plural: "applications" };
  const scale = await custom.getNamespacedCustomObjectScale({ ...coordinates, name: "shop" });
  expect(scale).toMatchObject({ kind: "Scale", spec: { replicas: 3 } });
  const list = await custom.listNamespacedCustomObject(coordinates);
  expect(list).toMatchObject({ kind: "ApplicationList", items: [{ metadata: { name: "shop" } }] });
});

test("a watch delivers events until it is aborted", async () => {
  const core = config.makeApiClient(CoreV1Api);
  const { metadata } = await core.listNamespacedConfigMap({ namespace });
  const seen: string[] = [];
  const watch = new Watch(config);
  const ended = new Promise<unknown>((resolve) => {
    void watch
      .watch(
        `/api/v1/namespaces/${namespace}/configmaps`,
        { resourceVersion: metadata?.resourceVersion },
        (phase: string, object: V1ConfigMap) => seen.push(`${phase} ${object.metadata?.name}`),
        resolve,
      )
      .then(async (controller) => {
        await core.createNamespacedConfigMap({ namespace, body: configMap("watched") });
        await core.deleteNamespacedConfigMap({ namespace, name: "watched" });
        await eventually("both events came", () => seen.length === 2);
        controller.abort();
      }); // its failures end the test by time
  });
  await ended;
  expect(seen).toEqual(["ADDED watched", "DELETED watched"]);
});

test("an informer mirrors a selection", async () => {
  const core = config.makeApiClient(CoreV1Api);
  const labelSelector = "mirror=yes";
  const informer = makeInformer(
    config,
    `/api/v1/namespaces/${namespace}/configmaps`,
    () => core.listNamespacedConfigMap({ namespace, labelSelector }),
    labelSelector,
  );
  const log: string[] = [];
  for (const verb of ["add", "update", "delete"] as const) {
    informer.on(verb, (object) => log.push(`${verb} ${object.metadata?.name}`));
  }
  await core.createNamespacedConfigMap({ namespace, body: configMap("before", { mirror: "yes" }) });
  await informer.start();
  await core.createNamespacedConfigMap({ namespace, body: configMap("after", { mirror: "yes" }) });
  await core.createNamespacedConfigMap({ namespace, body: configMap("other") });
  const body = [{ op: "remove", path: "/metadata/labels/mirror" }];
  await eventually("the informer has both", () => log.length === 2);
  await core.patchNamespacedConfigMap({ namespace, name: "before", body });
  await eventually("what leaves the selection is gone", () => log.length === 3);
  expect(log).toEqual(["add before", "add after", "delete before"]);
  await informer.stop();
});
