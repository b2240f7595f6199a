import { afterAll, beforeAll, expect, test } from "vitest";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import { isConflict } from "../../../api/machinery/errors.ts";
import type { KubeObject } from "../../../api/machinery/object.ts";
import {
  configMaps,
  events,
  leases,
  namespaces,
  nodes,
  type Pod,
  pods,
  type Resource,
} from "../../../api/machinery/resources.ts";
import { runControllers } from "../../../controllers/main.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";

let env: Env;
let client: OwnedClient;
const stop = new AbortController();
const problems: unknown[] = [];
let controllersClient: OwnedClient;
let running: Promise<void>;

beforeAll(async () => {
  env = await startEnv();
  client = createClient(env.admin);
  controllersClient = createClient({ ...env.controllers, userAgent: "controllers" });
  const problem = (fields: object, message: string): void =>
    void problems.push({ message, ...fields });
  const log = { debug() {}, info() {}, warn: problem, error: problem };
  running = runControllers(
    { client: controllersClient, clock: systemClock, log, election: true },
    stop.signal,
  );
  await client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "shop" },
  });
  for (const name of ["a", "b"]) await joinNode(name);
});

afterAll(async () => {
  stop.abort();
  await running;
  await controllersClient[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
  await env.stop();
});

async function joinNode(name: string): Promise<void> {
  await client.create(nodes, { apiVersion: "v1", kind: "Node", metadata: { name } });
  const condition = { type: "Ready", status: "True", reason: "AgentReady", message: "" };
  const allocatable = { cpu: "4", memory: "1Gi", pods: "200" };
  const body = { status: { allocatable, conditions: [condition] } };
  await client.patch(nodes, { name }, { type: "merge", body }, { subresource: "status" });
}

const pod = (name: string, over: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "shop", name },
  spec: {
    containers: [
      { name: "c", image: "busybox", resources: { requests: { memory: "100Mi" } }, ...over },
    ],
  },
});

const scheduled = ({ status }: Pod) =>
  status?.conditions?.find(({ type }) => type === "PodScheduled");
const isRefused = (one: Pod): boolean => scheduled(one)?.reason === "Unschedulable";

test("controllers bind 100 pods that come at once, and overfill nothing", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `p${index}`);
  await Promise.all(names.map((name) => client.create(pods, pod(name))));
  const settled = await eventually("every pod is decided on", async () => {
    const { items } = await client.list(pods, { namespace: "shop" });
    const decided = items.filter((one) => one.spec.nodeName !== undefined || isRefused(one));
    return decided.length === 100 && items;
  });
  const byNode = Object.groupBy(settled, ({ spec }) => spec.nodeName ?? "none");
  expect([byNode["a"]?.length, byNode["b"]?.length, byNode["none"]?.length]).toEqual([10, 10, 80]);
  expect(byNode["a"]?.map((one) => scheduled(one)?.status)).toEqual(Array(10).fill("True"));
  const why = "0/2 nodes are available: 2 Insufficient memory.";
  expect(byNode["none"]?.map((one) => scheduled(one)?.message)).toEqual(Array(80).fill(why));
  // A pod may be refused before the first Node is seen, and be bound a moment later.
  const refused = new Set(byNode["none"]?.map(({ metadata }) => metadata.name));
  await eventually("the refusals are told in Events", async () => {
    const { items } = await client.list(events, { namespace: "shop" });
    const told = items.filter(({ reason }) => reason === "FailedScheduling");
    const names = new Set(told.map(({ involvedObject }) => involvedObject.name));
    return refused.size === 80 && [...refused].every((name) => names.has(name));
  });
});

test("controllers collect what an owner leaves behind, custom kinds included", async () => {
  const gadgets: Resource<KubeObject> = {
    group: "tests.dev",
    version: "v1",
    kind: "Gadget",
    plural: "gadgets",
    namespaced: true,
  };
  await client.create(
    {
      group: "apiextensions.k8s.io",
      version: "v1",
      kind: "CustomResourceDefinition",
      plural: "customresourcedefinitions",
      namespaced: false,
    },
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "gadgets.tests.dev" },
      spec: {
        group: "tests.dev",
        scope: "Namespaced",
        names: { kind: "Gadget", plural: "gadgets" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: "object" } },
          },
        ],
      },
    } as never,
  );
  const meta = (name: string, owner?: KubeObject) => ({
    namespace: "shop",
    name,
    ...(owner && {
      ownerReferences: [
        {
          apiVersion: owner.apiVersion,
          kind: owner.kind,
          name: owner.metadata.name,
          uid: owner.metadata.uid,
          blockOwnerDeletion: true,
        },
      ],
    }),
  });
  const config = (name: string, owner?: KubeObject) =>
    client.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: meta(name, owner) });
  const gadget = await eventually("the new kind is served", () =>
    client.create(gadgets, { apiVersion: "tests.dev/v1", kind: "Gadget", metadata: meta("g") }),
  );
  const child = await config("child", gadget);
  await config("grandchild", child);
  await config("free");
  await client.delete(
    gadgets,
    { namespace: "shop", name: "g" },
    { propagationPolicy: "Foreground" },
  );
  await eventually("owner, child and grandchild are gone", async () => {
    const { items } = await client.list(configMaps, { namespace: "shop" });
    const names = items.map(({ metadata }) => metadata.name);
    const owner = await client.get(gadgets, { namespace: "shop", name: "g" });
    return owner === undefined && !names.includes("child") && !names.includes("grandchild");
  });
  expect(await client.get(configMaps, { namespace: "shop", name: "free" })).toBeDefined();
});

test("controllers empty a deleted namespace", async () => {
  const metadata = { name: "doomed" };
  await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata });
  await client.create(configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "doomed", name: "one" },
  });
  await client.delete(namespaces, metadata);
  await eventually("the namespace is gone", async () => {
    return (await client.get(namespaces, metadata)) === undefined;
  });
});

test("controllers hold the lease while they run, and met no trouble", async () => {
  const lease = await client.get(leases, {
    namespace: "kube-system",
    name: "lighthouse-controllers",
  });
  expect(lease?.spec?.holderIdentity).not.toBe("");
  const trouble = problems.filter((one) => !isConflict((one as { readonly err?: unknown }).err));
  expect(trouble).toEqual([]);
});
