import { expect, test } from "vitest";
import {
  completed,
  driveThrough,
  driveTo,
  next,
  passOver,
  phaseOf,
  updating,
} from "../../test/kit/rollout-drive.ts";
import type { RolloutWorld } from "../../test/kit/rollout-world.ts";
import { planApplication } from "./plan.ts";

const deadlineMs = 600_000;

/** Passes until nothing more happens at this moment. */
function quiet(world: RolloutWorld): void {
  for (let round = 0; round < 20; round += 1) {
    const before = JSON.stringify([world.memory, [...world.pods.values()]]);
    passOver(world);
    world.settleAgents();
    if (before === JSON.stringify([world.memory, [...world.pods.values()]])) return;
  }
}

/** An update whose first slot hangs, from the moment on in which nothing more comes forward. */
function hanging(): RolloutWorld {
  const world = updating();
  world.behaviours.set("v2", "hangs");
  driveTo(world, "Rolling");
  quiet(world);
  return world;
}

function hold(world: RolloutWorld, forMs: number): void {
  world.wish.paused = true;
  quiet(world);
  world.nowMs += forMs;
  quiet(world);
  world.wish.paused = false;
  quiet(world);
}

test("planApplication() counts the rest of the deadline after a pause, no more and no less (G12)", () => {
  const world = hanging();
  world.nowMs += 400_000;
  hold(world, 5_000_000);
  expect(phaseOf(world)).toBe("Rolling");
  world.nowMs += 199_000;
  quiet(world);
  expect(phaseOf(world)).toBe("Rolling");
  world.nowMs += 1_000;
  passOver(world);
  expect(phaseOf(world)).toBe("RollingBack");
});

test("planApplication() does not let pauses without end put the deadline off (G12)", () => {
  const world = hanging();
  for (let round = 0; round < 5; round += 1) {
    world.nowMs += 100_000;
    hold(world, 1_000);
    expect(phaseOf(world)).toBe("Rolling");
  }
  world.nowMs += 100_000;
  passOver(world);
  expect(phaseOf(world)).toBe("RollingBack");
});

test("planApplication() lets no deadline run while a canary waits for a person or Nodes are awaited (G11, G12)", () => {
  const world = updating({ canary: 1, manualApproval: true });
  driveTo(world, "Waiting");
  world.nowMs += 10 * deadlineMs;
  passOver(world);
  world.wish.approved = "web-2";
  driveThrough(world, "Completed");
  const awaited = updating({ offlineNodes: "Wait" });
  awaited.behaviours.set("v2", "hangs");
  driveTo(awaited, "Rolling");
  quiet(awaited);
  awaited.nowMs += 400_000;
  awaited.offline.add("node-2");
  quiet(awaited);
  expect(phaseOf(awaited)).toBe("Waiting");
  awaited.nowMs += 10 * deadlineMs;
  awaited.offline.clear();
  quiet(awaited);
  awaited.nowMs += 199_000;
  quiet(awaited);
  expect(phaseOf(awaited)).toBe("Rolling");
  awaited.nowMs += 1_000;
  passOver(awaited);
  expect(phaseOf(awaited)).toBe("RollingBack");
});

test("planApplication() is not held up for ever by a slot that is ready now and again (G12)", () => {
  const world = hanging();
  for (let round = 0; round < 6; round += 1) {
    const pod = world.pods.get("web-2-0");
    if (pod !== undefined) pod.ready = true;
    quiet(world);
    if (pod !== undefined) pod.ready = false;
    quiet(world);
    expect(phaseOf(world)).toBe("Rolling");
    world.nowMs += 100_000;
  }
  passOver(world);
  expect(phaseOf(world)).toBe("RollingBack");
});

test("planApplication() gives every slot that comes forward a new deadline for the next", () => {
  const world = updating({ batch: 3, minReadyMs: 0 });
  world.behaviours.set("v2", "hangs");
  driveTo(world, "Rolling");
  quiet(world);
  for (const slot of [0, 1]) {
    world.nowMs += deadlineMs - 1_000;
    const pod = world.pods.get(`web-2-${slot}`);
    if (pod !== undefined) pod.ready = true;
    quiet(world);
    expect(phaseOf(world)).toBe("Rolling");
  }
  world.nowMs += deadlineMs;
  passOver(world);
  expect(world.memory.failed?.message).toContain("slot 2");
});

test("planApplication() gives slots that were added in the middle their whole time", () => {
  const world = hanging();
  world.nowMs += deadlineMs - 1_000;
  world.wish.replicas = 5;
  quiet(world);
  world.nowMs += 2_000;
  quiet(world);
  expect(phaseOf(world)).toBe("Rolling");
});

test("planApplication() gives a host that came back its whole time, also if another slot is tolerated (G11)", () => {
  const world = hanging();
  Object.assign(world.strategy, { tolerated: 1, batch: 2 });
  quiet(world);
  world.nowMs += deadlineMs;
  const back = world.pods.get("web-2-1");
  if (back !== undefined) back.answeringSinceMs = world.nowMs - 1_000;
  const { requeueAfterMs } = passOver(world);
  expect(phaseOf(world)).toBe("Rolling");
  expect(world.memory.rollout?.failedSlots).toEqual(["0"]);
  // Once a slot is given up, the rest has the deadline to itself.
  expect(requeueAfterMs).toBe(deadlineMs);
  world.nowMs += deadlineMs;
  passOver(world);
  expect(phaseOf(world)).toBe("RollingBack");
});

