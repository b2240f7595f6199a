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
import type { RolloutWorld, SimPod } from "../../test/kit/rollout-world.ts";

const names = (world: RolloutWorld): readonly string[] => [...world.pods.keys()].toSorted();

const podOf = (world: RolloutWorld, name: string): SimPod => {
  const pod = world.pods.get(name);
  if (pod === undefined) throw new Error(`Cannot find pod ${name}`);
  return pod;
};

/** An update that has reached the phase. */
function inPhase(phase: string): RolloutWorld {
  const strategy = phase === "Waiting" ? { canary: 1, manualApproval: true } : { canary: 1 };
  const world = updating(strategy);
  if (phase === "RollingBack") world.behaviours.set("v2", "crashes");
  if (phase === "Paused") world.wish.paused = true;
  driveTo(world, phase);
  return world;
}

const phases = ["Preparing", "Canary", "Rolling", "Verifying", "RollingBack", "Paused", "Waiting"];

test.each(phases)(
  "planApplication() lets the latest template win in %s, and keeps the last good one (G1, G2, G5)",
  (phase) => {
    const world = inPhase(phase);
    passOver(world);
    world.settleAgents();
    world.wish.hash = "v3";
    world.wish.paused = false;
    passOver(world);
    expect(world.memory).toMatchObject({
      current: "web-1",
      rollout: { revision: "web-3", from: "web-1", phase: "Preparing" },
    });
    for (let round = 0; round < 20; round += 1) {
      expect(world.available()).toBeGreaterThanOrEqual(2);
      world.settleAgents();
      passOver(world);
    }
    world.wish.approved = "web-3";
    driveThrough(world, "Completed");
    expect(names(world)).toEqual(["web-3-0", "web-3-1", "web-3-2"]);
  },
);

test.each(phases)(
  "planApplication() goes back from %s to the running template without a pull or a create (G10)",
  (phase) => {
    const world = inPhase(phase);
    passOver(world);
    world.settleAgents();
    const before = ["web-1-0", "web-1-1", "web-1-2"].map((name) => podOf(world, name).uid);
    world.wish.hash = "v1";
    world.wish.paused = false;
    driveThrough(world, "Completed");
    expect([...world.pods.values()].map(({ uid }) => uid)).toEqual(before);
    expect(world.available()).toBe(3);
  },
);

test("planApplication() leaves nothing of a template that was changed twice before it was through (G5)", () => {
  const world = updating();
  driveTo(world, "Rolling");
  passOver(world);
  world.settleAgents();
  world.wish.hash = "v3";
  passOver(world);
  passOver(world);
  // What was prepared for web-2 and never ran is of no use any more, and holds room on the hosts.
  expect(world.pods.get("web-2-1")?.terminating).toBe(true);
  expect(world.pods.get("web-2-0")?.terminating).toBe(false);
  world.settleAgents();
  world.wish.hash = "v4";
  driveThrough(world, "Completed");
  expect(names(world)).toEqual(["web-4-0", "web-4-1", "web-4-2"]);
});

test("planApplication() brings slots that a failed template broke back while the next one is prepared (G1)", () => {
  const world = updating({ batch: 2 });
  world.behaviours.set("v2", "crashes");
  driveTo(world, "RollingBack");
  expect(world.available()).toBe(1);
  world.behaviours.set("v3", "unpullable");
  world.wish.hash = "v3";
  passOver(world);
  expect(phaseOf(world)).toBe("Preparing");
  passOver(world);
  world.settleAgents();
  expect(world.available()).toBe(3);
  expect(phaseOf(world)).toBe("Preparing");
});

test("planApplication() leaves nothing of a first rollout that failed, was changed, and failed again (G2, G5)", () => {
  const world = completed({ replicas: 0 });
  world.memory = {};
  world.wish.replicas = 2;
  world.wish.hash = "bad1";
  world.behaviours.set("bad1", "crashes");
  world.behaviours.set("bad2", "hangs");
  passOver(world);
  passOver(world);
  world.settleAgents();
  world.wish.hash = "bad2";
  driveThrough(world, "RolledBack");
  expect(names(world)).toEqual([]);
});

