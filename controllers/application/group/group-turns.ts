/**
 * Rollouts that share one verdict, see docs/adr/0019-rollout-groups.md. Nobody decides for the group:
 * each member reads what the others have on record, and writes its own part. A consent is binding,
 * so "all agreed" and "one failed" exclude each other whoever looks when.
 */
import { applicationReason } from "../../../crds/conditions.ts";
import type { RolloutPhase } from "../../../crds/types.gen.ts";
import type { Context, Turn } from "../context.ts";
import {
  gatheredAtMs,
  hasBegun,
  isOneVersion,
  objectionsTo,
  type Obstacle,
  obstaclesToSwitch,
} from "./group-obstacles.ts";
import type { GroupSeen, MemberSeen, Membership } from "./group-seen.ts";
import { actualPhase } from "../marks.ts";
import { hasFailed, isMember } from "./membership.ts";
import type { Failure, Rollout, Trouble } from "../seen.ts";
import type { Notice, Wait } from "../step.ts";
import { enter } from "../transitions.ts";

/** What a wait for the group adds to a turn. */
export type GroupHold = {
  readonly rollout: Pick<Rollout, "reason" | "message" | "group">;
  readonly waits: readonly Wait[];
  readonly wakeAtMs: readonly number[];
  readonly notices: readonly Notice[];
};

type Part = { readonly group: GroupSeen; readonly own: Membership };

/** The group and our part in it; `undefined` for a rollout that takes no part. */
function partOf({ seen, rollout }: Context): Part | undefined {
  const { group } = seen;
  const own = rollout.group;
  if (group === undefined || own === undefined || !isMember(seen, rollout)) return undefined;
  return { group, own };
}

const waitsFor = (obstacles: readonly Obstacle[], { joinedAtMs }: Membership): readonly Wait[] =>
  obstacles.map(({ member, why }) => ({
    owner: `application/${member}`,
    reason: applicationReason.waitingForGroup,
    message: `application/${member} ${why}`,
    sinceMs: joinedAtMs,
  }));

/** The turn with what the wait for the group adds; one that left the phase stays as it is. */
export function withHold(turn: Turn, phase: RolloutPhase, hold: GroupHold | undefined): Turn {
  if (hold === undefined || turn.rollout.phase !== phase) return turn;
  return {
    ...turn,
    rollout: { ...turn.rollout, ...hold.rollout },
    waits: [...hold.waits, ...turn.waits],
    wakeAtMs: [...turn.wakeAtMs, ...hold.wakeAtMs],
    notices: [...turn.notices, ...hold.notices],
  };
}

/** Everything of ours is there: we say so, and wait until the others may be switched with us. */
function prepared(context: Context, { group, own }: Part): GroupHold | undefined {
  const { seen, nowMs, target } = context;
  const gatherEndMs = gatheredAtMs(group, own);
  const isIn = own.stage !== "Queued";
  const obstacles = obstaclesToSwitch(group, own, seen.name);
  if (isIn && own.stage === "Prepared" && obstacles.length === 0 && gatherEndMs <= nowMs)
    return undefined;
  const gathering: Wait = {
    owner: "clock",
    reason: applicationReason.waitingForGroup,
    message: `Members of the group ${group.name} that are changed now still join`,
    sinceMs: own.joinedAtMs,
  };
  const waits = waitsFor(obstacles, own);
  return {
    rollout: {
      reason: applicationReason.waitingForGroup,
      message: `${target.name} is prepared and waits for the group ${group.name}`,
      group: isIn ? { ...own, stage: "Prepared" } : own,
    },
    waits: waits.length === 0 ? [gathering] : waits,
    // Whoever has just become prepared says so before it goes on.
    wakeAtMs: [isIn && own.stage !== "Prepared" ? nowMs + 1 : gatherEndMs],
    notices: [],
  };
}

/** Holds a member that is prepared until all are; `undefined` when nothing holds it. */
export function holdPrepared(context: Context, isPrepared: boolean): GroupHold | undefined {
  const part = partOf(context);
  if (part === undefined) return undefined;
  if (isPrepared) return prepared(context, part);
  const { group, own } = part;
  return {
    rollout: {
      reason: applicationReason.rollingOut,
      message: `Rolling out ${context.target.name}`,
      group: own.stage === "Prepared" ? { ...own, stage: "Preparing" } : own,
    },
    waits: [],
    wakeAtMs: [gatheredAtMs(group, own)],
    notices: [],
  };
}

