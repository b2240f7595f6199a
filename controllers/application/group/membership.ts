import { applicationReason, terminalPhases } from "../../../crds/conditions.ts";
import type { GroupSeen, GroupStage, MemberSeen, Membership } from "./group-seen.ts";
import { actualPhase } from "../marks.ts";
import type { Memory, Rollout, Seen } from "../seen.ts";

/** Stages of a round that is open for the member: it may still object. */
const openStages: readonly GroupStage[] = ["Preparing", "Prepared", "Switching", "Switched"];

/** The part of an Application that never took part in a round of the group. */
export function outsider(name: string): Membership {
  const none = { round: 0, agreed: 0, done: 0, failed: 0 };
  return { name, stage: "Idle", ...none, members: [], joinedAtMs: 0 };
}

/** The part that is remembered, if it is one in this group. */
function partIn(rollout: Rollout | undefined, name: string): Membership {
  return rollout?.group?.name === name ? rollout.group : outsider(name);
}

/** Another Application as a member of the group called `group`. */
export function memberSeen(
  about: Pick<MemberSeen, "name" | "order" | "version"> & { readonly hash: string },
  { rollout, failed }: Memory,
  group: string,
): MemberSeen {
  const { hash, ...named } = about;
  return {
    ...named,
    changed: rollout?.hash !== hash,
    failedItself: failed?.hash === hash && failed.reason !== applicationReason.groupFailed,
    ...(rollout === undefined ? {} : { phase: rollout.phase }),
    message: rollout?.message ?? "",
    membership: partIn(rollout, group),
  };
}

/** Whether a rollout of the member goes on. */
export function isBusy({ phase }: MemberSeen): boolean {
  return phase !== undefined && !terminalPhases.includes(phase);
}

/** Whether the rollout takes part in the rounds of the group that the Application is in now. */
export function isMember({ group }: Seen, rollout: Rollout): boolean {
  const own = rollout.group;
  return own !== undefined && own.name === group?.name && own.stage !== "Idle";
}

/** Whether it gave its consent: it can no longer fail by itself, the group decides. */
export function isBound(seen: Seen, rollout: Rollout): boolean {
  return isMember(seen, rollout) && rollout.group?.stage === "Agreed";
}

/** Whether the round that the member is in failed for another one. */
export function hasFailed({ others }: GroupSeen, { round }: Membership): boolean {
  if (others.some(({ membership }) => membership.done >= round)) return false;
  return others.some(({ membership }) => membership.failed === round);
}

/**
 * A template that went down with its group goes again as soon as no member asks for one that failed
 * by itself: it was changed, retried or taken back, or its Application left the group.
 */
export function isGroupRetry({ group, memory, hash }: Seen): boolean {
  const { failed, rollout } = memory;
  if (failed?.reason !== applicationReason.groupFailed || failed.hash !== hash) return false;
  if (rollout?.phase !== "RolledBack") return false;
  return group === undefined || !group.others.some(({ failedItself }) => failedItself);
}

/**
 * The part of a rollout that begins. A new template of a member whose round is open stays in it; one
 * back to the last good Revision takes no part, and does not hold the others.
 */
export function membershipAtBegin(
  { group, memory }: Seen,
  isProven: boolean,
  nowMs: number,
): Membership | undefined {
  if (group === undefined) return undefined;
  const own = partIn(memory.rollout, group.name);
  const wasOpen = openStages.includes(own.stage);
  const failed = wasOpen && hasFailed(group, own) ? own.round : own.failed;
  const isOpen = wasOpen && failed !== own.round;
  const next = { ...own, failed, joinedAtMs: nowMs };
  if (isProven) {
    const agreed = isOpen ? own.round : own.agreed;
    return { ...next, stage: "Idle", agreed, members: [] };
  }
  return isOpen ? { ...next, stage: "Preparing" } : { ...next, stage: "Queued", members: [] };
}

/** Whether a round is still open for others to join. */
const isGathering = (member: MemberSeen): boolean =>
  isBusy(member) && ["Preparing", "Prepared"].includes(member.membership.stage);

