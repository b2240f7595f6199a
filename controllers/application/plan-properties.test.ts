import fc from "fast-check";
import { expect, test } from "vitest";
import {
  checkBegin,
  checkMemory,
  checkMissing,
  checkPause,
  checkRepeats,
  checkWake,
  isSameRollout,
} from "../../test/kit/rollout-checks.ts";
import { happen, startWorld, story, type Story } from "../../test/kit/rollout-story.ts";
import { type Behaviour, RolloutWorld } from "../../test/kit/rollout-world.ts";
import { planApplication } from "./plan.ts";
import { viewsOf } from "./slots.ts";
import type { Order, Plan, Step } from "./step.ts";

const runs = Number(process.env["PLAN_RUNS"] ?? 60);
/** For those that drive whole rollouts, several times over. */
const fewRuns = Math.ceil(runs / 2);

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
  checkBegin(world, plan);
  checkMemory(world, plan);
  checkPause(world, plan);
  checkMissing(world, plan);
  checkWake(world, plan);
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
  delete world.wish.missing;
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

test("planApplication() is idempotent: passes over an unchanged world come to rest and repeat nothing (G6)", () => {
  const holds = fc.property(story, (tale) => {
    checkRepeats(play(tale));
  });
  fc.assert(holds, { numRuns: runs });
}, 120_000);

test("planApplication() tries a failed template again when asked, once for every request (G7)", () => {
  const holds = fc.property(story, (tale) => {
    const strategy = { ...tale.strategy, tolerated: 0 };
    const wish = { perNode: tale.perNode, replicas: Math.max(1, tale.replicas) };
    const world = new RolloutWorld(wish, strategy);
    settle(world);
    world.behaviours.set("v2", "hangs");
    world.wish.hash = "v2";
    settle(world);
    const failed = world.memory.failed;
    expect(failed?.hash).toBe("v2");
    world.nowMs += 1_000;
    world.wish.retryMs = failed?.failedAtMs ?? 0;
    settle(world);
    expect(world.memory.failed?.failedAtMs, "it was tried").toBeGreaterThan(world.wish.retryMs);
    world.behaviours.set("v2", "good");
    world.nowMs += 1_000;
    settle(world);
    expect(world.memory.current, "a request counts once").toBe("web-1");
    world.wish.retryMs = world.memory.failed?.failedAtMs ?? 0;
    settle(world);
    expect(world.memory).toMatchObject({ current: "web-2", rollout: { phase: "Completed" } });
    expect(world.memory.failed).toBeUndefined();
  });
  fc.assert(holds, { numRuns: fewRuns });
}, 120_000);

test("planApplication() gives up a change half-way when the last good template is back (G2, G7)", () => {
  const holds = fc.property(story, fc.nat({ max: 12 }), (tale, passes) => {
    const { perNode, replicas } = tale;
    const world = new RolloutWorld(
      { hash: "v0", perNode, replicas: Math.max(1, replicas) },
      tale.strategy,
    );
    settle(world);
    world.behaviours.set("v1", tale.behaviours[0]);
    world.wish.hash = "v1";
    for (let round = 0; round < passes; round += 1) {
      pass(world, 1_000);
      for (const name of world.pods.keys()) world.act(name);
      world.nowMs += 1_000;
    }
    const isThrough = world.memory.current !== "web-1";
    world.wish.hash = "v0";
    settle(world);
    const current = isThrough ? "web-3" : "web-1";
    expect(world.memory).toMatchObject({ current, rollout: { phase: "Completed", hash: "v0" } });
    expect(world.available()).toBe(world.slots.length);
  });
  fc.assert(holds, { numRuns: runs });
}, 120_000);

/** What people do in the middle of a rollout: in which phase, and how many passes after it began. */
const orders = fc.array(
  fc.record({
    phase: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom("Waiting", "RollingBack") },
      fc.constantFrom("Preparing", "Canary", "Rolling", "Verifying"),
    ),
    after: fc.nat({ max: 1 }),
    kind: fc.constantFrom("pause" as const, "pause" as const, "retry" as const),
  }),
  { minLength: 4, maxLength: 8 },
);
type Interruption = typeof orders extends fc.Arbitrary<readonly (infer T)[]> ? T : never;

