import { expect, test } from "vitest";
import {
  driveThrough,
  driveTo,
  passOver,
  phaseOf,
  updating,
} from "../../test/kit/rollout-drive.ts";
import type { RolloutWorld } from "../../test/kit/rollout-world.ts";

/** An update of one slot on each of four Nodes, under way. */
function rollingPerNode(): RolloutWorld {
  const world = updating({}, { perNode: true });
  driveTo(world, "Rolling");
  passOver(world);
  world.settleAgents();
  return world;
}

const names = (world: RolloutWorld): readonly string[] => [...world.pods.keys()].toSorted();

test("planApplication() gives a Node that joins in the middle the new version, and touches no other", () => {
  const world = updating({}, { perNode: true });
  world.leave("node-3");
  driveTo(world, "Rolling");
  const before = new Map([...world.pods].map(([name, { uid }]) => [name, uid]));
  world.join("node-3");
  passOver(world);
  for (const [name, uid] of before) expect(world.pods.get(name)?.uid).toBe(uid);
  driveThrough(world, "Completed");
  expect(names(world)).toEqual(["web-2-node-0", "web-2-node-1", "web-2-node-2", "web-2-node-3"]);
});

test("planApplication() goes on without a Node that leaves in the middle (G11)", () => {
  const world = rollingPerNode();
  world.leave("node-0");
  world.leave("node-2");
  driveThrough(world, "Completed");
  expect(names(world)).toEqual(["web-2-node-1", "web-2-node-3"]);
  expect(world.memory.failed).toBeUndefined();
});

test("planApplication() rolls a Node that joins after a failure not forward but to what runs (G2)", () => {
  const world = rollingPerNode();
  world.leave("node-3");
  world.behaviours.set("v2", "crashes");
  driveThrough(world, "RolledBack");
  world.join("node-3");
  driveThrough(world, "RolledBack");
  expect(names(world)).toEqual(["web-1-node-0", "web-1-node-1", "web-1-node-2", "web-1-node-3"]);
});

test.each(["Skip", "Wait", "Fail"] as const)(
  "planApplication() with offlineNodes %s does as it says about a Node that goes away (G11)",
  (offlineNodes) => {
    const world = rollingPerNode();
    Object.assign(world.strategy, { offlineNodes });
    world.offline.add("node-2");
    const ends = { Skip: "Completed", Wait: "Waiting", Fail: "RolledBack" } as const;
    driveTo(world, ends[offlineNodes]);
    world.nowMs += 10_000_000;
    passOver(world);
    expect(phaseOf(world)).toBe(ends[offlineNodes]);
    const words = {
      Skip: "web-2 runs in every slot, but for 1 on hosts that do not answer",
      Wait: "Some nodes do not answer",
      Fail: "node-2 does not answer",
    };
    expect(world.memory.rollout?.message).toContain(words[offlineNodes]);
    world.offline.clear();
    const end = offlineNodes === "Fail" ? "RolledBack" : "Completed";
    driveThrough(world, end);
    const good = offlineNodes === "Fail" ? "web-1" : "web-2";
    expect(names(world)).toEqual([0, 1, 2, 3].map((node) => `${good}-node-${node}`));
    expect(world.available()).toBe(4);
  },
);

test("planApplication() waits while no Node answers, whatever the policy, and goes on (G11)", () => {
  const world = rollingPerNode();
  for (const node of world.nodes) world.offline.add(node);
  passOver(world);
  expect(phaseOf(world)).toBe("Waiting");
  world.nowMs += 10_000_000;
  passOver(world);
  expect(phaseOf(world)).toBe("Waiting");
  world.offline.clear();
  driveThrough(world, "Completed");
});