const isOutside = ({ membership }: MemberSeen): boolean =>
  ["Idle", "Queued"].includes(membership.stage);

/** The round that is gathering, or a new one; none while one goes on that it can no longer join. */
function roundToJoin(own: Membership, others: readonly MemberSeen[]): number | undefined {
  if (others.some((other) => isBusy(other) && !isOutside(other) && !isGathering(other)))
    return undefined;
  const gathering = others.filter(isGathering).map(({ membership }) => membership.round);
  if (gathering.length === 0) {
    return 1 + Math.max(own.round, ...others.map(({ membership }) => membership.round));
  }
  const round = Math.max(...gathering);
  return hasLeft(own, round) ? undefined : round;
}

/** With everybody in it who is known to take part: who is named here may count on being heard. */
function acknowledging(own: Membership, { others }: GroupSeen, self: string): Membership {
  const present = others.filter(
    ({ membership }) =>
      membership.round === own.round && !["Idle", "Queued"].includes(membership.stage),
  );
  const names = [self, ...own.members, ...present.map(({ name }) => name)];
  return { ...own, members: [...new Set(names)].toSorted() };
}

/**
 * Whether one that has touched nothing must take the next round: the others ended this one without
 * having heard of it, or one that had left it wants to go with the rest, and nobody has begun.
 */
function isMissed(own: Membership, others: readonly MemberSeen[]): boolean {
  const { round } = own;
  const isOver = ({ membership }: MemberSeen): boolean =>
    membership.done >= round || membership.round > round;
  const isBack = (other: MemberSeen): boolean =>
    other.membership.stage === "Queued" && isBusy(other) && hasLeft(other.membership, round);
  const hasBegun = ({ membership }: MemberSeen): boolean =>
    membership.round === round &&
    !["Idle", "Queued", ...openStages.slice(0, 2)].includes(membership.stage);
  return others.some(isOver) || (others.some(isBack) && !others.some(hasBegun));
}

/** Whether the member agreed to the round or failed in it, so that it cannot join it again. */
const hasLeft = ({ agreed, failed }: Membership, round: number): boolean =>
  Math.max(agreed, failed) >= round;

/** The part of a member that has not begun to switch. */
function whilePreparing(
  own: Membership,
  { group, self }: { readonly group: GroupSeen; readonly self: string },
  nowMs: number,
): Membership {
  const { others } = group;
  if (own.stage === "Queued") {
    const round = roundToJoin(own, others);
    if (round === undefined) return own;
    const joined = { ...own, stage: "Preparing", round, members: [], joinedAtMs: nowMs } as const;
    return acknowledging(joined, group, self);
  }
  if (!isMissed(own, others)) return acknowledging(own, group, self);
  return { ...own, stage: "Queued", agreed: own.round, members: [], joinedAtMs: nowMs };
}

/** The part of a member whose rollout goes back, or went. */
function afterFailure(own: Membership): Membership {
  // One that was not in a round takes down nobody but itself.
  if (own.stage === "Queued") return { ...own, stage: "Idle" };
  return { ...own, stage: "Failed", failed: own.round };
}

/** What the others shall read after a turn. `undefined` outside of any group. */
export function membershipAfter(
  seen: Seen,
  rollout: Rollout,
  nowMs: number,
): Membership | undefined {
  const { group, name: self } = seen;
  const own = rollout.group;
  if (own === undefined || own.name !== group?.name) return undefined;
  if (own.stage === "Idle") return own;
  const inStage = (stage: GroupStage): Membership => acknowledging({ ...own, stage }, group, self);
  switch (actualPhase(rollout)) {
    case "Preparing":
      return rollout.phase === "Paused" ? own : whilePreparing(own, { group, self }, nowMs);
    case "Canary":
    case "Rolling":
      return inStage("Switching");
    case "Verifying":
      return inStage(own.agreed === own.round ? "Agreed" : "Switched");
    case "Completed":
      return { ...own, stage: "Done", agreed: own.round, done: own.round };
    default:
      return afterFailure(own);
  }
}
