import { expect, test } from "vitest";
import { applicationReason } from "../../crds/conditions.ts";
import { driveThrough, driveTo, passOver } from "../../test/kit/rollout-drive.ts";
import { RolloutWorld } from "../../test/kit/rollout-world.ts";
import { conditionsOf } from "./conditions.ts";
import { planApplication } from "./plan.ts";

function told(world: RolloutWorld): Readonly<Record<string, string>> {
  const plan = planApplication(world.seen(), world.nowMs);
  const about = { generation: 7, nowMs: world.nowMs };
  const all = conditionsOf(undefined, world.seen(), plan, about);
  expect(all.every(({ observedGeneration }) => observedGeneration === 7)).toBe(true);
  expect(all.every(({ reason }) => Object.values<string>(applicationReason).includes(reason))).toBe(
    true,
  );
  return Object.fromEntries(all.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

function updating(...options: ConstructorParameters<typeof RolloutWorld>): RolloutWorld {
  const world = new RolloutWorld(...options);
  driveThrough(world, "Completed");
  world.wish.hash = "v2";
  passOver(world);
  return world;
}

test("conditionsOf() says of a rollout that it goes on and is not ready", () => {
  expect(told(updating({}))).toMatchObject({
    Ready: "False RollingOut",
    Progressing: "True RollingOut",
    RolledBack: "False NotRolledBack",
    Paused: "False NotPaused",
  });
});

test("conditionsOf() says that a failure is being undone, was undone, and could not be", () => {
  const world = updating({});
  world.behaviours.set("v2", "crashes");
  driveTo(world, "RollingBack");
  expect(told(world)).toMatchObject({
    Ready: "False RollingBack",
    Progressing: "True RollingBack",
    RolledBack: "False RollingBack",
  });
  const broken = updating({});
  broken.behaviours.set("v2", "fragile");
  driveTo(broken, "Verifying");
  broken.behaviours.set("v1", "hangs");
  broken.nowMs += 2_000;
  broken.trip("web-2-0");
  driveTo(broken, "RollbackPaused");
  expect(told(broken)).toMatchObject({
    Ready: "False RollingBack",
    Progressing: "False RollbackPaused",
    RolledBack: "False RollbackPaused",
    Paused: "True RollbackPaused",
  });
  driveThrough(world, "RolledBack");
  expect(told(world)).toMatchObject({
    Ready: "False RolledBack",
    Progressing: "False RolledBack",
    RolledBack: "True RolledBack",
  });
});

test("conditionsOf() says that a first rollout failed", () => {
  const world = new RolloutWorld({});
  world.behaviours.set("v1", "crashes");
  driveThrough(world, "RolledBack");
  expect(told(world)).toMatchObject({
    Ready: "False FirstRolloutFailed",
    Progressing: "False FirstRolloutFailed",
    RolledBack: "True FirstRolloutFailed",
  });
});

test("conditionsOf() says who paused", () => {
  const world = updating({}, { onFailure: "Pause" });
  world.wish.paused = true;
  passOver(world);
  expect(told(world)).toMatchObject({
    Progressing: "False PausedByUser",
    Paused: "True PausedByUser",
  });
  world.wish.paused = false;
  world.behaviours.set("v2", "crashes");
  driveTo(world, "Rolling");
  driveTo(world, "Paused");
  expect(told(world)).toMatchObject({
    Progressing: "False PausedByFailure",
    Paused: "True PausedByFailure",
  });
});

test("conditionsOf() is ready with no slots, and when all is stopped as asked for", () => {
  const none = new RolloutWorld({ replicas: 0 });
  driveThrough(none, "Completed");
  expect(told(none)).toMatchObject({ Ready: "True NoSlots" });
  const stopped = new RolloutWorld({});
  driveThrough(stopped, "Completed");
  stopped.wish.running = false;
  expect(told(stopped)).toMatchObject({ Ready: "False SlotsNotReady" });
  passOver(stopped);
  stopped.settleAgents();
  expect(told(stopped)).toMatchObject({ Ready: "True Stopped" });
});

test("conditionsOf() tells a host that is away from a slot that is down", () => {
  const world = new RolloutWorld({}, { offlineNodes: "Wait" });
  driveThrough(world, "Completed");
  world.offline.add("node-1");
  expect(told(world)).toMatchObject({ Ready: "False HostOffline" });
  world.pods.delete("web-1-2");
  expect(told(world), "one away, another down").toMatchObject({ Ready: "False SlotsNotReady" });
  world.offline.clear();
  expect(told(world)).toMatchObject({ Ready: "False SlotsNotReady" });
});

test("G11, G13: conditionsOf() does not count hosts that are away when the strategy skips them", () => {
  const world = new RolloutWorld({}, { offlineNodes: "Skip" });
  driveThrough(world, "Completed");
  world.offline.add("node-1");
  expect(told(world)).toMatchObject({ Ready: "True HostsSkipped", Reconciling: "False Settled" });
  world.pods.delete("web-1-2");
  expect(told(world), "one away, another down").toMatchObject({ Ready: "False SlotsNotReady" });
  for (const { id } of world.slots) world.offline.add(`node-${id}`);
  expect(told(world), "nobody answers").not.toMatchObject({ Ready: "True HostsSkipped" });
});

test("conditionsOf() names a pod that no Node takes", () => {
  const world = new RolloutWorld({ replicas: 1 });
  passOver(world);
  passOver(world);
  const pod = world.pods.get("web-1-0");
  if (pod !== undefined) pod.trouble = { reason: "Unschedulable", message: "0/3 nodes" };
  expect(told(world)).toMatchObject({ Scheduled: "False Unschedulable" });
  world.settleAgents();
  expect(told(world)).toMatchObject({ Scheduled: "True AllScheduled" });
});
