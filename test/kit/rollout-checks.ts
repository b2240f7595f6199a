import { expect } from "vitest";
import { planApplication } from "../../controllers/application/plan.ts";
import type { Rollout, Trouble } from "../../controllers/application/seen.ts";
import type { Plan } from "../../controllers/application/step.ts";
import { applicationReason, terminalPhases } from "../../crds/conditions.ts";
import type { RolloutWorld } from "./rollout-world.ts";

const dayMs = 86_400_000;

const phaseOf = ({ memory }: RolloutWorld): string | undefined => memory.rollout?.phase;

/** Whether the plan goes on with the rollout that the world remembers, or both have none. */
export function isSameRollout({ memory }: RolloutWorld, plan: Plan): boolean {
  const before = memory.rollout;
  const after = plan.memory.rollout;
  return before?.revision === after?.revision && before?.startedAtMs === after?.startedAtMs;
}

/** Where a rollout that is paused in this moment has to go on once it is no longer. */
function heldAt({ phase, reason, resume }: Rollout): string {
  if (phase !== "Waiting") return phase;
  return reason === applicationReason.waitingForApproval ? "Canary" : (resume ?? "Rolling");
}

/** A way back goes on for the reason that it began for. */
function reasonAfter({ wish, memory }: RolloutWorld, before: Rollout): Partial<Trouble> {
  if (wish.paused) return { reason: before.reason, message: before.message };
  const isBack = before.resume === "RollingBack" || before.resume === "RollbackPaused";
  return (isBack ? memory.failed : undefined) ?? { reason: applicationReason.rollingOut };
}

/** A person's pause is obeyed at once and by everything but what is over, and nothing is lost by it. */
export function checkPause(world: RolloutWorld, plan: Plan): void {
  const before = world.memory.rollout;
  const after = plan.memory.rollout;
  if (before === undefined || after === undefined || !isSameRollout(world, plan)) return;
  const isHeld = before.phase === "Paused" && before.reason === applicationReason.pausedByUser;
  if (isHeld) {
    expect(after.phase, "a pause lasts as long as it is asked for").toBe(
      world.wish.paused ? "Paused" : before.resume,
    );
    const { reason, message } = reasonAfter(world, before);
    expect(after.reason).toBe(reason);
    expect(after.message === message).toBe(message !== undefined);
  } else if (world.wish.paused && !terminalPhases.includes(before.phase)) {
    expect(after.phase).toBe("Paused");
    // What a failure has paused is held by that failure.
    if (before.phase !== "Paused") expect(after.resume).toBe(heldAt(before));
  }
}

/** While something is missing, no rollout begins, it is said why, and what goes on goes on. */
export function checkMissing(world: RolloutWorld, plan: Plan): void {
  const { missing, hash } = world.wish;
  if (missing === undefined) return;
  const before = world.memory.rollout;
  expect(isSameRollout(world, plan), "no rollout begins").toBe(true);
  expect(plan.steps.filter(({ kind }) => kind === "createRevision")).toEqual([]);
  const told = missing.map((one) => ({ ...one, reason: applicationReason.waitingForConfig }));
  expect(plan.waits.slice(0, missing.length)).toEqual(told);
  const blocked = {
    reason: applicationReason.waitingForConfig,
    message: missing.map(({ message }) => message).join(", "),
  };
  expect(plan.blocked).toEqual(before?.hash === hash ? undefined : blocked);
  const isUnread = missing.some(({ owner }) => owner === "api-server");
  const soonMs = plan.requeueAfterMs ?? Infinity;
  if (isUnread) expect(soonMs).toBeLessThanOrEqual(250);
  if (before === undefined) {
    expect([plan.steps, plan.notices]).toEqual([[], []]);
    return;
  }
  const { missing: _missing, retryMs: _retry, ...seen } = world.seen();
  const without = planApplication({ ...seen, hash: before.hash }, world.nowMs);
  expect([plan.steps, plan.memory.rollout]).toEqual([without.steps, without.memory.rollout]);
}

/**
 * A pass that has nothing to do asks for the next one in time: until then nothing would be done or
 * decided, however often it were looked at.
 */
export function checkWake(world: RolloutWorld, plan: Plan): void {
  const isSamePhase = plan.memory.rollout?.phase === phaseOf(world) && isSameRollout(world, plan);
  if (!isSamePhase && isSameRollout(world, plan)) expect(plan.requeueAfterMs).toBe(1);
  if (plan.requeueAfterMs !== undefined) {
    expect(plan.requeueAfterMs).toBeGreaterThan(0);
    expect(plan.requeueAfterMs).toBeLessThan(dayMs);
  }
  if (!isSamePhase || plan.steps.length > 0) return;
  // What is put on record comes back as an event, which is a wake-up.
  if (JSON.stringify(plan.memory) !== JSON.stringify(world.memory)) return;
  const sleepMs = (plan.requeueAfterMs ?? dayMs) - 1;
  const early = planApplication(world.seen(), world.nowMs + sleepMs);
  expect([early.memory.rollout?.phase, early.steps], "asks to be woken in time").toEqual([
    phaseOf(world),
    [],
  ]);
}

