import type { DesiredState } from "../../crds/labels.ts";
import type { ImageDigest, RevisionOutcome, RevisionPhase } from "../../crds/types.gen.ts";
import type { Memory, Trouble } from "./seen.ts";

/** What one pod shall become. Done only if the pod still is what the decision rested on. */
export type Order = {
  readonly pod: string;
  readonly uid: string;
  /** What it was asked for when we looked. */
  readonly from: DesiredState;
  readonly to: DesiredState;
  /** The pod on the same Node whose place it takes. */
  readonly replaces?: string;
};

/** What becomes of a Revision, as its status tells. Times in ms since the epoch. */
export type Mark = {
  readonly phase: RevisionPhase;
  readonly outcome?: RevisionOutcome;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAtMs?: number;
  readonly completedAtMs?: number;
  readonly images: readonly ImageDigest[];
};

/** One idempotent act. */
export type Step =
  | {
      readonly kind: "createRevision";
      readonly name: string;
      readonly number: number;
      /** `Seen.hash` of what it stands for. */
      readonly hash: string;
      /** Number of the newest earlier Revision of the same template, whose digests it takes. */
      readonly sameAs?: number;
      /** Nobody changed the template: a ConfigMap or Secret that it names has changed. */
      readonly reloads?: boolean;
      readonly images: readonly ImageDigest[];
    }
  | { readonly kind: "markRevision"; readonly name: string; readonly mark: Mark }
  | { readonly kind: "deleteRevision"; readonly name: string; readonly uid: string }
  | {
      readonly kind: "createPod";
      readonly name: string;
      readonly slot: string;
      readonly revision: string;
      readonly desired: DesiredState;
      readonly replaces?: string;
      /** The only Node it may be bound to. */
      readonly node?: string;
      /** The Node where it belongs, if there is room for it. */
      readonly home?: string;
      /** The slot is a Node and no ordinal. */
      readonly slotIsNode: boolean;
      readonly images: readonly ImageDigest[];
    }
  /** The orders of one slot, in this order. */
  | { readonly kind: "order"; readonly slot: string; readonly orders: readonly Order[] }
  | { readonly kind: "deletePod"; readonly name: string; readonly uid: string };

/** Something a person would want to read in the Events of the Application. */
export type Notice = {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
};

/** Something the Application waits for. */
export type Wait = {
  /** Who must act, e.g. `scheduler`, `node/db-1`, `user`. */
  readonly owner: string;
  /** One of `applicationReason`. */
  readonly reason: string;
  readonly message: string;
  readonly slot?: string;
  readonly sinceMs: number;
};

/** What to do now, and what to remember. */
export type Plan = {
  /** Steps on Revisions come first; those on pods are independent of each other. */
  readonly steps: readonly Step[];
  readonly memory: Memory;
  /** Name of the Revision of `spec.template`. */
  readonly target: string;
  readonly waits: readonly Wait[];
  readonly notices: readonly Notice[];
  /** It is about the template of the latest rollout; that of the spec has yet to be looked at. */
  readonly isBehind?: boolean;
  /** Why the template of the spec cannot even be begun with. */
  readonly blocked?: Trouble;
  /** Time alone brings the next change. Integer, 1 or more. */
  readonly requeueAfterMs?: number;
};
