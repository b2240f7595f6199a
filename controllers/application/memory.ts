import { formatMicroTime, parseTime } from "../../api/machinery/time.ts";
import type {
  ApplicationStatus,
  FailedRevision,
  Rollout as WireRollout,
  RolloutMembership,
} from "../../crds/types.gen.ts";
import type { Membership } from "./group/group-seen.ts";
import { defined } from "./defined.ts";
import type { Failure, Memory, Rollout } from "./seen.ts";

const msOf = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : parseTime(time);

function failureFrom(failed: FailedRevision | undefined): Failure | undefined {
  if (failed === undefined) return undefined;
  const { hash, name = "", reason = "", message = "" } = failed;
  return { hash, name, reason, message, failedAtMs: msOf(failed.failedAt) ?? 0 };
}

function timesFrom(wire: WireRollout) {
  const startedAtMs = msOf(wire.startedAt) ?? 0;
  const batchStartedAtMs = msOf(wire.batchStartedAt);
  const finishedAtMs = msOf(wire.finishedAt);
  const readySinceMs = msOf(wire.readySince);
  const phaseStartedAtMs = msOf(wire.phaseStartedAt) ?? startedAtMs;
  return {
    startedAtMs,
    phaseStartedAtMs,
    progressedAtMs: msOf(wire.progressedAt) ?? Math.max(phaseStartedAtMs, batchStartedAtMs ?? 0),
    ...(wire.progressMark === undefined ? {} : { progressMark: wire.progressMark }),
    ...defined({ readySinceMs, readySlots: wire.readySlots }),
    ...(batchStartedAtMs === undefined ? {} : { batchStartedAtMs }),
    ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
  };
}

function membershipFrom(wire: RolloutMembership): Membership {
  const { name, stage, round = 0, agreedRound = 0, doneRound = 0, failedRound = 0 } = wire;
  return {
    name,
    stage,
    round,
    agreed: agreedRound,
    done: doneRound,
    failed: failedRound,
    members: wire.members ?? [],
    joinedAtMs: msOf(wire.joinedAt) ?? 0,
  };
}

function membershipTo(own: Membership): RolloutMembership {
  const { name, stage, round, agreed, done, failed, members, joinedAtMs } = own;
  return {
    name,
    stage,
    round,
    agreedRound: agreed,
    doneRound: done,
    failedRound: failed,
    ...(members.length === 0 ? {} : { members }),
    joinedAt: formatMicroTime(joinedAtMs),
  };
}

function rolloutFrom(wire: WireRollout | undefined): Rollout | undefined {
  if (wire?.revision === undefined) return undefined;
  const { phase, resumePhase, fromRevision, templateHash = "", reason = "" } = wire;
  return {
    phase,
    revision: wire.revision,
    ...defined({ resume: resumePhase, from: fromRevision }),
    hash: templateHash,
    reason,
    message: wire.message ?? "",
    batch: wire.batch ?? 0,
    batches: wire.batches ?? 1,
    failedSlots: wire.failedSlots ?? [],
    ...timesFrom(wire),
    ...(wire.group === undefined ? {} : { group: membershipFrom(wire.group) }),
    steps: wire.steps ?? [],
    instances: wire.instances ?? [],
  };
}

/** What the status remembers. */
export function memoryFrom(status: ApplicationStatus | undefined): Memory {
  const failed = failureFrom(status?.failedRevision);
  const rollout = rolloutFrom(status?.rollout);
  return {
    ...(status?.currentRevision === undefined ? {} : { current: status.currentRevision }),
    ...(failed === undefined ? {} : { failed }),
    ...defined({ rollout, homes: status?.homes }),
  };
}

/** `status.failedRevision`. */
export function failureTo({ failedAtMs, ...failed }: Failure): FailedRevision {
  return { ...failed, failedAt: formatMicroTime(failedAtMs) };
}

/** `status.rollout` without what is counted anew in every pass. Phases and batches to the microsecond. */
export function rolloutTo(rollout: Rollout): WireRollout {
  const { resume, from, hash, startedAtMs, phaseStartedAtMs, batchStartedAtMs, ...kept } = rollout;
  const { finishedAtMs, failedSlots, steps, instances, progressedAtMs, readySinceMs, ...rest } =
    kept;
  const { group, ...same } = rest;
  return {
    ...same,
    ...(group === undefined ? {} : { group: membershipTo(group) }),
    ...(resume === undefined ? {} : { resumePhase: resume }),
    ...(from === undefined ? {} : { fromRevision: from }),
    templateHash: hash,
    ...(failedSlots.length === 0 ? {} : { failedSlots }),
    startedAt: formatMicroTime(startedAtMs),
    phaseStartedAt: formatMicroTime(phaseStartedAtMs),
    ...(batchStartedAtMs === undefined
      ? {}
      : { batchStartedAt: formatMicroTime(batchStartedAtMs) }),
    progressedAt: formatMicroTime(progressedAtMs),
    ...(readySinceMs === undefined ? {} : { readySince: formatMicroTime(readySinceMs) }),
    ...(finishedAtMs === undefined ? {} : { finishedAt: formatMicroTime(finishedAtMs) }),
    ...(steps.length === 0 ? {} : { steps }),
    ...(instances.length === 0 ? {} : { instances }),
  };
}
