import fc from "fast-check";
import { expect, test } from "vitest";
import { failureTo, rolloutTo } from "../../../controllers/application/memory.ts";
import { planApplication } from "../../../controllers/application/plan.ts";
import type { RolloutLine } from "../../../crds/rollout-stream.ts";
import type { Application } from "../../../crds/types.gen.ts";
import { driveTo, updating } from "../../../test/kit/rollout-drive.ts";
import { checkGrammar } from "../../../test/kit/rollout-lines.ts";
import { happen, startWorld, story } from "../../../test/kit/rollout-story.ts";
import type { RolloutWorld } from "../../../test/kit/rollout-world.ts";
import { type Follower, followerOf } from "./follower.ts";

const runs = Number(process.env["PLAN_RUNS"] ?? 30);

const clock = { nowMs: () => Date.UTC(2026, 0, 1) };
const follower = (follow = true): Follower => followerOf({ follow, ...clock });

/** The Application as the API server would show it. Not all of it is read. */
function applicationOf({ memory }: RolloutWorld, more: object = {}): Application {
  const { current, failed, rollout } = memory;
  const object = {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name: "web", uid: "u1", generation: 1 },
    status: {
      observedGeneration: 1,
      ...(current === undefined ? {} : { currentRevision: current }),
      ...(failed === undefined ? {} : { failedRevision: failureTo(failed) }),
      ...(rollout === undefined ? {} : { rollout: rolloutTo(rollout) }),
    },
    ...more,
  };
  return object as unknown as Application;
}

function pass(world: RolloutWorld, crashAfter: number): void {
  const plan = planApplication(world.seen(), world.nowMs);
  const acts = world.actsOf(plan);
  for (const act of acts.slice(0, crashAfter)) world.apply(act);
  if (crashAfter >= acts.length) world.memory = plan.memory;
}

const text = (lines: readonly RolloutLine[]): readonly string[] =>
  lines.map(({ Status, Endpoint, Item, Total, Verdict }) =>
    [Status, Endpoint, `${Item}/${Total}`, Verdict].filter((part) => part).join(" "),
  );

/** Reads rollout after rollout, as a client does that comes back after each verdict. */
function reader() {
  let current = follower();
  let lines: RolloutLine[] = [];
  return {
    see(application: Application): void {
      lines.push(...current.see(application));
      checkGrammar(lines);
      if (!current.isOver) return;
      current = follower();
      lines = [];
    },
    /** What it was told of a rollout that goes on. */
    get lines() {
      return lines;
    },
  };
}

test("the stream keeps its grammar through any history, also for readers that miss states or come late", () => {
  const holds = fc.property(story, fc.infiniteStream(fc.boolean()), (tale, misses) => {
    const world = startWorld(tale);
    const [everything, some] = [reader(), reader()];
    for (const event of tale.happenings) {
      happen(world, event, pass);
      const application = applicationOf(world);
      everything.see(application);
      if (misses.next().value !== true) some.see(application);
      const late = follower(false).see(application);
      checkGrammar(late);
      // Whoever comes later reads the same lines in the same order.
      expect(late.slice(0, everything.lines.length)).toEqual(everything.lines);
    }
  });
  fc.assert(holds, { numRuns: runs });
}, 60_000);

/** All lines up to the phase, as somebody reads them who follows from the beginning. */
function told(world: RolloutWorld, phase: string): readonly string[] {
  driveTo(world, phase);
  return text(follower().see(applicationOf(world)));
}

test("a rollout that succeeds tells of each batch, and that it did", () => {
  expect(told(updating({ batch: 2 }), "Completed")).toEqual([
    "Starting prepare 0/3",
    "OK prepare 0/3",
    "OK prepare 1/3",
    "OK prepare 2/3",
    "Complete prepare 3/3",
    "Starting batch-1-replace 0/2",
    "OK batch-1-replace 0/2",
    "OK batch-1-replace 1/2",
    "Complete batch-1-replace 2/2",
    "Starting batch-2-replace 0/1",
    "OK batch-2-replace 2/1",
    "Complete batch-2-replace 1/1",
    "Starting verify 0/3",
    "OK verify 0/3",
    "OK verify 1/3",
    "OK verify 2/3",
    "Complete verify 3/3",
    "Finalized 0/0 Succeeded",
  ]);
});

