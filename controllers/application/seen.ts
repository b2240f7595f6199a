import type { DesiredState } from "../../crds/labels.ts";
import type {
  ImageDigest,
  RevisionOutcome,
  RevisionPhase,
  RolloutOrder,
  RolloutPhase,
  RolloutStep,
} from "../../crds/types.gen.ts";
import type { GroupSeen, Membership } from "./group/group-seen.ts";

/** One place of an Application. */
export type Slot = {
  /** An ordinal from 0 in decimal, or the name of a Node. */
  readonly id: string;
  /** The only Node it may be on; absent for ordinals. */
  readonly node?: string;
};

/** Why something does not move, in the words of whoever found out. */
export type Trouble = { readonly reason: string; readonly message: string };

/** One pod of the Application, reduced to what decisions rest on. Times in ms since the epoch. */
export type PodSeen = {
  readonly name: string;
  readonly uid: string;
  /** {@link Slot.id} of its slot. */
  readonly slot: string;
  /** Name of the Revision it is made from. */
  readonly revision: string;
  /** The Node it is bound to; absent until the scheduler has found one. */
  readonly node?: string;
  /** What we asked of its agent. */
  readonly desired: DesiredState;
  readonly replaces?: string;
  /** It was deleted and its agent still stops it. */
  readonly terminating: boolean;
  /** Its Node does not answer: what follows is as old as the silence. */
  readonly offline: boolean;
  /** Its Node is gone, or is no longer one that the placement allows. */
  readonly misplaced: boolean;
  /** Its Node is one where a pod of the newest template may be. */
  readonly fits: boolean;
  /** Since when its Node answers, by the Node's clock; absent if that is not known. */
  readonly answeringSinceMs?: number;
  /** Somebody asks it to leave its Node, e.g. `kubectl drain`: see `annotation.evict`. */
  readonly evicting?: boolean;
  /** Images are there and containers created. */
  readonly prepared: boolean;
  /** Some container of it runs. */
  readonly up: boolean;
  readonly ready: boolean;
  /** It is known not to have been ready so far: it cannot have lost it. */
  readonly neverReady?: boolean;
  readonly createdAtMs: number;
  /** Restarts of its containers, except those after a stop that we asked for. */
  readonly restarts: number;
  /** A container ended, and is not yet or never started again. */
  readonly ended: boolean;
  /** A container ended last because its host or engine did: that it is not ready is no fault of its. */
  readonly hostRestarted: boolean;
  /** It has reached a phase that it never leaves. */
  readonly finished: boolean;
  /** It is finished, and well: its restart policy does not ask for another run. */
  readonly succeeded: boolean;
  readonly trouble?: Trouble;
  /** Repository digests that its images turned out to have, by reference of the template. */
  readonly digests: readonly ImageDigest[];
};

/** One Revision of the Application. */
export type RevisionSeen = {
  readonly name: string;
  readonly uid: string;
  readonly number: number;
  readonly hash: string;
  /** The same for templates that differ by a restart alone. */
  readonly content?: string;
  readonly phase?: RevisionPhase;
  readonly outcome?: RevisionOutcome;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAtMs?: number;
  readonly completedAtMs?: number;
  /** Digests that all its pods run, by reference of the template. */
  readonly images: readonly ImageDigest[];
};

/** `spec.strategy`, with percentages as numbers of slots. */
export type Strategy = {
  /** Slots replaced at a time. Integer, 1 or more. */
  readonly batch: number;
  readonly order: RolloutOrder;
  /** Slots of the canary batch. Integer, 0 for none. */
  readonly canary: number;
  readonly manualApproval: boolean;
  readonly prepare: boolean;
  readonly minReadyMs: number;
  readonly monitorMs: number;
  readonly pauseMs: number;
  readonly deadlineMs: number;
  /** Slots that may fail. Integer, 0 or more. */
  readonly tolerated: number;
  readonly onFailure: "Rollback" | "Pause";
  readonly offlineNodes: "Skip" | "Wait" | "Fail";
};

