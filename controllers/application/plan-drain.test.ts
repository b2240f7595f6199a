import { expect, test } from "vitest";
import { completed, driveTo, next, passOver, updating } from "../../test/kit/rollout-drive.ts";
import type { RolloutWorld } from "../../test/kit/rollout-world.ts";
import type { Seen } from "./seen.ts";
import { planApplication } from "./plan.ts";

/** Passes, agents and time go on for a while; what served least in between. */
function live(world: RolloutWorld, rounds = 40): number {
  let least = world.available();
  for (let round = 0; round < rounds; round += 1) {
    world.settleAgents();
    passOver(world);
    least = Math.min(least, world.available());
    world.nowMs += 1_000;
  }
  return least;
}

const placesOf = (world: RolloutWorld): readonly string[] =>
  [...world.pods.values()].map(({ slot, node, desired }) => `${slot}@${node} ${desired}`);

test("planApplication() takes a slot from a drained Node by a second pod of the same Revision", () => {
  const world = completed({ replicas: 2 });
  world.drain("node-0");
  expect(next(world)).toMatch(/^Completed: create web-1-0-[a-z0-9]{10} Prepared$/);
  expect(live(world)).toBe(1);
  expect(placesOf(world)).toEqual(["1@node-1 Running", "0@node-1 Running"]);
  expect(next(world)).toBe("Completed: ");
});

test("planApplication() with StartFirst has the new pod good before the drained one stops", () => {
  const world = completed({ replicas: 2 }, { order: "StartFirst" });
  world.drain("node-0");
  expect(live(world)).toBe(2);
  expect(placesOf(world)).toEqual(["1@node-1 Running", "0@node-1 Running"]);
});

test("planApplication() drains no more slots at once than the batch allows", () => {
  const world = completed({ replicas: 4 }, { batch: 1 });
  for (const pod of world.pods.values()) pod.node = "node-0";
  world.drain("node-0");
  expect(live(world, 80)).toBe(3);
  expect(placesOf(world).some((place) => place.includes("node-0"))).toBe(false);
});

test("planApplication() shares the batch between a rollout and a drain", () => {
  const world = updating({ batch: 1 }, { replicas: 4 });
  driveTo(world, "Rolling");
  world.drain("node-2");
  expect(live(world, 120)).toBe(3);
  expect(world.memory.current).toBe("web-2");
  expect(placesOf(world).some((place) => place.includes("node-2"))).toBe(false);
});

test("planApplication() drains a Node while the canary waits for its approval", () => {
  const world = updating({ canary: 1, manualApproval: true }, { replicas: 3 });
  driveTo(world, "Waiting");
  world.drain("node-2");
  expect(live(world)).toBe(2);
  const left = [...world.pods.values()].filter(({ desired }) => desired === "Running");
  expect(left.map(({ revision, slot, node }) => `${revision} ${slot}@${node}`).toSorted()).toEqual([
    "web-1 1@node-1",
    "web-1 2@node-3",
    "web-2 0@node-0",
  ]);
});

test("planApplication() stops a pod that no other Node takes, within the batch; with StartFirst it stays", () => {
  for (const [order, floor] of [
    ["StopFirst", 1],
    ["StartFirst", 2],
  ] as const) {
    const world = completed({ replicas: 2 }, { order });
    for (const node of ["node-2", "node-3", "node-1", "node-0"]) world.drain(node);
    expect(live(world)).toBe(floor);
  }
});

test("planApplication() makes no move when nobody asks any more", () => {
  const world = completed({ replicas: 2 });
  world.drain("node-0");
  passOver(world);
  world.uncordon("node-0");
  expect(live(world)).toBe(2);
  expect([...world.pods.keys()]).toEqual(["web-1-0", "web-1-1"]);
});

test("planApplication() gives a slot another pod when a dead host does not let go of the deleted one", () => {
  const world = completed({ replicas: 2 });
  world.offline.add("node-0");
  expect(next(world)).toBe("Completed: ");
  world.abandon("node-0");
  expect(next(world)).toMatch(/^Completed: create web-1-0-[a-z0-9]{10} Running$/);
  world.cordoned.add("node-0");
  expect(live(world)).toBe(1);
  expect(world.available()).toBe(2);
  world.offline.clear();
  expect(live(world)).toBe(2);
  expect(placesOf(world)).toEqual(["1@node-1 Running", "0@node-1 Running"]);
});

test("planApplication() gives up the twin that a race left behind", () => {
  const world = completed({ replicas: 1 });
  const [pod] = world.pods.values();
  if (pod === undefined) throw new Error("no pod");
  world.pods.set("twin", { ...pod, name: "twin", uid: "twin", createdAtMs: world.nowMs });
  expect(live(world)).toBe(1);
  expect([...world.pods.keys()]).toEqual(["web-1-0"]);
});

/** The same world with slots that belong to Nodes. */
const pinned = (seen: Seen, more: Partial<Seen> = {}): Seen => ({
  ...seen,
  slots: seen.slots.map(({ id }) => ({ id, node: `node-${id}` })),
  ...more,
});

test("planApplication() deletes pods that only their own Node may have, within the batch", () => {
  const world = completed({ replicas: 3 });
  world.drain("node-0");
  world.drain("node-1");
  const { steps } = planApplication(pinned(world.seen()), world.nowMs);
  expect(steps).toMatchObject([{ kind: "deletePod", name: "web-1-0" }]);
});

test("planApplication() leaves a slot of a cordoned Node empty, and says so", () => {
  const world = completed({ replicas: 2 });
  world.pods.delete("web-1-0");
  const cordoned = { offlineNodes: new Set(["node-0"]), cordonedNodes: new Set(["node-0"]) };
  const { steps, waits } = planApplication(pinned(world.seen(), cordoned), world.nowMs);
  expect(steps).toEqual([]);
  expect(waits).toMatchObject([{ owner: "node/node-0", reason: "NodeCordoned", slot: "0" }]);
});

test("planApplication() removes a drained pod of a template that was given up once", () => {
  const world = completed({}, { prepare: true });
  world.wish.perNode = true;
  world.wish.hash = "v2";
  driveTo(world, "Preparing");
  passOver(world);
  world.drain("node-0");
  world.wish.hash = "v3";
  passOver(world);
  const { steps } = planApplication(world.seen(), world.nowMs);
  const removed = steps.flatMap((step) => (step.kind === "deletePod" ? [step.uid] : []));
  expect(removed.length).toBeGreaterThan(0);
  expect(removed).toEqual([...new Set(removed)]);
});
