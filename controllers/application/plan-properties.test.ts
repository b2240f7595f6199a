import fc from "fast-check";
import { expect, test } from "vitest";
import { happen, startWorld, story, type Story } from "../../test/kit/rollout-story.ts";
import { type Behaviour, RolloutWorld } from "../../test/kit/rollout-world.ts";
import { planApplication } from "./plan.ts";
import { viewsOf } from "./slots.ts";
import type { Order, Plan, Step } from "./step.ts";

const runs = Number(process.env["PLAN_RUNS"] ?? 60);

const isLeaving = ({ memory }: RolloutWorld): boolean =>
  ["RollingBack", "RolledBack"].includes(memory.rollout?.phase ?? "");

/** The least number of slots that must serve after the act, if it takes one down. */
function floorOf(world: RolloutWorld, act: Step | Order, plan: Plan): number {
  const { batch, order, tolerated } = world.strategy;
  const failing = Math.min(tolerated, plan.memory.rollout?.failedSlots.length ?? 0);
  // Whoever drains a Node takes its own slot down, which has no other place: that counts like a batch.
  const doomed = "kind" in act && act.kind === "deletePod" ? world.pods.get(act.name) : undefined;
  const isDrain = world.wish.perNode && doomed?.evicting === true;
  // Removing what the placement no longer allows, or what a rollback leaves, counts like a batch.
  return world.reachable() - failing - (order === "StartFirst" && !isDrain ? 0 : batch);
}

/** No act takes slots down while the budget is used up. */
function checkBudget(world: RolloutWorld, act: Step | Order, plan: Plan): void {
  const before = world.available();
  const floor = floorOf(world, act, plan);
  world.apply(act);
  // A first rollout that failed leaves nothing running: that is asked for.
  const leavesNothing = world.memory.current === undefined && isLeaving(world);
  if (!world.wish.running || leavesNothing) return;
  const lost = before - world.available();
  if (lost > 0)
    expect(world.available(), JSON.stringify(act)).toBeGreaterThanOrEqual(Math.min(before, floor));
}

function isSameRollout(world: RolloutWorld, plan: Plan): boolean {
  const before = world.memory.rollout;
  const after = plan.memory.rollout;
  return before?.revision === after?.revision && before?.startedAtMs === after?.startedAtMs;
}

/** Nothing that runs is touched before every slot is prepared. */
function checkPrepared(world: RolloutWorld, plan: Plan): void {
  const after = plan.memory.rollout;
  if (world.memory.rollout?.phase !== "Preparing" || !isSameRollout(world, plan)) return;
  const orders = plan.steps.flatMap((step) => (step.kind === "order" ? step.orders : []));
  const isAskedToLeave = ({ pod }: Order): boolean => world.pods.get(pod)?.evicting === true;
  // What the template before broke goes back meanwhile: it does not serve, and is known to be bad.
  const isBroken = ({ pod: name }: Order): boolean => {
    const pod = world.pods.get(name);
    const revision = world.revisions.find((one) => one.name === pod?.revision);
    return pod?.ready === false && revision?.outcome === "Failed";
  };
  const stops = orders.filter(
    (order) => order.to === "Stopped" && !isAskedToLeave(order) && !isBroken(order),
  );
  expect(world.wish.running ? stops : []).toEqual([]);
  if (after?.phase !== "Rolling" && after?.phase !== "Canary") return;
  const views = viewsOf(world.seen(), after.revision).filter(({ offline }) => !offline);
  expect(views.filter(({ goal }) => goal?.prepared !== true)).toEqual([]);
}

const followers: Readonly<Record<string, readonly string[]>> = {
  RollingBack: ["RollingBack", "RolledBack", "RollbackPaused", "Paused", "Completed"],
  RollbackPaused: ["RollbackPaused", "RolledBack", "Paused", "Completed"],
  Completed: ["Completed"],
  RolledBack: ["RolledBack"],
};

function checkTransition(world: RolloutWorld, plan: Plan): void {
  const before = world.memory.rollout?.phase;
  const after = plan.memory.rollout?.phase ?? "";
  if (before === undefined || after === before || !isSameRollout(world, plan)) return;
  expect(followers[before] ?? [after]).toContain(after);
  const onPods = plan.steps.filter(({ kind }) => !kind.endsWith("Revision"));
  expect(onPods, "a change of phase is on record before anything is done in its name").toEqual([]);
}

const isFinal = (phase: string | undefined): boolean =>
  phase === "Completed" || phase === "RolledBack";

/** In a terminal phase every reachable slot runs one Revision: the last good one. */
function checkTerminal(world: RolloutWorld, plan: Plan): void {
  const before = world.memory.rollout?.phase;
  const { rollout, current } = plan.memory;
  if (before === undefined || before === rollout?.phase || !isFinal(rollout?.phase)) return;
  const slots = new Set(world.slots.map(({ id }) => id));
  const running = [...world.pods.values()].filter(
    (pod) => pod.up && !world.offline.has(pod.node ?? "") && slots.has(pod.slot),
  );
  expect(running.filter(({ revision }) => revision !== current)).toEqual([]);
}

