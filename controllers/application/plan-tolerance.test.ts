import { expect, test } from "vitest";
import {
  driveThrough,
  driveTo,
  next,
  passOver,
  phaseOf,
  updating,
} from "../../test/kit/rollout-drive.ts";
import type { RolloutWorld } from "../../test/kit/rollout-world.ts";

/** The first slot of the update breaks, and one may. */
function tolerating(order: "StartFirst" | "StopFirst"): RolloutWorld {
  const world = updating({ tolerated: 1, order });
  driveTo(world, "Rolling");
  passOver(world);
  world.settleAgents();
  const pod = world.pods.get("web-2-0");
  if (pod !== undefined) Object.assign(pod, { ready: false, restarts: 1 });
  world.behaviours.set("v2", "hangs");
  passOver(world);
  return world;
}

/** All slots of the update but the broken one get ready. */
function heal(world: RolloutWorld): void {
  for (let round = 0; round < 60 && phaseOf(world) !== "Completed"; round += 1) {
    passOver(world);
    world.settleAgents();
    for (const pod of world.pods.values()) {
      if (pod.revision === "web-2" && pod.slot !== "0") pod.ready = pod.up;
    }
    world.nowMs += 5_000;
  }
}

test.each(["StopFirst", "StartFirst"] as const)(
  "planApplication() ends with every slot on the target, also those that failed and are tolerated (G2, %s)",
  (order) => {
    const world = tolerating(order);
    heal(world);
    expect(world.memory.rollout).toMatchObject({
      phase: "Completed",
      failedSlots: ["0"],
      message: "web-2 runs in every slot, but for 1 that failed and are tolerated: 0",
    });
    world.settleAgents();
    passOver(world);
    world.settleAgents();
    world.settleAgents();
    expect([...world.pods.values()].map(({ revision }) => revision)).toEqual([
      "web-2",
      "web-2",
      "web-2",
    ]);
  },
);

test("planApplication() with StartFirst lets the old pod of a slot that failed serve until the others are good (G1)", () => {
  const world = tolerating("StartFirst");
  driveWhile(world, "Rolling");
  expect(world.pods.get("web-1-0")?.desired).toBe("Running");
  expect(world.available()).toBe(3);
  expect(phaseOf(world)).toBe("Verifying");
  passOver(world);
  expect(world.pods.get("web-1-0")?.desired).toBe("Stopped");
});

function driveWhile(world: RolloutWorld, phase: string): void {
  for (let round = 0; round < 60 && phaseOf(world) === phase; round += 1) {
    for (const pod of world.pods.values()) {
      if (pod.revision === "web-2" && pod.slot !== "0") pod.ready = pod.up;
    }
    passOver(world);
    world.settleAgents();
    world.nowMs += phaseOf(world) === phase ? 5_000 : 0;
  }
}

test("planApplication() does not call a version good that is good nowhere, whatever is tolerated (G13)", () => {
  const world = updating({ tolerated: 3 });
  world.behaviours.set("v2", "crashes");
  driveThrough(world, "RolledBack");
  expect(world.available()).toBe(3);
});

test("planApplication() fails an update whose old container does not stop in time (G12)", () => {
  const world = updating({ order: "StartFirst" }, { replicas: 1 });
  driveTo(world, "Rolling");
  passOver(world);
  world.settleAgents();
  passOver(world);
  world.nowMs += 5_000;
  passOver(world);
  const old = world.pods.get("web-1-0");
  expect(old?.desired).toBe("Stopped");
  passOver(world);
  for (let round = 0; round < 3; round += 1) passOver(world);
  // Nothing that happens would wake the controller: it has to ask for the moment itself.
  for (let round = 0; round < 5 && world.memory.failed === undefined; round += 1) {
    world.nowMs += passOver(world).requeueAfterMs ?? 0;
  }
  expect(next(world)).toMatch(/^RollingBack/);
  expect(world.memory.failed?.message).toBe("slot 0: pod web-1-0 on node-0 does not stop in time");
});
