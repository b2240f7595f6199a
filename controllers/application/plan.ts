import { applicationReason, terminalPhases } from "../../crds/conditions.ts";
import type { RolloutPhase } from "../../crds/types.gen.ts";
import { rollingBack } from "./backward.ts";
import { batchesOf } from "./batches.ts";
import { blocksAfter } from "./blocks/blocks.ts";
import { type Context, isCutOff, type Turn } from "./context.ts";
import { defined } from "./defined.ts";
import { canary, preparing, rolling, verifying, waiting } from "./forward.ts";
import { holdForGroup } from "./group/group-turns.ts";
import { imagesOf, markRevisions, trimRevisions } from "./marks.ts";
import { isBound, isGroupRetry, membershipAfter, membershipAtBegin } from "./group/membership.ts";
import { eachOnce } from "./each-once.ts";
import type { Memory, MissingSeen, Rollout, Seen } from "./seen.ts";
import { homesOf } from "./homes.ts";
import { noticesOf } from "./notices.ts";
import { recorded } from "./progress.ts";
import { viewsOf } from "./slots.ts";
import { paused, steady } from "./steady.ts";
import type { Plan } from "./step.ts";
import { holdForStop } from "./stopped.ts";
import { resolveTarget, type Target } from "./target.ts";
import { enter } from "./transitions.ts";
import { waitForNodes } from "./waits.ts";

/** How soon to look again whether ConfigMaps and Secrets have been read. Milliseconds. */
const rereadMs = 250;
const forwardPhases: readonly RolloutPhase[] = ["Preparing", "Canary", "Rolling", "Verifying"];
const isTerminal = (phase: RolloutPhase): boolean => terminalPhases.includes(phase);

/** Phases in which a template that failed may be tried again; also when the way back does not come through. */
const retriable: readonly RolloutPhase[] = ["RolledBack", "Paused", "RollbackPaused"];

/** Whether a person asked for the failed template to be tried once more. */
function isRetried({ memory, hash, retryMs }: Seen): boolean {
  const { failed, rollout } = memory;
  if (failed === undefined || failed.hash !== hash || failed.failedAtMs !== retryMs) return false;
  return rollout !== undefined && retriable.includes(rollout.phase);
}

/**
 * Where a rollout begins. A first one has nothing to protect: its pods start as soon as they can,
 * without the barrier of Preparing. One back to the last good Revision needs no proof again.
 */
function firstPhase(seen: Seen, target: string): RolloutPhase {
  const { pods, memory, strategy, group, running } = seen;
  const others = pods.filter((pod) => pod.revision !== target);
  if (target === memory.current) return others.length === 0 ? "Completed" : "Rolling";
  // A group prepares together, whatever its members would do alone.
  if (group !== undefined) return "Preparing";
  const serves = others.some((pod) => !pod.terminating && pod.desired === "Running");
  // What is stopped for now is protected as well.
  const isBusy = serves || (!running && memory.current !== undefined);
  if (isBusy && strategy.prepare) return "Preparing";
  return isBusy && strategy.canary > 0 ? "Canary" : "Rolling";
}

function begin(seen: Seen, target: string, nowMs: number): Rollout {
  const phase = firstPhase(seen, target);
  const { current } = seen.memory;
  const isProven = target === current;
  const from = current === undefined || isProven ? {} : { from: current };
  const group = membershipAtBegin(seen, isProven, nowMs);
  return {
    phase,
    ...defined({ group }),
    revision: target,
    ...from,
    hash: seen.hash,
    reason: phase === "Completed" ? applicationReason.completed : applicationReason.rollingOut,
    message: isProven ? `Back to ${target}` : `Rolling out ${target}`,
    batch: phase === "Rolling" || phase === "Canary" ? 1 : 0,
    batches: batchesOf({ revision: target, ...from }, seen),
    failedSlots: [],
    startedAtMs: nowMs,
    phaseStartedAtMs: nowMs,
    progressedAtMs: nowMs,
    ...(phase === "Completed" ? { finishedAtMs: nowMs } : {}),
    steps: [],
    instances: [],
  };
}

