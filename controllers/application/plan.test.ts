import { expect, test } from "vitest";
import {
  completed,
  driveThrough,
  driveTo,
  next,
  passOver,
  phaseOf,
  planText,
  updating,
} from "../../test/kit/rollout-drive.ts";
import { RolloutWorld } from "../../test/kit/rollout-world.ts";
import { planApplication } from "./plan.ts";

test("planApplication() starts the pods of a first rollout at once, as there is nothing to protect", () => {
  const world = new RolloutWorld({ replicas: 2 });
  const begun = passOver(world);
  expect(begun.steps).toEqual([
    { kind: "createRevision", name: "web-1", number: 1, hash: "v1", images: [] },
  ]);
  expect(next(world)).toBe("Rolling: create web-1-0 Running, create web-1-1 Running");
});

test("planApplication() makes every pod of an update and touches none that runs", () => {
  const world = updating({}, { replicas: 2 });
  expect(phaseOf(world)).toBe("Preparing");
  expect(next(world)).toBe(
    "Preparing: create web-2-0 Prepared for web-1-0, create web-2-1 Prepared for web-1-1",
  );
});

test("planApplication() waits with the first stop until every slot is prepared, and says for whom", () => {
  const world = updating();
  passOver(world);
  world.settleAgents();
  const late = world.pods.get("web-2-1");
  if (late !== undefined) late.prepared = false;
  expect(next(world)).toBe("Preparing: ");
  const { waits } = planApplication(world.seen(), world.nowMs);
  expect(waits).toMatchObject([{ owner: "node/node-1", reason: "WaitingForPrepare", slot: "1" }]);
  world.settleAgents();
  expect(next(world)).toBe("Rolling: ");
});

test("planApplication() hands over one batch at a time, each once the one before is good", () => {
  const world = updating();
  driveTo(world, "Rolling");
  expect(next(world)).toBe("Rolling: web-2-0=Running(for web-1-0) then web-1-0=Stopped");
  passOver(world);
  expect(next(world)).toBe("Rolling: ");
  world.settleAgents();
  expect(next(world)).toBe("Rolling: ");
  passOver(world);
  world.nowMs += 5_000;
  expect(next(world)).toBe("Rolling: web-2-1=Running(for web-1-1) then web-1-1=Stopped");
});

test("planApplication() counts a slot that is down anyway against the batch", () => {
  const world = updating({ batch: 2 }, { replicas: 4 });
  driveTo(world, "Rolling");
  const down = world.pods.get("web-1-3");
  if (down !== undefined) down.ready = false;
  expect(next(world)).toBe(
    "Rolling: web-2-3=Running(for web-1-3) then web-1-3=Stopped, " +
      "web-2-0=Running(for web-1-0) then web-1-0=Stopped",
  );
});

test("planApplication() with StartFirst stops the old pod only once the new one is good", () => {
  const world = updating({ order: "StartFirst" });
  driveTo(world, "Rolling");
  expect(next(world)).toBe("Rolling: web-2-0=Running");
  passOver(world);
  world.settleAgents();
  expect(next(world)).toBe("Rolling: ");
  expect(world.available()).toBe(3);
  passOver(world);
  world.nowMs += 5_000;
  expect(next(world)).toBe("Rolling: web-1-0=Stopped");
});

test("planApplication() watches all slots before it gives the old pods up", () => {
  const world = updating();
  driveTo(world, "Verifying");
  expect(next(world)).toBe("Verifying: ");
  world.nowMs += 30_000;
  expect(next(world)).toBe("Completed: ");
  driveTo(world, "Completed");
  expect(next(world)).toBe("Completed: delete web-1-0, delete web-1-1, delete web-1-2");
  expect(world.memory.current).toBe("web-2");
  passOver(world);
  expect(world.revisions.map(({ name, phase }) => `${name} ${phase}`)).toEqual([
    "web-1 Superseded",
    "web-2 Active",
  ]);
});

