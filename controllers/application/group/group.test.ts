import { beforeEach, expect, test } from "vitest";
import { GroupWorld } from "../../../test/kit/group-world.ts";
import type { Strategy } from "../seen.ts";

let world: GroupWorld;
beforeEach(() => {
  world = new GroupWorld();
});

const quick: Partial<Strategy> = { minReadyMs: 0, monitorMs: 10_000, batch: 5 };

/** Members of these orders, all on their first Revision. */
function settled(orders: Readonly<Record<string, number>>): void {
  for (const [name, order] of Object.entries(orders)) world.add(name, { order }, quick);
  world.settle();
  expect(current()).toEqual(
    Object.fromEntries(Object.keys(orders).map((name) => [name, `${name}-1`])),
  );
}

function current(): Record<string, string | undefined> {
  return Object.fromEntries(
    [...world.members.keys()].map((name) => [name, world.memory(name).current]),
  );
}

const stageOf = (name: string): string | undefined => world.memory(name).rollout?.group?.stage;

const phases = (): Record<string, string | undefined> =>
  Object.fromEntries(
    [...world.members.keys()].map((name) => [name, world.memory(name).rollout?.phase]),
  );

const change = (name: string, hash: string): void =>
  world.wish(name, ({ world }) => void (world.wish.hash = hash));

/** One round of agents and passes without letting time go by. */
function beat(times = 1): void {
  for (let time = 0; time < times; time += 1) {
    for (const [name, { world: own }] of world.members) {
      own.settleAgents();
      world.pass(name);
    }
  }
}

test("a group becomes final together", () => {
  settled({ db: 0, web: 10 });
  change("db", "v2");
  change("web", "v2");
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-2" });
  expect(world.memory("db").rollout?.group).toMatchObject({
    stage: "Done",
    members: ["db", "web"],
  });
});

test("a group switches in order, each said to wait for the one before", () => {
  settled({ db: 0, web: 10 });
  change("web", "v2");
  change("db", "v2");
  beat(3);
  world.advance(6_000);
  beat(2);
  expect(phases()).toMatchObject({ web: "Preparing" });
  expect(["Rolling", "Verifying"]).toContain(world.memory("db").rollout?.phase);
  const { plan } = world.read("web");
  expect(plan.waits).toContainEqual(
    expect.objectContaining({
      owner: "application/db",
      reason: "WaitingForGroup",
      message: expect.stringContaining("goes first (rollout-order 0)") as string,
    }),
  );
});

test("a member that fails while it prepares sends all home untouched", () => {
  settled({ db: 0, web: 10 });
  world.member("web").world.behaviours.set("v2", "unpullable");
  change("db", "v2");
  change("web", "v2");
  const before = JSON.stringify([...world.member("db").world.pods.values()]);
  world.settle();
  expect(current()).toEqual({ db: "db-1", web: "web-1" });
  expect(phases()).toEqual({ db: "RolledBack", web: "RolledBack" });
  expect(world.memory("db").failed).toMatchObject({ reason: "GroupFailed" });
  expect(world.memory("db").failed?.message).toContain("application/web of the group shop failed");
  expect(JSON.stringify([...world.member("db").world.pods.values()])).toBe(before);
});

test("a member that is through goes back when another one fails", () => {
  settled({ db: 0, web: 10 });
  world.member("web").world.behaviours.set("v2", "crashes");
  change("db", "v2");
  change("web", "v2");
  const seen = new Set<string>();
  world.settle(({ name, plan }) => {
    if (name === "db") seen.add(plan.memory.rollout?.group?.stage ?? "");
  });
  expect(seen).toContain("Switched");
  expect(current()).toEqual({ db: "db-1", web: "web-1" });
  expect(phases()).toEqual({ db: "RolledBack", web: "RolledBack" });
});

test("a member that agreed and waits goes back too, and can no longer fail by itself", () => {
  settled({ db: 0, web: 10 });
  world.member("db").world.behaviours.set("v2", "fragile");
  change("db", "v2");
  change("web", "v2");
  world.member("web").world.behaviours.set("v2", "hangs");
  for (let round = 0; round < 60 && stageOf("db") !== "Agreed"; round += 1) {
    beat();
    world.advance(2_000);
  }
  const { world: db } = world.member("db");
  for (const name of db.pods.keys()) db.trip(name);
  beat(3);
  expect(phases()).toMatchObject({ db: "Verifying", web: "Rolling" });
  expect(world.read("db").plan.waits).toContainEqual(
    expect.objectContaining({ owner: "application/web", reason: "WaitingForGroup" }),
  );
  world.settle();
  expect(current()).toEqual({ db: "db-1", web: "web-1" });
});

