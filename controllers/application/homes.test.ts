import { expect, test } from "vitest";
import { completed, driveThrough, passOver } from "../../test/kit/rollout-drive.ts";
import type { RolloutWorld } from "../../test/kit/rollout-world.ts";
import { planApplication } from "./plan.ts";

const creations = (world: RolloutWorld) =>
  planApplication(world.seen(), world.nowMs).steps.filter((step) => step.kind === "createPod");

test("planApplication() makes lost pods again where they were, also several at once", () => {
  const world = completed({ replicas: 4 });
  for (const slot of [1, 3]) {
    const pod = world.pods.get(`web-1-${slot}`);
    if (pod !== undefined) pod.node = `data-${slot}`;
    world.delete(`web-1-${slot}`);
  }
  passOver(world);
  expect(world.memory.homes).toEqual({ 1: "data-1", 3: "data-3" });
  world.pods.delete("web-1-1");
  world.pods.delete("web-1-3");
  expect(creations(world)).toMatchObject([
    { name: "web-1-1", home: "data-1" },
    { name: "web-1-3", home: "data-3" },
  ]);
  passOver(world);
  passOver(world);
  expect(world.memory.homes).toBeUndefined();
});

test("planApplication() remembers a home over a change of the template, and forgets that of a slot that is gone", () => {
  const world = completed({ replicas: 2 });
  for (const name of world.pods.keys()) world.delete(name);
  passOver(world);
  for (const name of world.pods.keys()) world.pods.delete(name);
  world.wish.hash = "v2";
  world.wish.replicas = 1;
  passOver(world);
  expect(world.memory.homes).toEqual({ 0: "node-0" });
  expect(creations(world)).toMatchObject([{ name: "web-2-0", home: "node-0" }]);
  driveThrough(world, "Completed");
});

test("planApplication() keeps every slot on its Node over updates and the way back", () => {
  const world = completed({ replicas: 3 });
  const homes = (): object =>
    Object.fromEntries([...world.pods.values()].map(({ slot, node }) => [slot, node]));
  const nodes = ["far-2", "far-0", "far-1"];
  [...world.pods.values()].forEach((pod, index) => (pod.node = nodes[index] ?? ""));
  const before = homes();
  world.wish.hash = "v2";
  passOver(world);
  driveThrough(world, "Completed");
  expect(homes()).toEqual(before);
  world.wish.hash = "v3";
  world.behaviours.set("v3", "crashes");
  passOver(world);
  driveThrough(world, "RolledBack");
  expect(homes()).toEqual(before);
});