/** `status.failedRevision`. */
export type Failure = {
  readonly hash: string;
  readonly name: string;
  readonly reason: string;
  readonly message: string;
  readonly failedAtMs: number;
};

/** `status.rollout`: all that is remembered of the latest rollout. Times in ms since the epoch. */
export type Rollout = {
  readonly phase: RolloutPhase;
  /** The phase that goes on after Paused or Waiting. */
  readonly resume?: RolloutPhase;
  readonly revision: string;
  /** The last good Revision when the rollout began; absent on the first one. */
  readonly from?: string;
  readonly hash: string;
  readonly reason: string;
  readonly message: string;
  /** Batch from 1 that is replaced now; 0 before the first. */
  readonly batch: number;
  /** How many batches it makes; 1 for a first rollout, which replaces nothing. */
  readonly batches: number;
  /** Slots that failed; more than `Strategy.tolerated` end the rollout. */
  readonly failedSlots: readonly string[];
  readonly startedAtMs: number;
  readonly phaseStartedAtMs: number;
  readonly batchStartedAtMs?: number;
  readonly finishedAtMs?: number;
  /** When it came forward last; the deadline counts from here. */
  readonly progressedAtMs: number;
  /** What it had come to then: `steps` of slots, over all slots `of` e.g. `6 Running`. */
  readonly progressMark?: { readonly of: string; readonly steps: number };
  /** Since when every slot switched so far is ready; absent while one is not. */
  readonly readySinceMs?: number;
  /** How many slots those are. */
  readonly readySlots?: number;
  readonly steps: readonly RolloutStep[];
  /** Names of the Nodes of the slots by their number in the update stream; empty: none yet. */
  readonly instances: readonly string[];
  /** Its part in the rounds of its group; absent outside of any. */
  readonly group?: Membership;
};

/** What outlives a pass, a process and a leader; it is kept in `status`. */
export type Memory = {
  /** Name of the last good Revision. */
  readonly current?: string;
  readonly failed?: Failure;
  readonly rollout?: Rollout;
  /** Nodes, by slot, that slots without a pod had last. */
  readonly homes?: Readonly<Record<string, string>>;
};

/** Something that has to be there before a rollout can begin, e.g. a ConfigMap. */
export type MissingSeen = {
  /** e.g. `configmap/web-env`. */
  readonly owner: string;
  readonly message: string;
  readonly sinceMs: number;
};

/** Everything the decision rests on: plain, readonly and complete. */
export type Seen = {
  /** metadata.name of the Application. */
  readonly name: string;
  /** Hash of `spec.template`, and of the versions of what it reloads on. */
  readonly hash: string;
  /** What must be there before the template can be rolled out; absent when nothing is missing. */
  readonly missing?: readonly MissingSeen[];
  /** {@link RevisionSeen.content} of `spec.template`. */
  readonly content?: string;
  /** Number of the Revision that an undo brought back, as its annotation says. */
  readonly rollbackTo?: number;
  /** The least number of a Revision whose name nobody else holds. Integer, 1 or more. */
  readonly freeNumber?: number;
  /** `spec.runState` is Running. */
  readonly running: boolean;
  readonly paused: boolean;
  readonly historyLimit: number;
  /** Name of the Revision whose canary a person has approved. */
  readonly approved?: string;
  /** The failure that a person wants tried again, by its time. */
  readonly retryMs?: number;
  readonly strategy: Strategy;
  /** In the order in which they are replaced. */
  readonly slots: readonly Slot[];
  readonly pods: readonly PodSeen[];
  readonly revisions: readonly RevisionSeen[];
  /** Nodes that do not answer, among those that slots are pinned to. */
  readonly offlineNodes: ReadonlySet<string>;
  /** Nodes that slots are pinned to and that do not exist. */
  readonly unknownNodes?: ReadonlySet<string>;
  /** Those of `offlineNodes` that answer, and are cordoned and hold no pod of their slot. */
  readonly cordonedNodes?: ReadonlySet<string>;
  /** The other Applications with which it shares one verdict; absent outside of any group. */
  readonly group?: GroupSeen;
  readonly memory: Memory;
};
