import { expect, test } from "vitest";
import {
  driveThrough,
  driveTo,
  next,
  passOver,
  planText,
  updating,
} from "../../test/kit/rollout-drive.ts";
import { RolloutWorld } from "../../test/kit/rollout-world.ts";
import { planApplication } from "./plan.ts";

test("planApplication() goes back when a container ends, and leaves the template alone until it changes", () => {
  const world = updating();
  world.behaviours.set("v2", "crashes");
  driveTo(world, "RollingBack");
  expect(world.memory.failed).toMatchObject({
    hash: "v2",
    name: "web-2",
    reason: "ContainerFailed",
  });
  expect(next(world)).toBe("RollingBack: web-1-0=Running(for web-2-0) then web-2-0=Stopped");
  driveThrough(world, "RolledBack");
  expect([...world.pods.keys()]).toEqual(["web-1-0", "web-1-1", "web-1-2"]);
  expect(world.available()).toBe(3);
  expect(world.revisions.find(({ name }) => name === "web-2")).toMatchObject({
    phase: "Failed",
    outcome: "Failed",
  });
  world.nowMs += 10_000_000;
  expect(next(world)).toBe("RolledBack: ");
});

test("planApplication() tries a failed template again when asked to, once for each failure", () => {
  const world = updating();
  world.behaviours.set("v2", "crashes");
  driveThrough(world, "RolledBack");
  world.nowMs += 60_000;
  const { failedAtMs } = world.memory.failed ?? {};
  if (failedAtMs !== undefined) world.wish.retryMs = failedAtMs;
  passOver(world);
  expect(world.memory).toMatchObject({ rollout: { phase: "Preparing", revision: "web-2" } });
  expect(world.memory.failed).toBeUndefined();
  driveThrough(world, "RolledBack");
  expect(next(world)).toBe("RolledBack: ");
  world.behaviours.set("v2", "good");
  world.wish.retryMs = world.memory.failed?.failedAtMs ?? 0;
  driveThrough(world, "Completed");
  expect(world.revisions.at(-1)).toMatchObject({ name: "web-2", outcome: "Completed" });
});

test("planApplication() leaves nothing of a first rollout that failed", () => {
  const world = new RolloutWorld({ replicas: 2 });
  world.behaviours.set("v1", "crashes");
  driveThrough(world, "RolledBack");
  expect(world.pods.size).toBe(0);
  expect(world.memory.current).toBeUndefined();
  expect(next(world)).toBe("RolledBack: ");
  world.wish.hash = "v2";
  driveThrough(world, "Completed");
  expect(world.available()).toBe(2);
});

test("planApplication() fails what does not get prepared within the deadline, with the last words", () => {
  const world = updating();
  world.behaviours.set("v2", "unpullable");
  passOver(world);
  world.settleAgents();
  const pod = world.pods.get("web-2-0");
  if (pod !== undefined)
    pod.trouble = { reason: "ErrImagePull", message: "ErrImagePull: no such host" };
  world.nowMs += 600_000;
  const plan = passOver(world);
  expect(planText(plan)).toBe("RollingBack: ");
  expect(world.memory.failed).toMatchObject({ reason: "ImagePullFailed" });
  expect(world.memory.failed?.message).toContain("no such host (and 2 more)");
  expect(plan.notices).toMatchObject([{ type: "Warning", reason: "ImagePullFailed" }]);
  driveThrough(world, "RolledBack");
  expect([...world.pods.values()].every(({ restarts, up }) => up && restarts === 0)).toBe(true);
});

test.each(["ErrImageNeverPull", "ImageNotFound", "InvalidImageName"])(
  "planApplication() does not wait for an image that can never come (%s)",
  (reason) => {
    const world = updating();
    passOver(world);
    const pod = world.pods.get("web-2-2");
    if (pod !== undefined) pod.trouble = { reason, message: "manifest unknown" };
    passOver(world);
    expect(world.memory).toMatchObject({
      rollout: { phase: "RollingBack", reason: "ImagePullFailed" },
      failed: { message: expect.stringContaining("manifest unknown") as string },
    });
  },
);

