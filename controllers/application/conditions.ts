import {
  type Condition,
  type DraftCondition,
  setCondition,
} from "../../api/machinery/conditions.ts";
import { formatTime } from "../../api/machinery/time.ts";
import {
  applicationCondition as type,
  type ApplicationReason,
  applicationReason as reason,
} from "../../crds/conditions.ts";
import type { RolloutPhase } from "../../crds/types.gen.ts";
import type { PodSeen, Seen } from "./seen.ts";
import { viewsOf } from "./slots.ts";
import type { Plan } from "./step.ts";
import { isHeldByStop } from "./stopped.ts";

type Verdict = Pick<DraftCondition, "status" | "reason" | "message">;

const yes = (why: ApplicationReason, message = ""): Verdict => ({
  status: "True",
  reason: why,
  message,
});
const no = (why: string, message = ""): Verdict => ({ status: "False", reason: why, message });

/** Slots that run the last good Revision and are ready, of all slots. */
function settledSlots(seen: Seen, current: string): number {
  const serves = (pod: PodSeen): boolean =>
    pod.revision === current && pod.ready && pod.desired === "Running";
  // One that leaves its Node serves until another one does.
  return viewsOf(seen, current).filter(
    ({ goal, rivals, offline }) => !offline && [goal ?? [], rivals].flat().some(serves),
  ).length;
}

function stoppedVerdict(seen: Seen): Verdict {
  const up = seen.pods.filter((pod) => pod.up).length;
  if (up === 0) return yes(reason.stopped, "spec.runState is Stopped and no container runs");
  return no(reason.slotsNotReady, `spec.runState is Stopped and ${up} pods still run`);
}

function completedVerdict(seen: Seen, plan: Plan): Verdict {
  const { current = "" } = plan.memory;
  const total = seen.slots.length;
  if (total === 0) return yes(reason.noSlots, "No slot is asked for");
  if (!seen.running) return stoppedVerdict(seen);
  const ready = settledSlots(seen, current);
  if (ready === total) return yes(reason.slotsReady, `${ready} of ${total} slots run ${current}`);
  const away = plan.waits.filter((wait) => wait.reason === reason.hostOffline).length;
  const words = `${ready} of ${total} slots run ${current} and are ready`;
  if (away === 0 || ready + away < total) return no(reason.slotsNotReady, words);
  const message = `${words}, ${away} are on hosts that do not answer`;
  // Skip says that they do not count, so that every verdict on the change agrees (G11, G13).
  const isSkipped = seen.strategy.offlineNodes === "Skip" && ready > 0;
  return isSkipped ? yes(reason.hostsSkipped, message) : no(reason.hostOffline, message);
}

function readyVerdict(seen: Seen, plan: Plan): Verdict {
  if (plan.blocked !== undefined) return no(plan.blocked.reason, plan.blocked.message);
  const { rollout, current } = plan.memory;
  const words = rollout?.message ?? "";
  if (rollout !== undefined && isHeldByStop(rollout)) return stoppedVerdict(seen);
  switch (rollout?.phase) {
    case "Completed":
      return completedVerdict(seen, plan);
    case "RolledBack":
      return current === undefined
        ? no(reason.firstRolloutFailed, words)
        : no(reason.rolledBack, `${rollout.revision} failed, ${current} runs: ${words}`);
    case "RollingBack":
    case "RollbackPaused":
      return no(reason.rollingBack, words);
    default:
      return no(reason.rollingOut, words);
  }
}

function progressingVerdict({ memory }: Plan): Verdict {
  const { rollout, current } = memory;
  const words = rollout?.message ?? "";
  switch (rollout?.phase) {
    case "Completed":
      return no(reason.completed, words);
    case "RolledBack":
      return no(current === undefined ? reason.firstRolloutFailed : reason.rolledBack, words);
    case "RollbackPaused":
      return no(reason.rollbackPaused, words);
    case "Paused":
      return no(rollout.reason, words);
    case "RollingBack":
      return yes(reason.rollingBack, words);
    default:
      return { status: "True", reason: rollout?.reason ?? reason.rollingOut, message: words };
  }
}

function rolledBackVerdict({ memory, blocked }: Plan): Verdict {
  // What failed is not what is asked for now.
  if (blocked !== undefined) return no(reason.notRolledBack);
  const { rollout, current } = memory;
  switch (rollout?.phase) {
    case "RolledBack":
      return yes(
        current === undefined ? reason.firstRolloutFailed : reason.rolledBack,
        rollout.message,
      );
    case "RollingBack":
      return no(reason.rollingBack, rollout.message);
    case "RollbackPaused":
      return no(reason.rollbackPaused, rollout.message);
    default:
      return no(reason.notRolledBack);
  }
}