test("planApplication() treats the last good template as a return, without a new Revision or proof", () => {
  const world = updating();
  world.behaviours.set("v2", "crashes");
  driveThrough(world, "RolledBack");
  world.wish.hash = "v1";
  passOver(world);
  expect(world.memory).toMatchObject({ current: "web-1", rollout: { phase: "Completed" } });
  expect(world.memory.failed).toBeUndefined();
});

test("planApplication() goes back at once when the last good template is asked for in the middle", () => {
  const world = updating();
  driveTo(world, "Rolling");
  passOver(world);
  world.settleAgents();
  world.wish.hash = "v1";
  passOver(world);
  expect(next(world)).toBe("Rolling: web-1-0=Running(for web-2-0) then web-2-0=Stopped");
  driveThrough(world, "Completed");
  expect([...world.pods.keys()]).toEqual(["web-1-0", "web-1-1", "web-1-2"]);
});

test("planApplication() makes a new version of an older template, with the digests it had", () => {
  const world = updating();
  driveThrough(world, "Completed");
  world.revisions = world.revisions.map((revision) => ({
    ...revision,
    images: [{ image: "web:1", digest: `sha256:${revision.name}` }],
  }));
  world.wish.hash = "v1";
  const { steps } = planApplication(world.seen(), world.nowMs);
  expect(steps[0]).toEqual({
    kind: "createRevision",
    name: "web-3",
    hash: "v1",
    number: 3,
    sameAs: 1,
    images: [{ image: "web:1", digest: "sha256:web-1" }],
  });
});

test("planApplication() holds a paused rollout, repairs what runs, and goes on afterwards", () => {
  const world = updating();
  driveTo(world, "Rolling");
  passOver(world);
  world.wish.paused = true;
  passOver(world);
  expect(world.memory.rollout).toMatchObject({ phase: "Paused", resume: "Rolling" });
  world.settleAgents();
  world.nowMs += 10_000_000;
  expect(next(world)).toBe("Paused: ");
  world.delete("web-1-1");
  world.delete("web-2-0");
  world.settleAgents();
  expect(next(world)).toBe("Paused: create web-2-0 Running, create web-1-1 Running");
  world.wish.paused = false;
  passOver(world);
  expect(phaseOf(world)).toBe("Rolling");
  driveThrough(world, "Completed");
});

test("planApplication() waits with a good canary for a person, and a pause is no approval", () => {
  const world = updating({ canary: 1, manualApproval: true });
  driveTo(world, "Waiting");
  expect(world.memory.rollout).toMatchObject({ reason: "WaitingForApproval", batch: 1 });
  expect(planApplication(world.seen(), world.nowMs).waits[0]).toMatchObject({ owner: "user" });
  world.wish.paused = true;
  passOver(world);
  world.wish.paused = false;
  driveTo(world, "Waiting");
  expect(world.available()).toBe(3);
  world.delete("web-1-2");
  world.settleAgents();
  expect(next(world)).toBe("Waiting: create web-1-2 Running");
  world.wish.approved = "web-2";
  driveTo(world, "Rolling");
  expect(world.memory.rollout).toMatchObject({ batch: 2 });
  driveThrough(world, "Completed");
});

test("planApplication() goes on by itself after a good canary, and back after a bad one", () => {
  const world = updating({ canary: 2, batch: 2 });
  driveTo(world, "Canary");
  expect(next(world).split(", ")).toHaveLength(2);
  driveThrough(world, "Completed");
  world.wish.hash = "v3";
  world.behaviours.set("v3", "crashes");
  driveThrough(world, "RolledBack");
  expect(world.memory.current).toBe("web-2");
});

test("planApplication() pauses between batches for as long as asked", () => {
  const world = updating({ pauseMs: 20_000 });
  driveTo(world, "Waiting");
  expect(world.memory.rollout).toMatchObject({ reason: "WaitingBetweenBatches", batch: 1 });
  world.nowMs += 19_999;
  expect(next(world)).toBe("Waiting: ");
  world.nowMs += 1;
  expect(next(world)).toBe("Rolling: ");
  driveThrough(world, "Completed");
});