test.each(["ErrImagePull", "ImagePullBackOff"])(
  "planApplication() gives a registry that does not answer until the deadline (%s), and goes on when the images are there",
  (reason) => {
    const world = updating();
    passOver(world);
    const pods = [...world.pods.values()].filter(({ revision }) => revision === "web-2");
    for (const pod of pods) pod.trouble = { reason, message: "connection refused" };
    world.nowMs += 500_000;
    expect(next(world)).toBe("Preparing: ");
    for (const pod of pods) delete pod.trouble;
    driveThrough(world, "Completed");
    expect(world.available()).toBe(3);
  },
);

test("planApplication() fails a slot that does not get ready within the deadline", () => {
  const world = updating();
  world.behaviours.set("v2", "hangs");
  driveTo(world, "RollingBack");
  expect(world.memory.failed).toMatchObject({ reason: "ProgressDeadlineExceeded" });
  expect(world.memory.rollout?.failedSlots).toEqual(["0"]);
});

test("planApplication() gives an engine that refuses to start a container some seconds", () => {
  const world = updating();
  world.behaviours.set("v2", "hangs");
  driveTo(world, "Rolling");
  passOver(world);
  const pod = world.pods.get("web-2-0");
  if (pod !== undefined) pod.trouble = { reason: "RunContainerError", message: "no such file" };
  expect(next(world)).toBe("Rolling: ");
  world.nowMs += 10_000;
  expect(next(world)).toBe("RollingBack: ");
});

test("planApplication() fails a version that breaks while it is watched", () => {
  const world = updating();
  world.behaviours.set("v2", "fragile");
  driveTo(world, "Verifying");
  world.nowMs += 2_000;
  world.trip("web-2-1");
  expect(next(world)).toBe("RollingBack: ");
  driveThrough(world, "RolledBack");
  expect(world.available()).toBe(3);
});

test("planApplication() fails a version that loses readiness while it is watched", () => {
  const world = updating();
  driveTo(world, "Verifying");
  world.nowMs += 2_000;
  const pod = world.pods.get("web-2-1");
  if (pod !== undefined) pod.ready = false;
  expect(next(world)).toBe("RollingBack: ");
});

test("planApplication() tolerates as many failed slots as asked, and one more ends it", () => {
  const world = updating({ tolerated: 1 });
  driveTo(world, "Rolling");
  passOver(world);
  const first = world.pods.get("web-2-0");
  if (first !== undefined) first.restarts = 1;
  expect(next(world)).toBe("Rolling: web-2-1=Running(for web-1-1) then web-1-1=Stopped");
  passOver(world);
  expect(world.memory.rollout?.failedSlots).toEqual(["0"]);
  const second = world.pods.get("web-2-1");
  if (second !== undefined) second.restarts = 1;
  expect(next(world)).toBe("RollingBack: ");
});

test("planApplication() never rolls a rollback back: it pauses, says so, and goes on slot by slot (G4)", () => {
  const world = updating({ batch: 2 });
  world.behaviours.set("v2", "fragile");
  driveTo(world, "Verifying");
  world.behaviours.set("v1", "hangs");
  world.nowMs += 2_000;
  world.trip("web-2-0");
  driveTo(world, "RollbackPaused");
  world.nowMs += 10_000_000;
  const later = planApplication(world.seen(), world.nowMs);
  expect(later.requeueAfterMs).toBeUndefined();
  expect(later.notices).toEqual([]);
  world.behaviours.set("v1", "good");
  driveThrough(world, "RolledBack");
  expect(world.available()).toBe(3);
});