/** The phase that a rollout has to begin with, from what the last good Revision and its pods have to lose. */
function beginning({ memory, pods, strategy }: RolloutWorld, target: string): string {
  const others = [...pods.values()].filter(({ revision }) => revision !== target);
  const asked = others.filter(({ terminating, desired }) => !terminating && desired === "Running");
  if (target === memory.current) return others.length === 0 ? "Completed" : "Rolling";
  if (asked.length === 0) return "Rolling";
  if (strategy.prepare) return "Preparing";
  return strategy.canary > 0 ? "Canary" : "Rolling";
}

function batchesIn({ slots, strategy: { batch, canary } }: RolloutWorld): number {
  const rest = slots.length - canary;
  if (rest <= 0) return 1;
  return Math.max(1, Math.ceil(rest / batch)) + Math.min(canary, 1);
}

const retriable: readonly (string | undefined)[] = ["RolledBack", "Paused", "RollbackPaused"];

/** A template is tried again only when somebody asked for it, and only after it has failed. */
function checkRetry({ memory, wish }: RolloutWorld, after: Rollout): void {
  if (memory.rollout?.revision !== after.revision) return;
  expect(retriable, "only what has come to rest is tried again").toContain(memory.rollout.phase);
  expect(wish.retryMs).toBe(memory.failed?.failedAtMs);
}

/** A rollout begins with a clean record, and touches nothing yet. */
export function checkBegin(world: RolloutWorld, plan: Plan): void {
  const after = plan.memory.rollout;
  if (after === undefined || isSameRollout(world, plan)) return;
  checkRetry(world, after);
  const { current } = world.memory;
  const isBack = after.revision === current;
  // What is stopped for now has nothing to lose, and may be prepared all the same.
  const isStopped = !world.wish.running && current !== undefined && !isBack;
  const phase = isStopped ? after.phase : beginning(world, after.revision);
  const startsBatch = phase === "Rolling" || phase === "Canary";
  expect(after).toMatchObject({
    phase,
    hash: world.wish.hash,
    reason: phase === "Completed" ? applicationReason.completed : applicationReason.rollingOut,
    batch: startsBatch ? 1 : 0,
    batches: current === undefined ? 1 : batchesIn(world),
    failedSlots: [],
    startedAtMs: world.nowMs,
    phaseStartedAtMs: world.nowMs,
    progressedAtMs: world.nowMs,
  });
  expect(after.from).toBe(isBack ? undefined : current);
  expect(after.finishedAtMs).toBe(phase === "Completed" ? world.nowMs : undefined);
  expect(plan.memory.failed, "an older failure is over").toBeUndefined();
  expect(plan.memory.current).toBe(current);
  expect(plan.target).toBe(after.revision);
  checkUntouched(plan);
}

/** A plan that puts something on record and asks nothing of any pod. */
function checkUntouched({ steps, notices, waits, memory }: Plan): void {
  expect(steps.filter(({ kind }) => !kind.endsWith("Revision"))).toEqual([]);
  expect(notices.length).toBe(memory.rollout?.phase === "Completed" ? 0 : 1);
  expect(waits).toEqual([]);
}

const failures: readonly string[] = ["RollingBack", "RolledBack", "RollbackPaused"];

/** What is remembered outlives a pass, unless that pass decides about it. */
export function checkMemory(world: RolloutWorld, plan: Plan): void {
  const { current, failed, rollout: before } = world.memory;
  const after = plan.memory.rollout;
  if (after === undefined || !isSameRollout(world, plan)) return;
  const becameGood = after.phase === "Completed" && before?.phase !== "Completed";
  expect(plan.memory.current).toBe(becameGood ? after.revision : current);
  const mayFail = after.phase === "RollingBack" || after.phase === "Paused";
  if (!mayFail) expect(plan.memory.failed).toEqual(failed);
  if (!failures.includes(after.phase) || after.revision === current) return;
  expect(plan.memory.failed).toMatchObject({ name: after.revision, hash: after.hash });
}

/**
 * Passes over a world in which nothing else happens come to an end, and never do the same thing
 * twice: every act is seen in what the next pass looks at.
 */
export function checkRepeats(world: RolloutWorld): void {
  const done = new Set<string>();
  for (let round = 0; round < 12; round += 1) {
    const before = JSON.stringify([world.memory, world.revisions]);
    const plan = planApplication(world.seen(), world.nowMs);
    for (const act of world.actsOf(plan)) {
      const text = JSON.stringify(act);
      expect(done.has(text), `done twice: ${text}`).toBe(false);
      done.add(text);
      world.apply(act);
    }
    world.memory = plan.memory;
    const after = JSON.stringify([world.memory, world.revisions]);
    if (plan.steps.length === 0 && before === after) return;
  }
  throw new Error(`Cannot come to rest: ${JSON.stringify(world.memory)}`);
}