/** The phase to go on with after a pause. A wait begins anew: a missing approval is still missing. */
function resumeOf({ phase, reason, resume }: Rollout): RolloutPhase {
  if (phase !== "Waiting") return phase;
  return reason === applicationReason.waitingForApproval ? "Canary" : (resume ?? "Rolling");
}

function unpause(context: Context): Turn {
  const { seen, rollout } = context;
  const { failed } = seen.memory;
  const resume = rollout.resume ?? "Rolling";
  if (failed !== undefined && !forwardPhases.includes(resume)) {
    return enter(context, resume, { reason: failed.reason, message: failed.message });
  }
  const message = "spec.paused is no longer true";
  return enter(context, resume, { reason: applicationReason.rollingOut, message });
}

/** A person's pause, and its end. */
function holdForUser(context: Context): Turn | undefined {
  const { seen, rollout } = context;
  if (seen.paused && rollout.phase !== "Paused" && !isTerminal(rollout.phase)) {
    return enter(context, "Paused", {
      resume: resumeOf(rollout),
      reason: applicationReason.pausedByUser,
      message: "spec.paused is true",
    });
  }
  const isHeld = rollout.phase === "Paused" && rollout.reason === applicationReason.pausedByUser;
  return isHeld && !seen.paused ? unpause(context) : undefined;
}

/** Nodes that are away hold what cannot be decided without them. */
function holdForNodes(context: Context): Turn | undefined {
  const { phase } = context.rollout;
  if (!forwardPhases.includes(phase) || !isCutOff(context)) return undefined;
  return enter(context, "Waiting", {
    resume: phase,
    reason: applicationReason.waitingForNodes,
    message: context.reachable.length === 0 ? "No node answers" : "Some nodes do not answer",
  });
}

const turns: Readonly<Record<RolloutPhase, (context: Context) => Turn>> = {
  Preparing: preparing,
  Canary: canary,
  Rolling: rolling,
  Waiting: waiting,
  Verifying: verifying,
  RollingBack: rollingBack,
  RollbackPaused: rollingBack,
  Paused: paused,
  Completed: steady,
  RolledBack: steady,
};

function advance(seen: Context): Turn {
  const context = recorded(seen);
  const held =
    holdForUser(context) ?? holdForGroup(context) ?? holdForNodes(context) ?? holdForStop(context);
  return held ?? turns[context.rollout.phase](context);
}

function contextOf(seen: Seen, target: Target, rollout: Rollout, nowMs: number): Context {
  const views = viewsOf(seen, target.name);
  const reachable = views.filter((view) => !view.offline);
  const images = imagesOf(target, seen.pods);
  return { seen, nowMs, rollout, target: { name: target.name, images }, views, reachable };
}

function wakeAfterMs({ wakeAtMs }: Turn, nowMs: number): number | undefined {
  const next = Math.min(...wakeAtMs.filter((atMs) => atMs > nowMs));
  return Number.isFinite(next) ? Math.max(1, Math.ceil(next - nowMs)) : undefined;
}

/** The plan of a pass in which a rollout begins: nothing but its record. */
function planBegin(seen: Seen, target: Target, nowMs: number): Plan {
  const started = begin(seen, target.name, nowMs);
  const rollout = { ...started, ...blocksAfter(undefined, started, seen, nowMs) };
  const { failed: _failed, ...kept } = seen.memory;
  const memory: Memory = { ...kept, rollout };
  const notice = { type: "Normal", reason: rollout.reason, message: rollout.message } as const;
  return {
    steps: [...target.steps, ...markRevisions(seen, memory, nowMs)],
    memory,
    target: target.name,
    waits: [],
    notices: rollout.phase === "Completed" ? [] : [notice],
  };
}

/** The Revision that is being rolled out, whatever the template is by now. */
function targetOf({ revisions }: Seen, { revision: name }: Rollout): Target {
  return { name, images: revisions.find((one) => one.name === name)?.images ?? [], steps: [] };
}

function memoryAfter({ memory }: Seen, { current, failed }: Turn, rollout: Rollout): Memory {
  return { ...memory, ...defined({ current, failed }), rollout };
}