function pausedVerdict(seen: Seen, { memory }: Plan): Verdict {
  const { rollout } = memory;
  if (rollout?.phase === "RollbackPaused") return yes(reason.rollbackPaused, rollout.message);
  const isByFailure = rollout?.phase === "Paused" && rollout.reason === reason.pausedByFailure;
  if (isByFailure) return yes(reason.pausedByFailure, rollout.message);
  return seen.paused ? yes(reason.pausedByUser, "spec.paused is true") : no(reason.notPaused);
}

function scheduledVerdict(seen: Seen): Verdict {
  const [unknown] = seen.unknownNodes ?? [];
  if (unknown !== undefined) return no(reason.unschedulable, `there is no Node ${unknown}`);
  const wanted = new Set(seen.slots.map(({ id }) => id));
  const homeless = seen.pods.filter(
    (pod) => pod.node === undefined && !pod.terminating && wanted.has(pod.slot),
  );
  const stuck = homeless.find((pod) => pod.trouble?.reason === "Unschedulable");
  if (stuck === undefined) return yes(reason.allScheduled);
  return no(reason.unschedulable, `pod ${stuck.name}: ${stuck.trouble?.message ?? ""}`);
}

const stalls: Partial<Record<RolloutPhase, ApplicationReason>> = {
  RolledBack: reason.rolledBack,
  RollbackPaused: reason.rollbackPaused,
  Paused: reason.pausedByFailure,
};

/**
 * Whether the newest change failed, so that no waiting brings it. Also while a person holds the
 * way back: once that goes on, it goes back and not forward.
 */
function stalledVerdict(seen: Seen, { memory: { rollout, current, failed } }: Plan): Verdict {
  const why = rollout === undefined ? undefined : stalls[rollout.phase];
  if (rollout === undefined || why === undefined) return no(reason.notStalled);
  if (why === reason.rollbackPaused) return yes(why, rollout.message);
  if (failed?.name !== rollout.revision) return no(reason.notStalled);
  if (why === reason.pausedByFailure && seen.paused)
    return yes(reason.pausedByUser, failed.message);
  const isFirst = why === reason.rolledBack && current === undefined;
  return yes(isFirst ? reason.firstRolloutFailed : why, failed.message);
}

/** What is neither as asked for nor failed is being worked on: exactly one of the three is true. */
function reconcilingVerdict(
  { ready, stalled, progressing }: Readonly<Record<"ready" | "stalled" | "progressing", Verdict>>,
  { waits }: Plan,
): Verdict {
  if (ready.status === "True" || stalled.status === "True") return no(reason.settled);
  const { reason: why, message } = progressing.status === "True" ? progressing : ready;
  const [first] = waits;
  // Most clients show this one message while they wait, so it has to say for what.
  const more = waits.length > 1 ? ` (and ${waits.length - 1} more)` : "";
  const awaited = first === undefined ? "" : `; waits for ${first.owner}: ${first.message}${more}`;
  return { status: "True", reason: why, message: `${message}${awaited}` };
}

/** The conditions of the Application after this pass; one that says the same keeps its time. */
export function conditionsOf(
  before: readonly Condition[] | undefined,
  seen: Seen,
  plan: Plan,
  about: { readonly generation: number; readonly nowMs: number },
): readonly Condition[] {
  const ready = readyVerdict(seen, plan);
  const { blocked } = plan;
  const progressing: Verdict =
    blocked === undefined ? progressingVerdict(plan) : { status: "True", ...blocked };
  const stalled = stalledVerdict(seen, plan);
  const verdicts: readonly (readonly [string, Verdict])[] = [
    [type.ready, ready],
    [type.progressing, progressing],
    [type.rolledBack, rolledBackVerdict(plan)],
    [type.paused, pausedVerdict(seen, plan)],
    [type.scheduled, scheduledVerdict(seen)],
    [type.reconciling, reconcilingVerdict({ ready, stalled, progressing }, plan)],
    [type.stalled, stalled],
  ];
  const now = formatTime(about.nowMs);
  return verdicts.reduce<readonly Condition[]>(
    (list, [type, verdict]) =>
      setCondition(list, { type, ...verdict, observedGeneration: about.generation }, now),
    before ?? [],
  );
}
