import { expect, test } from "vitest";
import { completed, driveThrough, driveTo, passOver } from "../../test/kit/rollout-drive.ts";
import { RolloutWorld } from "../../test/kit/rollout-world.ts";

const up = (world: RolloutWorld): readonly string[] =>
  [...world.pods.values()]
    .filter((pod) => pod.up)
    .map(({ name }) => name)
    .toSorted();

/** An Application that was stopped and then changed, as far as that goes. */
function changedWhileStopped(...more: Parameters<typeof completed>): RolloutWorld {
  const world = completed(...more);
  world.wish.running = false;
  world.wish.hash = "v2";
  driveThrough(world, "Waiting");
  expect(up(world)).toEqual([]);
  expect([...world.pods.keys()]).toContain("web-2-0");
  expect(world.memory).toMatchObject({
    current: "web-1",
    rollout: { reason: "Stopped", message: expect.stringContaining("spec.runState is Running") },
  });
  return world;
}

test("planApplication() calls no version good that never ran (G5)", () => {
  const world = changedWhileStopped({ replicas: 2 });
  world.wish.running = true;
  driveThrough(world, "Verifying");
  expect(up(world)).toEqual(["web-2-0", "web-2-1"]);
  expect(world.memory.current).toBe("web-1");
  driveThrough(world, "Completed");
  expect(world.memory.current).toBe("web-2");
});

test("planApplication() goes back to what ran before it was stopped (G5)", () => {
  const world = changedWhileStopped({ replicas: 2 });
  world.behaviours.set("v2", "crashes");
  world.wish.running = true;
  driveThrough(world, "RolledBack");
  expect(up(world)).toEqual(["web-1-0", "web-1-1"]);
});

test("planApplication() asks for the approval of a canary that was changed while it was stopped", () => {
  const strategy = { canary: 1, manualApproval: true };
  const world = changedWhileStopped({ replicas: 3 }, strategy);
  world.wish.running = true;
  driveTo(world, "Canary");
  driveThrough(world, "Waiting");
  expect(world.memory.rollout?.reason).toBe("WaitingForApproval");
  expect(up(world).filter((name) => name.startsWith("web-2"))).toHaveLength(1);
  world.wish.running = false;
  for (let round = 0; round < 4; round += 1) {
    passOver(world);
    world.settleAgents();
  }
  expect(up(world)).toEqual([]);
  world.wish.running = true;
  for (let round = 0; round < 4; round += 1) {
    passOver(world);
    world.settleAgents();
  }
  expect(world.memory.rollout?.reason).toBe("WaitingForApproval");
  expect(up(world).filter((name) => name.startsWith("web-2"))).toHaveLength(1);
});

test("planApplication() holds a first rollout that shall not run yet", () => {
  const world = new RolloutWorld({ running: false });
  driveThrough(world, "Waiting");
  expect([up(world), world.memory.current]).toEqual([[], undefined]);
  world.wish.running = true;
  driveThrough(world, "Completed");
  expect(world.memory.current).toBe("web-1");
});
