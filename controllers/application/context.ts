import type { ImageDigest } from "../../crds/types.gen.ts";
import type { Failure, Rollout, Seen } from "./seen.ts";
import type { View } from "./slots.ts";
import type { Notice, Step, Wait } from "./step.ts";

/** What every phase decides from. */
export type Context = {
  readonly seen: Seen;
  readonly nowMs: number;
  readonly rollout: Rollout;
  /** The Revision being rolled out. */
  readonly target: { readonly name: string; readonly images: readonly ImageDigest[] };
  /** All slots as seen from the target. */
  readonly views: readonly View[];
  /** Those on Nodes that answer: they alone decide. */
  readonly reachable: readonly View[];
};

/** What a phase decided. A turn that enters another phase has no steps: the phase is kept first. */
export type Turn = {
  readonly rollout: Rollout;
  readonly steps: readonly Step[];
  /** Set when the rollout is final: the Revision that is the last good one from now on. */
  readonly current?: string;
  /** Set when the rollout failed. */
  readonly failed?: Failure;
  readonly waits: readonly Wait[];
  readonly notices: readonly Notice[];
  /** Times in milliseconds since the epoch at which to look again. */
  readonly wakeAtMs: readonly number[];
};

/** Whether the rollout cannot go on without the Nodes that do not answer. */
export function isCutOff({ seen, views, reachable }: Context): boolean {
  if (views.length === reachable.length) return false;
  return reachable.length === 0 || seen.strategy.offlineNodes === "Wait";
}

/** Nothing to do but wait. */
export function stay(
  context: Context,
  more: Partial<Omit<Turn, "notices" | "rollout">> & { readonly rollout?: Rollout } = {},
): Turn {
  const { rollout } = context;
  return { rollout, steps: [], waits: [], notices: [], wakeAtMs: [], ...more };
}