test("planApplication() switches without a barrier when prepare is off", () => {
  const world = updating({ prepare: false });
  expect(next(world)).toBe("Rolling: create web-2-0 Running for web-1-0");
  passOver(world);
  expect(next(world)).toBe("Rolling: web-1-0=Stopped");
  driveThrough(world, "Completed");
});

test("planApplication() skips slots on hosts that are away, and brings them along on return", () => {
  const world = completed();
  world.offline.add("node-1");
  world.wish.hash = "v2";
  passOver(world);
  driveThrough(world, "Completed");
  expect(world.memory.current).toBe("web-2");
  expect([...world.pods.keys()].toSorted()).toEqual(["web-1-1", "web-2-0", "web-2-2"]);
  const { waits } = planApplication(world.seen(), world.nowMs);
  expect(waits).toContainEqual(
    expect.objectContaining({ owner: "node/node-1", reason: "HostOffline", slot: "1" }),
  );
  world.offline.clear();
  expect(next(world)).toBe("Completed: create web-2-1 Prepared for web-1-1");
  driveThrough(world, "Completed");
  for (let round = 0; round < 10; round += 1) {
    world.settleAgents();
    passOver(world);
  }
  expect([...world.pods.keys()].toSorted()).toEqual(["web-2-0", "web-2-1", "web-2-2"]);
});

test("planApplication() with Wait holds the rollout until all hosts answer", () => {
  const world = updating({ offlineNodes: "Wait" });
  world.offline.add("node-1");
  passOver(world);
  expect(world.memory.rollout).toMatchObject({ phase: "Waiting", reason: "WaitingForNodes" });
  world.nowMs += 10_000_000;
  expect(next(world)).toBe("Waiting: ");
  world.offline.clear();
  expect(next(world)).toBe("Preparing: ");
});

test("planApplication() decides nothing while no host answers", () => {
  const world = updating();
  for (const node of ["node-0", "node-1", "node-2", "node-3"]) world.offline.add(node);
  passOver(world);
  expect(world.memory.rollout).toMatchObject({ phase: "Waiting", message: "No node answers" });
  expect(next(world)).toBe("Waiting: ");
});

test("planApplication() lets the latest template win in the middle of a rollout", () => {
  const world = updating();
  driveTo(world, "Rolling");
  passOver(world);
  world.settleAgents();
  world.wish.hash = "v3";
  passOver(world);
  expect(world.memory.rollout).toMatchObject({
    revision: "web-3",
    from: "web-1",
    phase: "Preparing",
  });
  driveThrough(world, "Completed");
  expect([...world.pods.keys()]).toEqual(["web-3-0", "web-3-1", "web-3-2"]);
  expect(world.revisions.find(({ name }) => name === "web-2")).toMatchObject({
    phase: "Failed",
    outcome: "Abandoned",
  });
});

test("planApplication() touches only the delta when scaled", () => {
  const world = completed();
  world.wish.replicas = 4;
  expect(next(world)).toBe("Completed: create web-1-3 Running");
  driveThrough(world, "Completed");
  passOver(world);
  world.wish.replicas = 2;
  expect(next(world)).toBe("Completed: delete web-1-2, delete web-1-3");
});

test("planApplication() stops everything and keeps it when asked to, and starts it again", () => {
  const world = completed({ replicas: 2 });
  world.wish.running = false;
  expect(next(world)).toBe("Completed: web-1-0=Stopped, web-1-1=Stopped");
  passOver(world);
  world.settleAgents();
  world.wish.running = true;
  expect(next(world)).toBe("Completed: web-1-0=Running, web-1-1=Running");
});

test("planApplication() makes a lost pod again, and one that ended for good after a while", () => {
  const world = completed({ replicas: 2 });
  world.pods.delete("web-1-1");
  expect(next(world)).toBe("Completed: create web-1-1 Running");
  driveThrough(world, "Completed");
  passOver(world);
  const ended = world.pods.get("web-1-0");
  if (ended !== undefined)
    Object.assign(ended, { finished: true, ready: false, up: false, createdAtMs: world.nowMs });
  const plan = planApplication(world.seen(), world.nowMs);
  expect(planText(plan)).toBe("Completed: ");
  expect(plan.requeueAfterMs).toBe(10_000);
  world.nowMs += 10_000;
  expect(next(world)).toContain("delete web-1-0");
});

