import { afterEach, beforeEach, expect, test } from "vitest";
import { containerLabel, relayRole } from "../../crds/labels.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "../engine/dockerode.ts";
import type { Engine, EngineEvent } from "../engine/engine.ts";
import type { SimulatedEngine } from "../simulated/simulated-engine.ts";
import { createInventory, type Inventory, ownerOf } from "./inventory.ts";

let simulated: SimulatedEngine;
let engine: Engine;
let inventory: Inventory;
const signal = AbortSignal.timeout(60_000);
const key = { namespace: "shop", name: "web-0" };
const owner = { uid: "u1", key };

const labels = (over: Record<string, string> = {}): Record<string, string> => ({
  [containerLabel.cluster]: "c1",
  [containerLabel.podUid]: "u1",
  [containerLabel.podNamespace]: "shop",
  [containerLabel.podName]: "web-0",
  [containerLabel.container]: "app",
  ...over,
});
const event = (action: string, id: string, over: Record<string, string> = {}): EngineEvent => ({
  type: "container",
  action,
  id,
  attributes: labels(over),
  atMs: 0,
});
const make = (name: string, over: Record<string, string> = {}): Promise<string> =>
  engine.containers.create(name, { Image: testImages.silent, Labels: labels(over) });
const inspects = (): number =>
  simulated.requests.filter((one) => /^GET \/containers\/\w+\/json/.test(one)).length;

beforeEach(async () => {
  simulated = await simulatedEngine();
  engine = openEngine(simulated.url);
  inventory = createInventory(engine, "c1");
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await simulated[Symbol.asyncDispose]();
});

test("ownerOf() knows its own control plane alone", () => {
  expect(ownerOf(labels(), "c1")).toEqual(owner);
  expect(ownerOf(labels(), "c2")).toBeUndefined();
  expect(ownerOf({ name: "by-hand" }, "c1")).toBeUndefined();
  // A relay is in the network of a pod, and none of its containers.
  const relay = { [containerLabel.role]: relayRole, [containerLabel.relayOf]: "a.1" };
  expect(ownerOf({ ...labels(), ...relay }, "c1")).toBeUndefined();
  // A label that an image brought hides nothing.
  expect(ownerOf({ ...labels(), [containerLabel.relayOf]: "a.1" }, "c1")).toEqual(owner);
});

test("resync() finds ours, and forgets what went meanwhile", async () => {
  const id = await make("ours");
  await make("theirs", { [containerLabel.cluster]: "c2" });
  await engine.containers.create("by-hand", { Image: testImages.silent });
  expect(await inventory.resync(signal)).toEqual([owner]);
  expect(
    (await inventory.of("u1", signal)).map((fact) => [fact.id, fact.name, fact.state]),
  ).toEqual([[id, "app", "created"]]);
  expect(inventory.uidsOf(key)).toEqual(["u1"]);
  await engine.containers.remove(id);
  expect(await inventory.resync(signal)).toEqual([owner]);
  expect(inventory.uidsOf(key)).toEqual([]);
  expect(inventory.keys()).toEqual([]);
});

test("of() looks again only at what an event or we ourselves have touched", async () => {
  const id = await make("ours");
  inventory.add(owner, id, "app");
  await inventory.of("u1", signal);
  await inventory.of("u1", signal);
  expect(inspects()).toBe(1);
  inventory.touch(id);
  await inventory.of("u1", signal);
  expect(inspects()).toBe(2);
  expect(inventory.take(event("die", id, { exitCode: "3" }))).toEqual(owner);
  await inventory.of("u1", signal);
  expect(inspects()).toBe(3);
  expect(inventory.exitCode("u1", "app")).toBe(3);
});

test("take() says nothing of our own creates and starts, which we know", async () => {
  const id = await make("ours");
  inventory.add(owner, id, "app");
  expect(inventory.take(event("create", id))).toBeUndefined();
  await engine.containers.start(id);
  await inventory.of("u1", signal);
  expect(inventory.take(event("start", id))).toBeUndefined();
  expect(inventory.take(event("exec_start", id))).toBeUndefined();
});

test("take() tells what others did: a removal, and a container that we did not know", async () => {
  const id = await make("ours");
  expect(inventory.take(event("create", id))).toEqual(owner);
  expect(inventory.idsOf("u1", "app")).toEqual([id]);
  expect(inventory.take(event("destroy", id))).toEqual(owner);
  expect(inventory.take(event("destroy", id))).toBeUndefined();
  expect(inventory.take(event("die", "x", { [containerLabel.cluster]: "c2" }))).toBeUndefined();
});

test("take() reads a verdict of a HEALTHCHECK without another look", async () => {
  const id = await make("ours");
  inventory.add(owner, id, "app");
  await inventory.of("u1", signal);
  expect(inventory.take(event("health_status", id, { health: "unhealthy" }))).toEqual(owner);
  const [fact] = await inventory.of("u1", signal);
  expect(fact?.health).toBe("unhealthy");
  expect(inspects()).toBe(1);
});

test("of() drops what is gone without an event", async () => {
  inventory.add(owner, "0".repeat(64), "app");
  expect(await inventory.of("u1", signal)).toEqual([]);
  expect(inventory.keys()).toEqual([]);
});