test("a failed first rollout of one leaves nothing of any running", () => {
  world.add("db", {}, quick);
  world.add("web", {}, quick).behaviours.set("v1", "crashes");
  world.settle();
  expect(current()).toEqual({ db: undefined, web: undefined });
  expect(phases()).toEqual({ db: "RolledBack", web: "RolledBack" });
  expect(world.member("db").world.pods.size).toBe(0);
});

test("a new template of the one that failed lets all go again", () => {
  settled({ db: 0, web: 10 });
  world.member("web").world.behaviours.set("v2", "crashes");
  change("db", "v2");
  change("web", "v2");
  world.settle();
  change("web", "v3");
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-3" });
  expect(phases()).toEqual({ db: "Completed", web: "Completed" });
});

test("a retry of the one that failed lets all go again", () => {
  settled({ db: 0, web: 10 });
  const web = world.member("web").world;
  web.behaviours.set("v2", "crashes");
  change("db", "v2");
  change("web", "v2");
  world.settle();
  web.behaviours.set("v2", "good");
  world.wish(
    "web",
    ({ world: own }) => void (own.wish.retryMs = own.memory.failed?.failedAtMs ?? 0),
  );
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-2" });
});

test("while a member asks for what failed, a change of another one is refused, and goes with the repair", () => {
  settled({ db: 0, web: 10 });
  world.member("web").world.behaviours.set("v2", "crashes");
  change("web", "v2");
  world.settle();
  change("db", "v2");
  world.settle();
  expect(phases()).toEqual({ db: "RolledBack", web: "RolledBack" });
  expect(world.memory("db").failed?.reason).toBe("GroupFailed");
  change("web", "v1");
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-1" });
});

test("a member without a change takes no part", () => {
  settled({ db: 0, web: 10 });
  change("web", "v2");
  world.settle();
  expect(current()).toEqual({ db: "db-1", web: "web-2" });
  expect(world.memory("db").rollout?.revision).toBe("db-1");
});

test("a change during a round waits for its end", () => {
  settled({ db: 0, web: 10 });
  change("db", "v2");
  beat(3);
  world.advance(6_000);
  beat(3);
  expect(phases()).toMatchObject({ db: "Verifying" });
  change("web", "v2");
  beat(4);
  expect(stageOf("web")).toBe("Queued");
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-2" });
  expect(world.memory("web").rollout?.group?.round).toBeGreaterThan(
    world.memory("db").rollout?.group?.round ?? 0,
  );
});

test("a member that is taken back in the middle no longer holds the others", () => {
  settled({ db: 0, web: 10 });
  world.member("web").world.behaviours.set("v2", "hangs");
  change("db", "v2");
  change("web", "v2");
  for (let round = 0; round < 20; round += 1) {
    beat();
    world.advance(2_000);
  }
  expect(phases()).toEqual({ db: "Verifying", web: "Rolling" });
  change("web", "v1");
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-1" });
});

test("a member that is deleted in the middle no longer holds the others", () => {
  settled({ db: 0, web: 10 });
  world.member("web").world.behaviours.set("v2", "hangs");
  change("db", "v2");
  change("web", "v2");
  for (let round = 0; round < 20; round += 1) {
    beat();
    world.advance(2_000);
  }
  world.remove("web");
  world.settle();
  expect(current()).toEqual({ db: "db-2" });
});

test("a template that is changed after the consent waits for the verdict", () => {
  settled({ db: 0, web: 10 });
  const web = world.member("web").world;
  web.behaviours.set("v2", "hangs");
  change("db", "v2");
  change("web", "v2");
  for (let round = 0; round < 60 && stageOf("db") !== "Agreed"; round += 1) {
    beat();
    world.advance(2_000);
  }
  change("db", "v3");
  beat(2);
  expect(world.read("db").plan).toMatchObject({ target: "db-2", isBehind: true });
  web.behaviours.set("v2", "good");
  const finals = new Set<string>();
  world.settle(({ name, plan }) => {
    if (name === "db") finals.add(plan.memory.current ?? "");
  });
  expect([...finals]).toEqual(["db-1", "db-2", "db-3"]);
  expect(current()).toEqual({ db: "db-3", web: "web-2" });
});