test("planApplication() leaves everything as it is after a failure when asked to pause", () => {
  const world = updating({ onFailure: "Pause" });
  world.behaviours.set("v2", "crashes");
  driveTo(world, "Paused");
  expect(next(world)).toBe("Paused: ");
  expect(world.memory.rollout).toMatchObject({ reason: "PausedByFailure", resume: "Rolling" });
  world.wish.hash = "v3";
  driveThrough(world, "Completed");
  expect(world.available()).toBe(3);
});

test("planApplication() resumes a paused rollback with the reason it had", () => {
  const world = updating();
  world.behaviours.set("v2", "crashes");
  driveTo(world, "RollingBack");
  world.wish.paused = true;
  passOver(world);
  world.wish.paused = false;
  passOver(world);
  expect(world.memory.rollout).toMatchObject({ phase: "RollingBack", reason: "ContainerFailed" });
});

test("planApplication() with Fail counts a host that is away as a failure", () => {
  const world = updating({ offlineNodes: "Fail" });
  driveTo(world, "Rolling");
  world.offline.add("node-2");
  expect(next(world)).toBe("RollingBack: ");
});

test("planApplication() is back only when the failed containers have stopped", () => {
  const world = updating({ order: "StartFirst" });
  world.behaviours.set("v2", "crashes");
  driveTo(world, "RollingBack");
  passOver(world);
  const slow = world.pods.get("web-2-0");
  if (slow !== undefined) slow.up = true;
  expect(next(world)).toBe("RollingBack: ");
  if (slow !== undefined) slow.up = false;
  expect(next(world)).toBe("RolledBack: ");
});

test("planApplication() does not hold the past of the last good version against it", () => {
  const world = updating();
  driveTo(world, "Rolling");
  passOver(world);
  world.settleAgents();
  for (const pod of world.pods.values()) pod.restarts = 3;
  world.wish.hash = "v1";
  passOver(world);
  expect(next(world)).toBe("Rolling: web-1-0=Running(for web-2-0) then web-2-0=Stopped");
});

test("planApplication() pauses when a return to the last good version does not come through", () => {
  const world = updating();
  driveTo(world, "Rolling");
  passOver(world);
  world.settleAgents();
  world.behaviours.set("v1", "hangs");
  world.wish.hash = "v1";
  driveTo(world, "RollbackPaused");
  expect(world.memory.failed).toBeUndefined();
  world.behaviours.set("v1", "good");
  driveThrough(world, "Completed");
  expect(world.available()).toBe(3);
});

test.each(["Paused", "Waiting", "RollbackPaused", "Verifying"] as const)(
  "planApplication() knows what to do in %s with a memory that somebody has cut",
  (phase) => {
    const world = updating();
    driveTo(world, "Rolling");
    const { rollout } = world.memory;
    if (rollout === undefined) throw new Error("Cannot find the rollout");
    for (const reason of ["", "PausedByUser", "WaitingForNodes"]) {
      world.memory = { ...world.memory, rollout: { ...rollout, phase, reason } };
      for (const paused of [true, false]) {
        world.wish.paused = paused;
        const { memory } = planApplication(world.seen(), world.nowMs);
        expect(memory.rollout?.revision).toBe("web-2");
      }
    }
  },
);

test.each(["Paused", "RollbackPaused"])(
  "planApplication() tries a failed template again from %s when a person asks for it",
  (phase) => {
    const world = updating({ onFailure: phase === "Paused" ? "Pause" : "Rollback" });
    world.behaviours.set("v2", "fragile");
    driveTo(world, "Verifying");
    if (phase === "RollbackPaused") world.behaviours.set("v1", "hangs");
    world.nowMs += 2_000;
    world.trip("web-2-0");
    driveTo(world, phase);
    world.wish.retryMs = world.memory.failed?.failedAtMs ?? 0;
    passOver(world);
    expect(world.memory).toMatchObject({ current: "web-1", rollout: { revision: "web-2" } });
    expect(world.memory.failed).toBeUndefined();
    for (const pod of world.pods.values()) pod.restarts = 0;
    driveThrough(world, "Completed");
    expect(world.memory.current).toBe("web-2");
  },
);