function pass(world: RolloutWorld, crashAfter: number): Plan {
  const seen = world.seen();
  const plan = planApplication(seen, world.nowMs);
  expect(planApplication(seen, world.nowMs), "deterministic").toEqual(plan);
  checkPrepared(world, plan);
  checkTransition(world, plan);
  checkTerminal(world, plan);
  const acts = world.actsOf(plan);
  for (const act of acts.slice(0, crashAfter)) checkBudget(world, act, plan);
  if (crashAfter >= acts.length) world.memory = plan.memory;
  return plan;
}

/** Everything comes back, everybody approves, and time goes on until nothing happens any more. */
function settle(world: RolloutWorld): Plan {
  world.restoreNodes();
  world.wish.paused = false;
  world.wish.running = true;
  for (let round = 0; round < 400; round += 1) {
    world.settleAgents();
    world.wish.approved = world.memory.rollout?.revision ?? "";
    const before = JSON.stringify([world.memory, world.revisions]);
    const plan = pass(world, 1_000);
    const isQuiet =
      plan.steps.length === 0 && before === JSON.stringify([world.memory, world.revisions]);
    if (isQuiet && plan.requeueAfterMs === undefined) return plan;
    if (isQuiet) world.nowMs += plan.requeueAfterMs ?? 0;
  }
  throw new Error(
    `Cannot settle: ${JSON.stringify(world.memory)} ${JSON.stringify([...world.pods.values()])}`,
  );
}

function play(tale: Story): RolloutWorld {
  const world = startWorld(tale);
  for (const event of tale.happenings) happen(world, event, pass);
  return world;
}

test("planApplication() keeps availability, prepares before it touches, never rolls a rollback back, and settles on one Revision (G1 to G6)", () => {
  const holds = fc.property(story, (tale) => {
    const world = play(tale);
    settle(world);
    const { rollout, current } = world.memory;
    expect(["Completed", "RolledBack", "Paused", "RollbackPaused"]).toContain(rollout?.phase);
    if (!isFinal(rollout?.phase)) return;
    const left = [...world.pods.values()].map(({ revision }) => revision);
    const wanted = current === undefined ? [] : world.slots.map(() => current);
    expect(left).toEqual(wanted);
  });
  fc.assert(holds, { numRuns: runs });
}, 120_000);

test("planApplication() completes a good template from any state (G6, G11)", () => {
  const holds = fc.property(story, (tale) => {
    const world = play({ ...tale, strategy: { ...tale.strategy, tolerated: 0 } });
    world.behaviours.set("v9", "good");
    world.wish.hash = "v9";
    world.offline.clear();
    settle(world);
    expect(world.memory.rollout?.phase).toBe("Completed");
    expect(world.available()).toBe(world.slots.length);
    const [newest] = world.revisions.toSorted((one, other) => other.number - one.number);
    expect(newest).toMatchObject({ hash: "v9", phase: "Active", outcome: "Completed" });
  });
  fc.assert(holds, { numRuns: runs });
}, 120_000);

test("planApplication() returns to the last good Revision, never merely to the previous one (G2, G7)", () => {
  const bad: fc.Arbitrary<Behaviour> = fc.constantFrom("crashes", "hangs", "unpullable");
  const holds = fc.property(story, bad, (tale, badly) => {
    const options = { ...tale.strategy, onFailure: "Rollback" as const, tolerated: 0 };
    const { perNode, replicas } = tale;
    const wish = { hash: "v0", perNode, replicas: Math.max(1, replicas) };
    const world = new RolloutWorld(wish, options);
    settle(world);
    const good = world.memory.current;
    expect(good).toBe("web-1");
    world.behaviours.set("v1", badly);
    world.behaviours.set("v2", badly);
    world.behaviours.set("v3", badly);
    for (const event of tale.happenings) {
      if (event.kind !== "scale" && event.kind !== "runState") happen(world, event, pass);
    }
    settle(world);
    expect(world.memory.current).toBe(good);
    expect(world.available()).toBe(world.slots.length);
    expect(new Set([...world.pods.values()].map(({ revision }) => revision))).toEqual(
      new Set([good]),
    );
  });
  fc.assert(holds, { numRuns: runs });
}, 120_000);

test("planApplication() settles also when every other pass is planned over an old view (G6)", () => {
  const holds = fc.property(story, (tale) => {
    const world = startWorld(tale);
    let old = world.seen();
    let isStale = false;
    const late = (world: RolloutWorld): void => {
      const seen = isStale ? old : world.seen();
      const plan = planApplication(seen, world.nowMs);
      for (const act of world.actsOf(plan)) world.apply(act);
      // A status is written over the version it was planned from, or not at all.
      if (seen.memory === world.memory) world.memory = plan.memory;
      old = isStale ? world.seen() : old;
      isStale = !isStale;
    };
    for (const event of tale.happenings) happen(world, event, late);
    world.behaviours.set("v9", "good");
    world.wish.hash = "v9";
    settle(world);
    expect(world.memory.rollout?.phase).toBe("Completed");
    expect(world.available()).toBe(world.slots.length);
  });
  fc.assert(holds, { numRuns: runs });
}, 120_000);
