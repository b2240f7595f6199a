import type { Draft } from "../../api/machinery/object.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import type { PlannedBatch, RolloutAction } from "../../crds/rollout-plan.ts";
import type { ImageDigest, RolloutOrder } from "../../crds/types.gen.ts";
import { batchEnd, batchesOf } from "./batches.ts";
import { numberingOf } from "./blocks/block-items.ts";
import { defined } from "./defined.ts";
import { podOf } from "./manifest.ts";
import { planPrepare } from "./moves.ts";
import type { Subject } from "./observe.ts";
import type { Seen } from "./seen.ts";
import { isTaken, surplusOf, type View, viewsOf } from "./slots.ts";
import { resolveTarget } from "./target.ts";

/** One slot as a rollout would find and leave it, before anybody has looked for a Node. */
export type PreviewSlot = {
  readonly slot: string;
  /** Its number in the update stream. */
  readonly item: number;
  /** Batch that switches it, from 1. */
  readonly batch?: number;
  /** Where it is now. */
  readonly fromNode?: string;
  /** Where its pod of the wanted Revision is already. */
  readonly boundTo?: string;
  readonly pod?: string;
  /** Its Node does not answer. */
  readonly isOffline: boolean;
};

/** A pod that would be made; `draft` makes it up. */
export type PlannedPod = { readonly name: string; readonly draft: () => Draft<Pod> };

/** What the application controller would do, as far as it decides alone. */
export type ApplicationPreview = {
  readonly action: RolloutAction;
  /** Why nothing would happen for now; absent unless the action is Held. */
  readonly heldBy?: string;
  readonly revision: string;
  readonly isNewRevision: boolean;
  readonly fromRevision?: string;
  readonly order: RolloutOrder;
  readonly slots: readonly PreviewSlot[];
  readonly batches: readonly PlannedBatch[];
  /** Pods that would be made, by {@link PreviewSlot.slot}: there may be more than anybody looks at. */
  readonly pods: ReadonlyMap<string, PlannedPod>;
  /** Pods of slots that are no longer asked for. */
  readonly surplus: number;
  /** Digests that are on record for the images of the template. */
  readonly digests: readonly ImageDigest[];
};

const residentOf = ({ goal, rivals, others }: View): string | undefined =>
  goal?.node ?? rivals[0]?.node ?? others[0]?.node;

function isFailed({ memory, hash, retryMs }: Seen): boolean {
  const { failed } = memory;
  return failed?.hash === hash && failed.failedAtMs !== retryMs;
}

type Decision = Pick<ApplicationPreview, "action" | "heldBy">;

/** What a change of anything but the template leads to. */
function withoutRollout(seen: Seen, views: readonly View[]): Decision {
  const reachable = views.filter(({ offline }) => !offline);
  const asked = reachable.filter(({ goal }) => goal?.desired === "Running").length;
  if (!seen.running) return { action: asked > 0 ? "Stop" : "None" };
  const moved = reachable.some(({ goal }) => goal === undefined || goal.misplaced);
  if (moved || surplusOf(seen).length > 0) return { action: "Scale" };
  return { action: asked < reachable.length ? "Start" : "None" };
}

function decide(seen: Seen, target: string, views: readonly View[]): Decision {
  const { memory } = seen;
  if (isFailed(seen)) {
    const { name = "", message = "" } = memory.failed ?? {};
    return { action: "Held", heldBy: `${name} has failed before: ${message}` };
  }
  const isNews = memory.rollout?.revision !== target;
  const goesOn = memory.current !== target;
  if (!isNews && !goesOn) return withoutRollout(seen, views);
  return seen.paused ? { action: "Held", heldBy: "spec.paused is true" } : { action: "Rollout" };
}

/** The slots in the order in which batches take them: what does not serve has nothing to lose. */
function inTurn(seen: Seen, views: readonly View[]): readonly View[] {
  const reachable = views.filter(({ offline }) => !offline);
  const rank = (view: View): number => {
    if (isTaken(view, seen.running)) return 0;
    return view.available ? 2 : 1;
  };
  return reachable.toSorted((one, other) => rank(one) - rank(other));
}

function batchesFor(seen: Seen, target: string, views: readonly View[]): readonly PlannedBatch[] {
  const { strategy, memory } = seen;
  const { current } = memory;
  const isProven = current === target;
  const from = current === undefined || isProven ? {} : { from: current };
  const turns = inTurn(seen, views);
  const count = batchesOf({ revision: target, ...from }, seen);
  const endOf = (number: number): number =>
    number === count ? turns.length : batchEnd(strategy, turns.length, number);
  return Array.from({ length: count }, (_, index) => {
    const isCanary = index === 0 && count > 1 && strategy.canary > 0 && !isProven;
    const start = index === 0 ? 0 : endOf(index);
    return {
      number: index + 1,
      slots: turns.slice(start, endOf(index + 1)).map(({ slot }) => slot.id),
      isCanary,
      waitsForApproval: isCanary && strategy.manualApproval,
    };
  }).filter(({ slots }) => slots.length > 0);
}

/**
 * What the controller would do about an Application, worked out by the very functions that it
 * decides with. Pure: nothing is done, and `subject` may be about a spec that is not stored.
 */
export function previewApplication({ application, seen }: Subject): ApplicationPreview {
  const target = resolveTarget(seen);
  const views = viewsOf(seen, target.name);
  const decision = decide(seen, target.name, views);
  const isRollout = decision.action === "Rollout";
  const batches = isRollout ? batchesFor(seen, target.name, views) : [];
  const batchOf = new Map(batches.flatMap(({ number, slots }) => slots.map((id) => [id, number])));
  const { order, batch } = seen.strategy;
  const created = planPrepare(views, {
    revision: target.name,
    images: target.images,
    running: seen.running,
    order,
    batch,
    prepare: true,
    allowed: seen.slots.length,
    proven: false,
    forgiven: new Set(),
    held: new Set(),
  });
  const { template } = application.spec;
  const pods = new Map(
    created.flatMap((step): [string, PlannedPod][] =>
      step.kind === "createPod"
        ? [[step.slot, { name: step.name, draft: () => podOf(step, template, application) }]]
        : [],
    ),
  );
  const { itemOf } = numberingOf(views, seen.memory.rollout?.instances ?? []);
  const { current } = seen.memory;
  return {
    ...decision,
    revision: target.name,
    isNewRevision: target.steps.length > 0,
    ...(current === undefined ? {} : { fromRevision: current }),
    order: seen.strategy.order,
    slots: views.map((view) => slotOf(view, { batchOf, itemOf, pods })),
    batches,
    pods,
    surplus: surplusOf(seen).length,
    digests: target.images,
  };
}

type Known = {
  readonly batchOf: ReadonlyMap<string, number>;
  readonly itemOf: ReadonlyMap<string, number>;
  readonly pods: ReadonlyMap<string, PlannedPod>;
};

function slotOf(view: View, { batchOf, itemOf, pods }: Known): PreviewSlot {
  const { slot, goal, offline } = view;
  return {
    slot: slot.id,
    item: itemOf.get(slot.id) ?? 0,
    isOffline: offline,
    ...defined({
      batch: batchOf.get(slot.id),
      fromNode: residentOf(view),
      boundTo: goal?.node,
      pod: goal?.name ?? pods.get(slot.id)?.name,
    }),
  };
}