test("planApplication() counts minReadySeconds from when it saw the last slot of the batch ready", () => {
  const world = updating({ batch: 2 });
  world.behaviours.set("v2", "hangs");
  driveTo(world, "Rolling");
  quiet(world);
  const [one, two] = ["web-2-0", "web-2-1"].map((name) => world.pods.get(name));
  if (one === undefined || two === undefined) throw new Error("Cannot find the first batch");
  one.ready = true;
  quiet(world);
  world.nowMs += 60_000;
  two.ready = true;
  passOver(world);
  world.nowMs += 4_999;
  expect(next(world)).toBe("Rolling: ");
  world.nowMs += 1;
  expect(next(world)).toContain("web-2-2=Running");
});

test("planApplication() begins to count anew when a slot was not ready in between", () => {
  const world = updating();
  driveTo(world, "Rolling");
  quiet(world);
  const pod = world.pods.get("web-2-0");
  world.nowMs += 4_000;
  if (pod !== undefined) pod.ready = false;
  passOver(world);
  if (pod !== undefined) pod.ready = true;
  passOver(world);
  world.nowMs += 4_000;
  expect(next(world)).toBe("Rolling: ");
  world.nowMs += 1_000;
  expect(next(world)).toContain("web-2-1=Running");
});

test("planApplication() goes on with a clock that is behind the one of the leader before", () => {
  const world = updating();
  driveTo(world, "Rolling");
  quiet(world);
  world.nowMs -= 3_600_000;
  passOver(world);
  world.nowMs += 5_000;
  passOver(world);
  expect(world.memory.rollout).toMatchObject({ phase: "Rolling", batch: 2 });
  world.behaviours.set("v2", "hangs");
  quiet(world);
  world.nowMs += deadlineMs;
  passOver(world);
  expect(phaseOf(world)).toBe("RollingBack");
});

test("planApplication() does not take a host that was started anew for a failure while it watches (G11)", () => {
  const world = updating();
  driveTo(world, "Verifying");
  world.nowMs += 2_000;
  const pod = world.pods.get("web-2-1");
  if (pod !== undefined) Object.assign(pod, { ready: false, up: false, hostRestarted: true });
  expect(next(world)).toBe("Verifying: ");
  passOver(world);
  world.nowMs += 40_000;
  passOver(world);
  expect(phaseOf(world)).toBe("Verifying");
  driveThrough(world, "Completed");
  expect(world.available()).toBe(3);
});

test("planApplication() does not watch for ever over a slot that does not come back (G12)", () => {
  const world = updating();
  driveTo(world, "Verifying");
  const pod = world.pods.get("web-2-1");
  world.behaviours.set("v2", "hangs");
  if (pod !== undefined) Object.assign(pod, { ready: false, up: false, hostRestarted: true });
  quiet(world);
  world.nowMs += deadlineMs;
  passOver(world);
  expect(phaseOf(world)).toBe("RollingBack");
});

test("planApplication() changes nothing on record while it merely waits", () => {
  const world = hanging();
  const before = world.memory;
  world.nowMs += 60_000;
  expect(planApplication(world.seen(), world.nowMs).memory).toEqual(before);
  const done = completed();
  done.nowMs += 60_000;
  expect(planApplication(done.seen(), done.nowMs).memory).toEqual(done.memory);
});

test("planApplication() runs no clock while nothing is left to do, however long it watches (G12)", () => {
  const world = updating({ monitorMs: 10 * deadlineMs });
  driveTo(world, "Verifying");
  quiet(world);
  world.nowMs += 2 * deadlineMs;
  const pod = world.pods.get("web-2-1");
  if (pod !== undefined) Object.assign(pod, { ready: false, up: false, hostRestarted: true });
  passOver(world);
  passOver(world);
  expect(phaseOf(world)).toBe("Verifying");
});

test("planApplication() counts minReadySeconds anew after a pause, as nobody looked meanwhile", () => {
  const world = updating();
  driveTo(world, "Rolling");
  quiet(world);
  world.nowMs += 4_000;
  hold(world, 60_000);
  expect(next(world)).toBe("Rolling: ");
  world.nowMs += 4_999;
  expect(next(world)).toBe("Rolling: ");
  world.nowMs += 1;
  expect(next(world)).toContain("web-2-1=Running");
});

test("planApplication() lets a batch begin with its approval", () => {
  const world = updating({ canary: 1, manualApproval: true });
  driveTo(world, "Waiting");
  world.nowMs += 1_000_000;
  world.wish.approved = "web-2";
  passOver(world);
  expect(world.memory.rollout).toMatchObject({
    phase: "Rolling",
    batch: 2,
    batchStartedAtMs: world.nowMs,
    progressedAtMs: world.nowMs,
  });
});