/** Thirty rounds of a rollout in which people do what they want. */
function interrupt(world: RolloutWorld, wanted: readonly Interruption[]): void {
  let passes = 0;
  for (let round = 0; round <= 30; round += 1) {
    const phase = world.memory.rollout?.phase;
    const now = wanted
      .filter((order) => order.phase === phase && order.after === passes)
      .map(({ kind }) => kind);
    world.wish.paused = now.includes("pause");
    if (now.includes("retry")) world.wish.retryMs = world.memory.failed?.failedAtMs ?? 0;
    for (let twice = 0; twice < 2; twice += 1) pass(world, 1_000);
    passes = world.memory.rollout?.phase === phase ? passes + 1 : 0;
    for (const name of world.pods.keys()) world.act(name);
    world.nowMs += round % 3 === 0 ? 7_000 : 1_000;
  }
}

const halfBad = fc.constantFrom<Behaviour>("good", "crashes");

test("planApplication() obeys a pause in every phase and goes on where it was, and a retry only after the verdict (G4, G6)", () => {
  const holds = fc.property(story, orders, halfBad, (tale, wanted, behaviour) => {
    const { perNode, replicas } = tale;
    const wish = { hash: "v0", perNode, replicas: Math.max(2, replicas) };
    const world = new RolloutWorld(wish, tale.strategy);
    settle(world);
    world.behaviours.set("v1", behaviour);
    world.wish.hash = "v1";
    interrupt(world, wanted);
    settle(world);
    const { phase } = world.memory.rollout ?? {};
    expect(["Completed", "RolledBack", "Paused"]).toContain(phase);
    const isTold = world.memory.current === (phase === "Completed" ? "web-2" : "web-1");
    expect(isTold || phase === "Paused").toBe(true);
  });
  fc.assert(holds, { numRuns: runs });
}, 120_000);

const policy = fc.constantFrom("Skip" as const, "Wait" as const, "Fail" as const);
const away = fc.record({
  perNode: fc.boolean(),
  offlineNodes: policy,
  nodes: fc.integer({ min: 1, max: 4 }),
});

test("planApplication() leaves hosts that are away alone, as offlineNodes says, and brings them along on return (G11)", () => {
  const holds = fc.property(story, away, (tale, { perNode, offlineNodes, nodes }) => {
    const strategy = { ...tale.strategy, offlineNodes, onFailure: "Rollback" as const };
    const wish = { hash: "v0", perNode, replicas: 4 };
    const world = new RolloutWorld(wish, { ...strategy, tolerated: 0, manualApproval: false });
    settle(world);
    for (let node = 0; node < nodes; node += 1) world.offline.add(`node-${node}`);
    world.wish.hash = "v1";
    const isAway = ({ node }: { readonly node?: string }): boolean => world.offline.has(node ?? "");
    const before = JSON.stringify([...world.pods.values()].filter(isAway));
    for (let round = 0; round < 150; round += 1) {
      world.settleAgents();
      pass(world, 1_000);
      world.nowMs += 10_000;
    }
    const untouched = [...world.pods.values()].filter(isAway);
    expect(JSON.stringify(untouched), "nothing is asked of who does not answer").toBe(before);
    const isHeld = nodes === 4 || offlineNodes === "Wait";
    const isFailed = offlineNodes === "Fail";
    const verdict = isHeld ? "Waiting" : "Completed";
    expect(world.memory.rollout?.phase).toBe(isFailed ? "RolledBack" : verdict);
    expect(world.memory.rollout?.reason === "WaitingForNodes").toBe(isHeld && !isFailed);
    settle(world);
    const now = isFailed ? "web-1" : "web-2";
    expect(world.memory.current).toBe(now);
    expect([...world.pods.values()].map(({ revision }) => revision)).toEqual(Array(4).fill(now));
  });
  fc.assert(holds, { numRuns: fewRuns });
}, 120_000);
