import type { RolloutMembership, RolloutPhase } from "../../../crds/types.gen.ts";

/** How far a member is in a round of its group, as the others read it. */
export type GroupStage = RolloutMembership["stage"];

/**
 * `status.rollout.group`: the part of an Application in the rounds of its group. Written by its own
 * passes alone and read by those of the others. Rounds are counted from 1 in the group; 0 is none.
 */
export type Membership = {
  /** Name of the group. */
  readonly name: string;
  readonly stage: GroupStage;
  /** The round it took part in last. */
  readonly round: number;
  /** Latest round to which it has no objection any more, whatever comes: it voted, or withdrew. */
  readonly agreed: number;
  /** Latest round that became final for it. */
  readonly done: number;
  /** Latest round that it failed in, by itself or with the group. */
  readonly failed: number;
  /** Names of the members that it knows to take part in the round, itself included; sorted. */
  readonly members: readonly string[];
  readonly joinedAtMs: number;
};

/** Another member of the group, from its spec and its status. */
export type MemberSeen = {
  /** metadata.name of the Application. */
  readonly name: string;
  /** `annotation.rolloutOrder`. Integer; lower ones switch first. */
  readonly order: number;
  /** `annotation.rolloutGroupVersion`. */
  readonly version?: string;
  /** Its template is not the one of its latest rollout: it is about to begin one. */
  readonly changed: boolean;
  /** The template that it asks for failed, and not because of the group. */
  readonly failedItself: boolean;
  /** Phase and words of its latest rollout; absent before the first. */
  readonly phase?: RolloutPhase;
  readonly message: string;
  readonly membership: Membership;
};

/** The group of the Application. */
export type GroupSeen = {
  readonly name: string;
  readonly order: number;
  readonly version?: string;
  /** All members but itself, in the order of their names; those being deleted are none any more. */
  readonly others: readonly MemberSeen[];
};