/** The plan of a pass in which a rollout goes on, or none does. */
function planNext(context: Context, before: Rollout, target: Target): Plan {
  const { seen, nowMs } = context;
  const turn = advance(context);
  const isFinal = isTerminal(turn.rollout.phase);
  const batches = isFinal ? before.batches : batchesOf(before, seen);
  const { group: _former, ...kept } = turn.rollout;
  const group = membershipAfter(seen, turn.rollout, nowMs);
  const counted = { ...kept, batches, ...defined({ group }) };
  const rollout = { ...counted, ...blocksAfter(before, counted, seen, nowMs) };
  const memory = memoryAfter(seen, turn, rollout);
  const isSamePhase = rollout.phase === before.phase;
  const requeueAfterMs = isSamePhase ? wakeAfterMs(turn, nowMs) : 1;
  const inPhase = isFinal ? [...turn.steps, ...trimRevisions(seen, memory)] : turn.steps;
  return {
    steps: [
      ...target.steps,
      ...markRevisions(seen, memory, nowMs),
      ...(isSamePhase ? inPhase : []),
    ],
    memory,
    target: target.name,
    waits: [...turn.waits, ...(isFinal ? [] : waitForNodes(context))],
    notices: [...turn.notices, ...noticesOf(before, rollout, seen)],
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

/**
 * What the template reloads on is missing or not known yet: no rollout begins, and the one that is
 * there goes on as if nothing had changed.
 */
function planWithout(seen: Seen, missing: readonly MissingSeen[], nowMs: number): Plan {
  const reason = applicationReason.waitingForConfig;
  const waits = missing.map((one) => ({ ...one, reason }));
  const message = missing.map((one) => one.message).join(", ");
  const before = seen.memory.rollout;
  const isUnread = missing.some(({ owner }) => owner === "api-server");
  const soonMs = isUnread ? rereadMs : Infinity;
  if (before === undefined) {
    const none = { steps: [], memory: seen.memory, target: "", waits, notices: [] };
    const again = isUnread ? { requeueAfterMs: soonMs } : {};
    return { ...none, blocked: { reason, message }, ...again };
  }
  const target = targetOf(seen, before);
  const plan = planNext(contextOf(seen, target, before, nowMs), before, target);
  const requeueAfterMs = Math.min(plan.requeueAfterMs ?? Infinity, soonMs);
  return {
    ...plan,
    waits: [...waits, ...plan.waits],
    ...(before.hash === seen.hash ? {} : { blocked: { reason, message } }),
    ...(Number.isFinite(requeueAfterMs) ? { requeueAfterMs } : {}),
  };
}

/** The memory with the homes of slots that have no pod; those of slots that have one are dropped. */
function withHomes(plan: Plan, seen: Seen): Plan {
  const { homes: _homes, ...memory } = plan.memory;
  return { ...plan, memory: { ...memory, ...defined({ homes: homesOf(seen) }) } };
}

function planRollout(seen: Seen, nowMs: number): Plan {
  const before = seen.memory.rollout;
  if (seen.missing !== undefined) return planWithout(seen, seen.missing, nowMs);
  if (before !== undefined && isBound(seen, before)) {
    // Its consent stands: a newer template has to wait for the verdict on this one.
    const target = targetOf(seen, before);
    return {
      ...planNext(contextOf(seen, target, before, nowMs), before, target),
      isBehind: before.hash !== seen.hash,
    };
  }
  const target = resolveTarget(seen);
  const isNew = before?.revision !== target.name || isRetried(seen) || isGroupRetry(seen);
  if (before === undefined || isNew) return planBegin(seen, target, nowMs);
  return planNext(contextOf(seen, target, before, nowMs), before, target);
}

/**
 * Decides what to do now. Pure, total and level-based: everything it needs to know of the past is
 * in `seen.memory` and on the pods, so that any process may go on at any point. A turn that changes
 * the phase touches no pod: the phase is on record before anything is done in its name.
 */
export function planApplication(seen: Seen, nowMs: number): Plan {
  const plan = planRollout(seen, nowMs);
  return withHomes({ ...plan, steps: eachOnce(plan.steps) }, seen);
}
