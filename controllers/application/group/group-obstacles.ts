import type { GroupSeen, GroupStage, MemberSeen, Membership } from "./group-seen.ts";
import { isBusy } from "./membership.ts";

/**
 * How long nobody of a group switches after one joined a round, so that changes that are applied one
 * after the other go together. Milliseconds. Members that carry a version need no such wait.
 */
export const gatherMs = 5_000;

/** Another member that the Application waits for, and why, e.g. `is not prepared: Rolling out db-2`. */
export type Obstacle = { readonly member: string; readonly why: string };

const switchedStages: readonly GroupStage[] = ["Switched", "Agreed", "Done"];
const outside: readonly GroupStage[] = ["Idle", "Queued", "Failed"];

const words = ({ phase, message }: MemberSeen): string =>
  phase === undefined ? "it has not begun" : `${phase}: ${message}`;

/** What keeps us from switching in a member of the same round. */
function inRound(other: MemberSeen, self: string, order: number): string | undefined {
  const { stage, members } = other.membership;
  if (stage === "Preparing") return `is not prepared: ${words(other)}`;
  if (stage === "Prepared" && other.changed) return "was changed once more";
  // Who has not taken note of us could end the round without us.
  if (!members.includes(self)) return "has not taken note of this rollout yet";
  if (other.phase === "Paused") return `is held: ${words(other)}`;
  if (other.order < order && !switchedStages.includes(stage)) {
    return `goes first (rollout-order ${other.order}): ${words(other)}`;
  }
  return undefined;
}

/** What keeps us from switching in a member that does not take part in the round. */
function outOfRound(other: MemberSeen): string | undefined {
  if (other.failedItself) return `asks for a template that failed: ${words(other)}`;
  if (other.changed || (isBusy(other) && other.membership.stage === "Queued")) {
    return `has a change that is not prepared: ${words(other)}`;
  }
  return isBusy(other) ? `has not ended its last rollout: ${words(other)}` : undefined;
}

/** Whether the other one takes part in the round that we are in. */
const isPeer = ({ membership }: MemberSeen, { round }: Membership): boolean =>
  membership.round === round && !outside.includes(membership.stage);

/** Whether a member of the round has begun to switch: from then on nobody joins it. */
export function hasBegun({ others }: GroupSeen, own: Membership): boolean {
  return others.some(
    (other) => isPeer(other, own) && !["Preparing", "Prepared"].includes(other.membership.stage),
  );
}

function otherVersion({ version }: MemberSeen, group: GroupSeen): string | undefined {
  if (version === group.version) return undefined;
  return `carries ${versionText(version)} of the group, not ${versionText(group.version)}`;
}

const versionText = (version: string | undefined): string =>
  version === undefined ? "no version" : `version ${version}`;

const isVersioned = ({ version, others }: GroupSeen): boolean =>
  [version, ...others.map((other) => other.version)].some((one) => one !== undefined);

/** Whether all members carry the same version, or none does. */
export function isOneVersion({ version, others }: GroupSeen): boolean {
  return others.every((other) => other.version === version);
}

/** When members that are applied a moment later have had their chance; in ms since the epoch. */
export function gatheredAtMs(group: GroupSeen, own: Membership): number {
  if (isVersioned(group)) return 0;
  const peers = group.others.filter((other) => isPeer(other, own));
  const joined = peers.map(({ membership }) => membership.joinedAtMs);
  return Math.max(own.joinedAtMs, ...joined) + gatherMs;
}

/** Why a member that is prepared may not begin to switch; empty when it may. */
export function obstaclesToSwitch(
  group: GroupSeen,
  own: Membership,
  self: string,
): readonly Obstacle[] {
  const isBegun = hasBegun(group, own);
  return group.others.flatMap((other): readonly Obstacle[] => {
    const why = isPeer(other, own)
      ? inRound(other, self, group.order)
      : // Whoever comes when somebody has switched already waits for the next round.
        isBegun
        ? undefined
        : (otherVersion(other, group) ?? outOfRound(other));
    return why === undefined ? [] : [{ member: other.name, why }];
  });
}

/** Why a round may not become final; empty when everybody agreed, or somebody knows they did. */
export function objectionsTo({ others }: GroupSeen, { round }: Membership): readonly Obstacle[] {
  if (others.some(({ membership }) => membership.done >= round)) return [];
  return others.flatMap((other): readonly Obstacle[] => {
    const { membership, name: member } = other;
    if (membership.round !== round) return [];
    if (membership.agreed < round) return [{ member, why: `is not through: ${words(other)}` }];
    return other.phase === "Paused" ? [{ member, why: `is held: ${words(other)}` }] : [];
  });
}