test("members of another version of the group are waited for", () => {
  settled({ db: 0, web: 10 });
  world.wish("db", (db) => {
    db.version = "2";
    db.world.wish.hash = "v2";
  });
  world.settle();
  expect(phases()).toMatchObject({ db: "Preparing" });
  expect(world.read("db").plan.waits[0]?.message).toBe(
    "application/web carries no version of the group, not version 2",
  );
  world.wish("web", (web) => void (web.version = "2"));
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-1" });
});

test("a member that its user pauses holds all, and each says so", () => {
  settled({ db: 0, web: 10 });
  change("db", "v2");
  change("web", "v2");
  world.wish("web", ({ world: own }) => void (own.wish.paused = true));
  world.settle();
  expect(phases()).toEqual({ db: "Preparing", web: "Paused" });
  expect(world.read("db").plan.waits[0]?.message).toContain("spec.paused is true");
  world.wish("web", ({ world: own }) => void (own.wish.paused = false));
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-2" });
});

test("a member that pauses on failure holds the others where they are", () => {
  world.add("db", { replicas: 4 }, { ...quick, batch: 1, minReadyMs: 20_000 });
  world.add("web", {}, { ...quick, onFailure: "Pause" }).behaviours.set("v2", "crashes");
  world.settle();
  change("db", "v2");
  change("web", "v2");
  world.settle();
  expect(phases()).toEqual({ db: "Waiting", web: "Paused" });
  change("web", "v3");
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-3" });
});

test("one failure rolls back also a member whose own policy is to pause", () => {
  world.add("db", {}, { ...quick, onFailure: "Pause" });
  world.add("web", { order: 10 }, quick).behaviours.set("v2", "crashes");
  world.settle();
  change("db", "v2");
  change("web", "v2");
  world.settle();
  expect(phases()).toEqual({ db: "RolledBack", web: "RolledBack" });
});

test("a template that went down with its group goes alone once its Application left the group", () => {
  settled({ db: 0, web: 10 });
  world.member("web").world.behaviours.set("v2", "crashes");
  change("db", "v2");
  change("web", "v2");
  world.settle();
  world.leave("db");
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-1" });
  expect(world.memory("db").rollout?.group).toBeUndefined();
});

test("one that joined while the others were about to end the round touches nothing, and takes the next", () => {
  settled({ db: 0, web: 0 });
  change("db", "v2");
  beat(4);
  world.advance(6_000);
  expect(stageOf("db")).toBe("Prepared");
  const switching = world.read("db");
  expect(switching.plan.memory.rollout).toMatchObject({ phase: "Rolling" });
  change("web", "v2");
  world.pass("web");
  const joining = world.read("web");
  expect(joining.plan.memory.rollout).toMatchObject({ group: { stage: "Preparing", round: 2 } });
  world.write(switching);
  const { world: db } = world.member("db");
  for (let pass = 0; pass < 20 && stageOf("db") !== "Agreed"; pass += 1) {
    db.settleAgents();
    world.pass("db");
    world.advance(2_000);
  }
  const ending = world.read("db");
  expect(ending.plan.memory.rollout).toMatchObject({ phase: "Completed" });
  // Both write what they decided on: neither has seen the other.
  world.write(joining);
  for (let pass = 0; pass < 4; pass += 1) {
    world.member("web").world.settleAgents();
    world.pass("web");
  }
  expect(phases()).toMatchObject({ web: "Preparing" });
  expect(world.read("web").plan.waits).toMatchObject([
    { message: "application/db has not taken note of this rollout yet" },
  ]);
  world.write(ending);
  world.member("web").world.behaviours.set("v2", "crashes");
  world.settle();
  expect(current()).toEqual({ db: "db-2", web: "web-1" });
  expect(world.memory("web")).toMatchObject({ rollout: { group: { round: 3, failed: 3 } } });
});
