import type { Clock } from "../../machinery/clock.ts";
import type { Admission } from "../admission/chain.ts";
import type { Storage } from "../objects/storage.ts";
import { type PlanRollout, worldAround } from "./planner.ts";

/** What a plan needs of the server. */
export type PlanParts = {
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
  readonly planRollout: PlanRollout | undefined;
};

/** Warnings are headers: a few lines, the rest is on `applications/NAME/plan`. */
const maxWarnings = 8;

/**
 * Tells with every dry run of an Application what it would lead to, as warnings: kubectl shows them, and
 * demands the object itself as the answer.
 */
export function planWarnings({ storage, clock, planRollout }: PlanParts): Admission {
  return {
    async judge({ kind, subresource, object, dryRun, warn }) {
      const isApplication = kind.group === "lighthouse.dev" && kind.plural === "applications";
      if (!dryRun || !isApplication || subresource !== "" || planRollout === undefined) return;
      const { summary } = planRollout(await worldAround(object, storage.cache, clock.nowMs()));
      for (const line of summary.slice(0, maxWarnings)) warn(`plan: ${line}`);
      const rest = summary.length - maxWarnings;
      if (rest > 0) warn(`plan: and ${rest} more, see ${kind.plural}/${object.metadata.name}/plan`);
    },
  };
}
