import type { RolloutOrder } from "./types.gen.ts";

/** What applying an Application would lead to. */
export type RolloutAction =
  /** A Revision is rolled out over the slots. */
  | "Rollout"
  /** The Revision stays; slots come, go or move. */
  | "Scale"
  /** Nothing would change. */
  | "None"
  /** Nothing would happen for now: it is paused, or this template has failed before. */
  | "Held"
  /** The containers are stopped. */
  | "Stop"
  /** They are started again. */
  | "Start";

/**
 * Where a slot would be: on the Node it has, on its first, on another one, or nowhere. Unknown where
 * there are too many slots to look for a Node for each.
 */
export type SlotPlacement = "Kept" | "New" | "Moved" | "None" | "Unknown";

/** One slot in a plan. */
export type PlannedSlot = {
  /** An ordinal from 0, or the name of a Node. */
  readonly slot: string;
  /** Number of the slot in the update stream, from 0. */
  readonly item: number;
  /** Batch that switches it, from 1; absent when it is not switched. */
  readonly batch?: number;
  readonly placement: SlotPlacement;
  /** Absent when no Node fits. */
  readonly node?: string;
  /** The Node it is on now, when there is one. */
  readonly fromNode?: string;
  /** Name of the pod that would hold it. */
  readonly pod?: string;
  /** Why no Node fits, or why it is left alone for now. */
  readonly message?: string;
};

/** Slots that are switched together. */
export type PlannedBatch = {
  /** From 1. */
  readonly number: number;
  readonly slots: readonly string[];
  readonly isCanary: boolean;
  /** A person must approve before the next batch. */
  readonly waitsForApproval: boolean;
};

/** Where an image is, and where it must be fetched, by names of Nodes. */
export type PlannedImage = {
  readonly image: string;
  readonly present: readonly string[];
  readonly pull: readonly string[];
  /** These Nodes do not tell all their images. */
  readonly unknown: readonly string[];
};

/** What would not work. Reasons are those of crds/conditions.ts. */
export type PlannedRefusal = {
  readonly slot?: string;
  readonly reason: string;
  readonly message: string;
};

/** The answer of `applications/NAME/plan`, see docs/rollout-api.md. */
export type RolloutPlan = {
  readonly kind: "RolloutPlan";
  readonly apiVersion: "lighthouse.dev/v1";
  readonly metadata: { readonly name: string; readonly namespace?: string };
  /** The plan in sentences, most important first. */
  readonly summary: readonly string[];
  readonly action: RolloutAction;
  /** Name of the Revision that the template stands for. */
  readonly revision: string;
  /** The Revision is not there yet. */
  readonly isNewRevision: boolean;
  /** The last good Revision; absent before there is one. */
  readonly fromRevision?: string;
  readonly order: RolloutOrder;
  /** spec.strategy.order was left out. */
  readonly isOrderDerived: boolean;
  readonly slots: readonly PlannedSlot[];
  readonly batches: readonly PlannedBatch[];
  readonly images: readonly PlannedImage[];
  readonly refusals: readonly PlannedRefusal[];
};
