import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import type { KubeObject, OwnerReference } from "../../../api/machinery/object.ts";
import { configMaps, type Resource } from "../../../api/machinery/resources.ts";
import { runControllers } from "../../../controllers/main.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";

let env: Env;
let client: OwnedClient;
let controllersClient: OwnedClient;
let running: Promise<void>;
const stop = new AbortController();

const definitions: Resource<KubeObject> = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};
const ships: Resource<KubeObject> = {
  group: "fleet.example.com",
  version: "v1",
  kind: "Ship",
  plural: "ships",
  namespaced: true,
};

beforeAll(async () => {
  env = await startEnv();
  client = createClient(env.admin);
  controllersClient = createClient(env.controllers);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const options = { client: controllersClient, clock: systemClock, log, election: false };
  running = runControllers(options, stop.signal);
  const openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const crd = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "ships.fleet.example.com" },
    spec: {
      group: ships.group,
      scope: "Namespaced",
      names: { plural: ships.plural, singular: "ship", kind: ships.kind, listKind: "ShipList" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
  await client.create(definitions, crd);
});
afterAll(async () => {
  stop.abort();
  await running;
  await controllersClient[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
  await env.stop();
});

/** A custom resource whose kind came while the collector ran, owned by nobody. */
async function ship(name: string): Promise<OwnerReference> {
  const metadata = { namespace: "default", name };
  const object = { apiVersion: "fleet.example.com/v1", kind: "Ship", metadata };
  // The definition may be a moment from being served.
  const made = await eventually("ships are served", () => client.create(ships, object));
  const { uid } = made.metadata;
  const { apiVersion, kind } = object;
  return { apiVersion, kind, name, uid, blockOwnerDeletion: true };
}

async function cargo(name: string, ...ownerReferences: readonly OwnerReference[]): Promise<void> {
  const metadata = { namespace: "default", name, ownerReferences };
  await client.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata });
}

const find = (type: Resource<KubeObject>, name: string): Promise<KubeObject | undefined> =>
  client.get(type, { namespace: "default", name });
const isGone = (type: Resource<KubeObject>, name: string): Promise<true> =>
  eventually(`${type.plural}/${name} is gone`, async () => (await find(type, name)) === undefined);
const remove = (name: string, propagationPolicy: "Background" | "Foreground" | "Orphan") =>
  client.delete(ships, { namespace: "default", name }, { propagationPolicy });

test("background: what a custom resource owned goes after it", async () => {
  await cargo("background", await ship("background"));
  await remove("background", "Background");
  await isGone(ships, "background");
  await isGone(configMaps, "background");
});

test("foreground: the owner waits for what blocks it", async () => {
  await cargo("foreground", await ship("foreground"));
  const hold = { metadata: { finalizers: ["example.com/hold"] } };
  const key = { namespace: "default", name: "foreground" };
  await client.patch(configMaps, key, { type: "merge", body: hold });
  await remove("foreground", "Foreground");
  await eventually("the dependent is asked to go", async () => {
    const dependent = await find(configMaps, "foreground");
    return dependent?.metadata.deletionTimestamp !== undefined;
  });
  expect((await find(ships, "foreground"))?.metadata.finalizers).toEqual(["foregroundDeletion"]);
  await client.patch(configMaps, key, { type: "merge", body: { metadata: { finalizers: null } } });
  await isGone(ships, "foreground");
});

test("orphan: dependents stay, and forget their owner", async () => {
  await cargo("orphan", await ship("orphan"));
  await remove("orphan", "Orphan");
  await isGone(ships, "orphan");
  expect((await find(configMaps, "orphan"))?.metadata.ownerReferences ?? []).toEqual([]);
});

test("a dependent with another valid owner stays when one that waits takes the rest along", async () => {
  const [going, staying] = [await ship("going"), await ship("staying")];
  await cargo("shared", going, staying);
  await cargo("alone", going);
  await remove("going", "Foreground");
  await isGone(ships, "going");
  await isGone(configMaps, "alone");
  const shared = await find(configMaps, "shared");
  expect(shared?.metadata.ownerReferences?.map(({ name }) => name)).toEqual(["staying"]);
});

test("a circle of dependents holds nobody", async () => {
  const names = ["circle-1", "circle-2", "circle-3"];
  const owners = await Promise.all(names.map(ship));
  for (const [index, name] of names.entries()) {
    const owner = owners[(index + 1) % owners.length];
    const body = { metadata: { ownerReferences: [owner] } };
    await client.patch(ships, { namespace: "default", name }, { type: "merge", body });
  }
  await remove("circle-1", "Foreground");
  for (const name of names) await isGone(ships, name);
});