test.each(["Completed", "RolledBack"])(
  "planApplication() brings a host that returns after %s to the last good version (G2, G5, G11)",
  (phase) => {
    const world = updating();
    driveTo(world, "Rolling");
    passOver(world);
    world.settleAgents();
    world.offline.add("node-0");
    world.offline.add("node-2");
    if (phase === "RolledBack") world.behaviours.set("v2", "crashes");
    driveTo(world, phase);
    const good = phase === "Completed" ? "web-2" : "web-1";
    world.offline.clear();
    driveThrough(world, phase);
    expect(names(world)).toEqual([`${good}-0`, `${good}-1`, `${good}-2`]);
    expect(world.available()).toBe(3);
    expect(phaseOf(world)).toBe(phase);
  },
);

test("planApplication() adds and removes slots in the middle, and touches no other (AP-12)", () => {
  const world = updating();
  driveTo(world, "Rolling");
  const before = names(world).map((name) => podOf(world, name).uid);
  world.wish.replicas = 5;
  passOver(world);
  expect(names(world)).toEqual(expect.arrayContaining(["web-2-3", "web-2-4"]));
  world.wish.replicas = 3;
  expect(next(world)).toContain("delete web-2-3, delete web-2-4");
  passOver(world);
  world.settleAgents();
  const kept = names(world).filter((name) => !/-[34]$/.test(name));
  expect(kept.map((name) => podOf(world, name).uid)).toEqual(before);
  driveThrough(world, "Completed");
  expect(names(world)).toEqual(["web-2-0", "web-2-1", "web-2-2"]);
});

test.each(["Preparing", "Rolling", "Verifying", "RollingBack"])(
  "planApplication() stops and starts everything in %s",
  (phase) => {
    const world = inPhase(phase);
    world.wish.running = false;
    driveThrough(world, phase === "RollingBack" ? "RolledBack" : "Waiting");
    expect([...world.pods.values()].filter(({ up }) => up)).toEqual([]);
    expect(world.memory.current).toBe("web-1");
    world.wish.running = true;
    for (let round = 0; round < 5; round += 1) {
      passOver(world);
      world.settleAgents();
    }
    expect(world.available()).toBe(3);
  },
);

test("planApplication() does not take the approval of one Revision for that of the next", () => {
  const world = updating({ canary: 1, manualApproval: true });
  driveTo(world, "Waiting");
  world.wish.hash = "v3";
  world.wish.approved = "web-2";
  passOver(world);
  driveTo(world, "Waiting");
  world.nowMs += 1_000_000;
  passOver(world);
  expect(world.memory.rollout).toMatchObject({ phase: "Waiting", revision: "web-3" });
});

test("planApplication() skips the canary on the way back", () => {
  const world = updating({ canary: 1, manualApproval: true, batch: 3 });
  world.behaviours.set("v2", "fragile");
  driveTo(world, "Waiting");
  world.wish.approved = "web-2";
  driveTo(world, "Verifying");
  world.nowMs += 1_000;
  world.trip("web-2-1");
  passOver(world);
  expect(next(world).match(/=Running/g)).toHaveLength(3);
  driveThrough(world, "RolledBack");
});

test("planApplication() leaves slots that serve alone while the next template is prepared, also those of a failed one (G3)", () => {
  const world = updating({ batch: 3 });
  world.behaviours.set("v2", "fragile");
  driveTo(world, "Verifying");
  world.nowMs += 1_000;
  world.trip("web-2-1");
  driveTo(world, "RollingBack");
  podOf(world, "web-2-1").ready = false;
  world.behaviours.set("v3", "unpullable");
  world.wish.hash = "v3";
  passOver(world);
  const plan = next(world);
  expect(plan).toContain("web-2-1=Stopped");
  expect(plan).not.toMatch(/web-2-[02]=Stopped/);
});
