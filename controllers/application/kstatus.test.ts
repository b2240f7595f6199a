import { expect, test } from "vitest";
import { driveThrough, driveTo, passOver } from "../../test/kit/rollout-drive.ts";
import { kstatusOf } from "../../test/kit/kstatus.ts";
import { RolloutWorld } from "../../test/kit/rollout-world.ts";
import type { Strategy } from "./seen.ts";
import { conditionsOf } from "./conditions.ts";
import { planApplication } from "./plan.ts";

type Row = {
  readonly name: string;
  readonly strategy?: Partial<Strategy>;
  /** From a first version that runs, to the state in question. */
  readonly go: (world: RolloutWorld) => void;
  readonly want: string;
};

const change = (world: RolloutWorld, hash: string, behaviour: "crashes" | "fragile" | "good") => {
  world.behaviours.set(hash, behaviour);
  world.wish.hash = hash;
  passOver(world);
};

const rows: readonly Row[] = [
  { name: "a version that runs", go: () => undefined, want: "Current: Settled, NotStalled" },
  {
    name: "a slot that is down",
    go: (world) => void world.pods.delete("web-1-0"),
    want: "InProgress: SlotsNotReady, NotStalled",
  },
  {
    name: "an update",
    go: (world) => change(world, "v2", "good"),
    want: "InProgress: RollingOut, NotStalled",
  },
  {
    name: "an update that a person paused",
    go: (world) => {
      change(world, "v2", "good");
      world.wish.paused = true;
      passOver(world);
    },
    want: "InProgress: RollingOut, NotStalled",
  },
  {
    name: "a canary that waits for a person",
    strategy: { canary: 1, manualApproval: true },
    go: (world) => {
      change(world, "v2", "good");
      driveTo(world, "Waiting");
    },
    want: "InProgress: WaitingForApproval, NotStalled",
  },
  {
    name: "a rollback",
    go: (world) => {
      change(world, "v2", "crashes");
      driveTo(world, "RollingBack");
    },
    want: "InProgress: RollingBack, NotStalled",
  },
  {
    name: "a rollback that a person paused",
    go: (world) => {
      change(world, "v2", "crashes");
      driveTo(world, "RollingBack");
      world.wish.paused = true;
      passOver(world);
    },
    want: "Failed: Settled, PausedByUser",
  },
  {
    name: "a change that was rolled back",
    go: (world) => {
      change(world, "v2", "crashes");
      driveThrough(world, "RolledBack");
    },
    want: "Failed: Settled, RolledBack",
  },
  {
    name: "a rollback that does not come through",
    go: (world) => {
      change(world, "v2", "fragile");
      driveTo(world, "Verifying");
      world.behaviours.set("v1", "hangs");
      world.nowMs += 2_000;
      world.trip("web-2-0");
      driveTo(world, "RollbackPaused");
    },
    want: "Failed: Settled, RollbackPaused",
  },
  {
    name: "a failure that pauses",
    strategy: { onFailure: "Pause" },
    go: (world) => {
      change(world, "v2", "crashes");
      driveTo(world, "Paused");
    },
    want: "Failed: Settled, PausedByFailure",
  },
];

const told = (world: RolloutWorld): string => {
  const plan = planApplication(world.seen(), world.nowMs);
  const about = { generation: 1, nowMs: world.nowMs };
  const all = conditionsOf(undefined, world.seen(), plan, about);
  const [reconciling, stalled] = ["Reconciling", "Stalled"].map(
    (type) => all.find((one) => one.type === type)?.reason,
  );
  return `${kstatusOf(all)}: ${reconciling}, ${stalled}`;
};

test.each(rows)("conditionsOf() lets kstatus see $name (G13)", ({ strategy = {}, go, want }) => {
  const world = new RolloutWorld({}, strategy);
  driveThrough(world, "Completed");
  go(world);
  expect(told(world)).toBe(want);
});

test("conditionsOf() lets kstatus see that a first rollout failed (G13)", () => {
  const world = new RolloutWorld({});
  world.behaviours.set("v1", "crashes");
  driveThrough(world, "RolledBack");
  expect(told(world)).toBe("Failed: Settled, FirstRolloutFailed");
});

test("conditionsOf() says in Reconciling who is awaited, and the last words (G12)", () => {
  const world = new RolloutWorld({});
  driveThrough(world, "Completed");
  change(world, "v2", "good");
  passOver(world);
  for (const pod of world.pods.values()) {
    if (pod.revision !== "web-2") continue;
    pod.node = "db-1";
    pod.trouble = { reason: "ErrImagePull", message: "no such host" };
  }
  const plan = planApplication(world.seen(), world.nowMs);
  const all = conditionsOf([], world.seen(), plan, { generation: 1, nowMs: world.nowMs });
  expect(all.find(({ type }) => type === "Reconciling")?.message).toBe(
    "Rolling out web-2; waits for node/db-1: slot 0: pod web-2-0 on db-1 is not prepared: " +
      "no such host (and 2 more)",
  );
});
