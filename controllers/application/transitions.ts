import { applicationReason } from "../../crds/conditions.ts";
import type { RolloutPhase } from "../../crds/types.gen.ts";
import { type Context, stay, type Turn } from "./context.ts";
import { spanText } from "./notices.ts";
import { carriedInto } from "./progress.ts";
import type { Rollout, Trouble } from "./seen.ts";

/** What a phase is entered with; the rest of the rollout's memory stays. */
export type Entry = Trouble & {
  readonly resume?: RolloutPhase;
  readonly batch?: number;
  readonly failedSlots?: readonly string[];
};

/** The rollout in its next phase. Nothing else is done in that turn, so that the phase is on record first. */
export function enter(context: Context, phase: RolloutPhase, entry: Entry): Turn {
  const { resume: _resume, finishedAtMs: _finished, ...former } = context.rollout;
  const { progressMark: _mark, readySinceMs: _ready, readySlots: _slots, ...kept } = former;
  const { nowMs } = context;
  const isFinal = phase === "Completed" || phase === "RolledBack";
  const startsBatch = entry.batch !== undefined && entry.batch !== kept.batch;
  const rollout: Rollout = {
    ...kept,
    ...entry,
    phase,
    phaseStartedAtMs: nowMs,
    ...carriedInto(context, { phase, reason: entry.reason, isNewBatch: startsBatch }),
    ...(startsBatch ? { batchStartedAtMs: nowMs } : {}),
    ...(isFinal ? { finishedAtMs: nowMs } : {}),
  };
  return stay(context, { rollout });
}

const rollingOut = (message: string): Trouble => ({
  reason: applicationReason.rollingOut,
  message,
});

/** To the first phase that switches slots. */
export function enterSwitching(context: Context): Turn {
  const { canary } = context.seen.strategy;
  const isProven = context.target.name === context.seen.memory.current;
  const phase = canary > 0 && !isProven ? "Canary" : "Rolling";
  return enter(context, phase, { ...rollingOut(`Switching to ${context.target.name}`), batch: 1 });
}

/** The rollout is final: its Revision is the last good one. */
export function complete(context: Context): Turn {
  const { target, rollout, nowMs } = context;
  const { name } = target;
  const lost = rollout.failedSlots;
  const but = `, but for ${lost.length} that failed and are tolerated: ${lost.slice(0, 5).join(", ")}`;
  const away = context.views.length - context.reachable.length;
  const later = `, but for ${away} on hosts that do not answer`;
  const message = `${name} runs in every slot${lost.length === 0 ? "" : but}${away === 0 ? "" : later}`;
  const reason = applicationReason.completed;
  const turn = enter(context, "Completed", { reason, message });
  const told = `${message}, after ${spanText(nowMs - rollout.startedAtMs)}`;
  return { ...turn, current: name, notices: [{ type: "Normal", reason, message: told }] };
}

/** What a failure leads to, by the policy: back to the last good Revision, or a halt. */
export function fail(context: Context, why: Trouble, failedSlots: readonly string[] = []): Turn {
  const { rollout, seen, nowMs } = context;
  const { name } = context.target;
  const slots = { failedSlots: [...new Set([...rollout.failedSlots, ...failedSlots])] };
  if (name === seen.memory.current) {
    // The last good version itself: there is nothing better to go back to.
    const turn = enter(context, "RollbackPaused", { ...why, ...slots });
    return warn(
      turn,
      applicationReason.rollbackPaused,
      `${name} does not get ready: ${why.message}`,
    );
  }
  const failed = { hash: rollout.hash, name, ...why, failedAtMs: nowMs };
  if (seen.strategy.onFailure === "Pause") {
    const entry = { ...why, ...slots, reason: applicationReason.pausedByFailure };
    const turn = enter(context, "Paused", { ...entry, resume: rollout.phase });
    return warn({ ...turn, failed }, why.reason, `${name} failed, paused: ${why.message}`);
  }
  const turn = enter(context, "RollingBack", { ...why, ...slots });
  const back = seen.memory.current ?? "nothing, as there is no good version yet";
  const message = `${name} failed, going back to ${back}: ${why.message}`;
  return warn({ ...turn, failed }, why.reason, message);
}

function warn(turn: Turn, reason: string, message: string): Turn {
  return { ...turn, notices: [{ type: "Warning", reason, message }] };
}