test("planApplication() moves pods off Nodes that the placement no longer allows, within the batch", () => {
  const world = completed();
  for (const pod of world.pods.values()) Object.assign(pod, { misplaced: true, fits: false });
  expect(next(world)).toBe("Completed: delete web-1-0");
});

test("planApplication() makes pods again whose tag meant another image than the Revision has on record (G9)", () => {
  const world = updating();
  passOver(world);
  world.settleAgents();
  const digests = ["sha256:a", "sha256:b", "sha256:a"];
  digests.forEach((digest, slot) => {
    const pod = world.pods.get(`web-2-${slot}`);
    if (pod !== undefined) pod.digests = [{ image: "web:2", digest }];
    if (pod !== undefined) pod.prepared = slot !== 2;
  });
  expect(next(world)).toBe("Preparing: delete web-2-1");
  passOver(world);
  expect(world.revisions.at(-1)?.images).toEqual([{ image: "web:2", digest: "sha256:a" }]);
  world.pods.delete("web-2-1");
  const { steps } = planApplication(world.seen(), world.nowMs);
  expect(steps).toContainEqual(
    expect.objectContaining({ name: "web-2-1", images: [{ image: "web:2", digest: "sha256:a" }] }),
  );
});

test("planApplication() keeps as many old Revisions as asked, and the last good one whatever its age", () => {
  const world = completed({ replicas: 1 }, { monitorMs: 0, minReadyMs: 0 });
  for (const hash of ["a", "b", "c", "d", "e", "f"]) {
    world.wish.hash = hash;
    driveTo(world, "Preparing");
    driveThrough(world, "Completed");
  }
  expect(world.revisions.map(({ name }) => name)).toEqual(["web-4", "web-5", "web-6", "web-7"]);
  for (const hash of ["x1", "x2", "x3", "x4", "x5"]) {
    world.behaviours.set(hash, "crashes");
    world.wish.hash = hash;
    driveTo(world, "Preparing");
    driveThrough(world, "RolledBack");
  }
  expect(world.memory.current).toBe("web-7");
  expect(world.revisions.map(({ name }) => name)).toContain("web-7");
});

test("planApplication() waits for the name of a deleted pod, and switches nothing that is not prepared", () => {
  const world = updating();
  driveTo(world, "Rolling");
  world.delete("web-2-0");
  expect(next(world)).toBe("Rolling: web-2-1=Running(for web-1-1) then web-1-1=Stopped");
  world.act("web-2-0");
  expect(next(world)).toContain("create web-2-0 Prepared for web-1-0");
  for (const pod of world.pods.values()) if (pod.name !== "web-2-2") pod.prepared = false;
  expect(next(world)).toContain("web-2-2=Running");
  expect(next(world)).not.toContain("web-2-1=Running");
});

test("planApplication() goes from ordinals to Nodes batch by batch", () => {
  const world = completed();
  const slots = ["a", "b", "c"].map((node) => ({ id: node, node }));
  const seen = { ...world.seen(), slots };
  expect(planText(planApplication(seen, world.nowMs))).toBe(
    "Completed: delete web-1-0, create web-1-a Running, create web-1-b Running, create web-1-c Running",
  );
});

test("planApplication() does not hand over between hosts: the old pod stops first", () => {
  const world = updating();
  driveTo(world, "Rolling");
  const moved = world.pods.get("web-2-0");
  if (moved !== undefined) moved.node = "node-3";
  expect(next(world)).toBe("Rolling: web-1-0=Stopped");
  passOver(world);
  expect(next(world)).toBe("Rolling: ");
  world.settleAgents();
  expect(next(world)).toBe("Rolling: web-2-0=Running");
});