/** A member that is through gives its consent, and waits for that of the others. */
export function holdVerified(context: Context): GroupHold | undefined {
  const part = partOf(context);
  if (part === undefined) return undefined;
  const { group, own } = part;
  const { nowMs, target } = context;
  const message = `${target.name} is good and waits for the group ${group.name}`;
  const rollout = { reason: applicationReason.waitingForGroup, message };
  if (own.agreed !== own.round) {
    const agreed = { ...rollout, group: { ...own, agreed: own.round } };
    const notice = { type: "Normal", ...rollout } as const;
    return { rollout: agreed, waits: [], wakeAtMs: [nowMs + 1], notices: [notice] };
  }
  const objections = objectionsTo(group, own);
  if (objections.length === 0) return undefined;
  const waits = waitsFor(objections, own);
  return { rollout: { ...rollout, group: own }, waits, wakeAtMs: [], notices: [] };
}

/** A round may not begin while a member asks for what failed already; a moment is left to mend it. */
function isForedoomed(
  { group, own }: Part,
  { rollout, nowMs }: Context,
  other: MemberSeen,
): boolean {
  if (actualPhase(rollout) !== "Preparing" || nowMs < gatheredAtMs(group, own)) return false;
  const isHeld = other.phase === "Paused" || !isOneVersion(group) || hasBegun(group, own);
  return other.failedItself && !isHeld;
}

/** The member that takes us down with it. */
function culpritOf(part: Part, context: Context): MemberSeen | undefined {
  const { group, own } = part;
  const isOver = own.stage !== "Queued" && hasFailed(group, own);
  const failed = group.others.filter(({ membership }) => isOver && membership.failed === own.round);
  return (
    failed.find(({ failedItself }) => failedItself) ??
    failed[0] ??
    group.others.find((other) => isForedoomed(part, context, other))
  );
}

/** The failure of a member is that of all: back, whatever the policy of this one says. */
function failWith(context: Context, { group }: Part, culprit: MemberSeen): Turn {
  const { seen, rollout, target, nowMs } = context;
  const { name, message, failedItself } = culprit;
  const why: Trouble = {
    reason: applicationReason.groupFailed,
    message: failedItself
      ? `application/${name} of the group ${group.name} failed: ${message}`
      : message,
  };
  const own = seen.memory.failed;
  const isKnown = own?.name === target.name;
  const failed: Failure = isKnown
    ? own
    : { hash: rollout.hash, name: target.name, ...why, failedAtMs: nowMs };
  const notice: Notice = {
    type: "Warning",
    reason: why.reason,
    message: `${target.name} goes back with its group: ${why.message}`,
  };
  return { ...enter(context, "RollingBack", why), failed, notices: [notice] };
}

const switchingPhases: readonly RolloutPhase[] = ["Canary", "Rolling"];
const backPhases: readonly RolloutPhase[] = [
  "RollingBack",
  "RolledBack",
  "RollbackPaused",
  "Completed",
];

const isPausedByUser = ({ phase, reason }: Rollout): boolean =>
  phase === "Paused" && reason === applicationReason.pausedByUser;

/** A member of the round that a person or a failure holds, in words. */
export function heldMember(context: Context): string | undefined {
  const part = partOf(context);
  if (part === undefined) return undefined;
  const { round } = part.own;
  const held = part.group.others.find(
    ({ phase, membership }) =>
      phase === "Paused" && membership.round === round && membership.agreed < round,
  );
  return held === undefined ? undefined : `application/${held.name} is held: ${held.message}`;
}

/** What the others make of this turn: the end of the round, or a hold while one of them is held. */
export function holdForGroup(context: Context): Turn | undefined {
  const { rollout } = context;
  const part = partOf(context);
  if (part === undefined || isPausedByUser(rollout) || backPhases.includes(rollout.phase))
    return undefined;
  const culprit = culpritOf(part, context);
  if (culprit !== undefined) return failWith(context, part, culprit);
  const held = switchingPhases.includes(rollout.phase) ? heldMember(context) : undefined;
  if (held === undefined) return undefined;
  const entry = { resume: rollout.phase, reason: applicationReason.waitingForGroup, message: held };
  return enter(context, "Waiting", entry);
}