test("a rollout that fails says where, what was not tried, and what runs now", () => {
  const world = updating({ batch: 2 });
  world.behaviours.set("v2", "crashes");
  driveTo(world, "RolledBack");
  const lines = follower().see(applicationOf(world));
  expect(text(lines).slice(5)).toEqual([
    "Starting batch-1-replace 0/2",
    "Error batch-1-replace 0/2",
    "Error batch-1-replace 1/2",
    "Complete batch-1-replace 2/2",
    "Starting roll-back 0/3",
    "OK roll-back 2/3",
    "OK roll-back 0/3",
    "OK roll-back 1/3",
    "Complete roll-back 3/3",
    "Finalized 0/0 RolledBack",
  ]);
  expect(lines.at(-1)?.Message).toContain("web-2 failed, web-1 runs: ");
});

test("a pause ends no block: the rest is told after it", () => {
  const world = updating({ batch: 3 });
  driveTo(world, "Rolling");
  world.wish.paused = true;
  driveTo(world, "Paused");
  const paused = follower().see(applicationOf(world));
  expect(text(paused).at(-1)).toBe("Starting batch-1-replace 0/3");
  world.wish.paused = false;
  expect(told(world, "Completed").slice(5, 11)).toEqual([
    "Starting batch-1-replace 0/3",
    "OK batch-1-replace 0/3",
    "OK batch-1-replace 1/3",
    "OK batch-1-replace 2/3",
    "Complete batch-1-replace 3/3",
    "Starting verify 0/3",
  ]);
});

test.each<readonly [string, (world: RolloutWorld) => Application | undefined, string, string]>([
  [
    "a newer one takes over",
    (world) => {
      world.wish.hash = "v3";
      driveTo(world, "Completed");
      return applicationOf(world);
    },
    "Superseded",
    "web-3 took over",
  ],
  ["the Application is gone", () => undefined, "Deleted", "The Application was deleted"],
  [
    "another Application has its name",
    (world) => applicationOf(world, { metadata: { name: "web", uid: "u2", generation: 1 } }),
    "Deleted",
    "The Application was deleted",
  ],
])("a rollout is cut short in good order when %s", (_name, change, verdict, message) => {
  const world = updating({ batch: 2 });
  driveTo(world, "Rolling");
  const reads = follower();
  const before = reads.see(applicationOf(world));
  const after = reads.see(change(world));
  checkGrammar([...before, ...after]);
  expect(text(after)).toEqual([
    "Warning batch-1-replace 0/2",
    "Warning batch-1-replace 1/2",
    "Complete batch-1-replace 2/2",
    `Finalized 0/0 ${verdict}`,
  ]);
  expect(after.map((line) => line.Message)).toContain(message);
  expect(reads.isOver).toBe(true);
  expect(reads.see(applicationOf(world))).toEqual([]);
});

test("who follows a change is not told the verdict of the one before", () => {
  const world = updating();
  driveTo(world, "Completed");
  const changed = { metadata: { name: "web", uid: "u1", generation: 2 } };
  expect(follower().see(applicationOf(world, changed))).toEqual([]);
  expect(follower(false).see(applicationOf(world, changed)).at(-1)?.Verdict).toBe("Succeeded");
});

test("who follows a retry is not told the failure before it", () => {
  const world = updating();
  world.behaviours.set("v2", "crashes");
  driveTo(world, "RolledBack");
  const failedAt = applicationOf(world).status?.failedRevision?.failedAt ?? "";
  const annotations = { "lighthouse.dev/retry": failedAt };
  const asked = { metadata: { name: "web", uid: "u1", generation: 1, annotations } };
  expect(follower().see(applicationOf(world, asked))).toEqual([]);
});

test.each<readonly [string, Parameters<typeof updating>[0], (world: RolloutWorld) => void, string]>(
  [
    ["a failure holds it", { onFailure: "Pause" }, () => {}, "Paused"],
    ["the way back is stuck", {}, (world) => world.behaviours.set("v1", "hangs"), "RollbackPaused"],
  ],
)("a rollout has failed when %s", (_name, strategy, change, phase) => {
  const world = updating(strategy);
  world.behaviours.set("v2", "crashes");
  driveTo(world, "Rolling");
  change(world);
  const lines = told(world, phase);
  expect(lines.at(-1)).toBe("Finalized 0/0 Failed");
});

test("a first rollout that fails has failed, as nothing runs after it", () => {
  const world = startWorld({
    strategy: {},
    replicas: 2,
    perNode: false,
    behaviours: ["crashes", "good", "good"],
    happenings: [],
  });
  expect(told(world, "RolledBack").at(-1)).toBe("Finalized 0/0 Failed");
});
