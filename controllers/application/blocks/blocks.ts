import { formatMicroTime } from "../../../api/machinery/time.ts";
import type { RolloutStep } from "../../../crds/types.gen.ts";
import { batchEnd } from "../batches.ts";
import { numberingOf } from "./block-items.ts";
import { isBroken } from "./block-outcomes.ts";
import { told, toldBy } from "./block-telling.ts";
import type { Rollout, Seen } from "../seen.ts";
import { viewsOf } from "../slots.ts";

/** Blocks that a status keeps at most; the oldest go first. */
const maxSteps = 1_000;

type Block = Pick<RolloutStep, "name" | "action" | "title" | "batch" | "total">;

/** The slots of a batch are those that the batches before it have not told of. */
function batchBlock({ batch, batches, revision, steps }: Rollout, seen: Seen): Block {
  const total = seen.slots.length;
  const end = batches > 1 ? batchEnd(seen.strategy, total, batch) : total;
  const size = Math.max(0, end - toldBy(steps, "Replace").size);
  const title = `Replacing batch ${batch} by ${revision}`;
  return { name: `batch-${batch}-replace`, action: "Replace", title, batch, total: size };
}

function blockOf(rollout: Rollout, seen: Seen): Block | undefined {
  const { phase, revision } = rollout;
  const total = seen.slots.length;
  switch (phase) {
    case "Preparing":
      return { name: "prepare", action: "Prepare", title: `Preparing ${revision}`, total };
    case "Canary":
    case "Rolling":
      return batchBlock(rollout, seen);
    case "Verifying":
      return { name: "verify", action: "Verify", title: `Watching ${revision}`, total };
    case "RollingBack": {
      const to = seen.memory.current ?? "nothing";
      return { name: "roll-back", action: "RollBack", title: `Going back to ${to}`, total };
    }
    default:
      return undefined;
  }
}

/** Whether what the open block does is over: a hold alone ends nothing. */
function endsWith(after: Rollout, open: RolloutStep, next: Block | undefined): boolean {
  if (next !== undefined) return next.name !== open.name;
  return isBroken(after) || after.phase === "Completed";
}

/** The Revision that the slots of a block shall come to. */
function goalOf(block: Block | undefined, after: Rollout, seen: Seen): string {
  return block?.action === "RollBack" ? (seen.memory.current ?? "") : after.revision;
}

const isNamed = (steps: readonly RolloutStep[], block: Block): boolean =>
  steps.some(({ name }) => name === block.name);

/** The block that the rollout is in, unless the last one is still open or it was there before. */
function begun(rollout: Rollout, seen: Seen, nowMs: number): readonly RolloutStep[] {
  const { steps } = rollout;
  const last = steps.at(-1);
  if (last !== undefined && last.completedAt === undefined) return [];
  const block = blockOf(rollout, seen);
  if (block === undefined || isNamed(steps, block)) return [];
  return [{ ...block, startedAt: formatMicroTime(nowMs) }];
}

/** The last block, if it still tells. */
function openOf({ steps }: Rollout): RolloutStep | undefined {
  const last = steps.at(-1);
  return last?.completedAt === undefined ? last : undefined;
}

/**
 * The blocks of the update stream after a turn, and the numbers of the slots. The open block takes
 * what came out since; it is closed with the outcome of all its slots when the rollout goes on to
 * something else, and what that is opens the next one. Lines are only ever added.
 */
export function blocksAfter(
  before: Rollout | undefined,
  after: Rollout,
  seen: Seen,
  nowMs: number,
): Pick<Rollout, "steps" | "instances"> {
  const isSame = before?.revision === after.revision && before.startedAtMs === after.startedAtMs;
  const rollout = isSame ? after : { ...after, steps: [], instances: [] };
  const open = openOf(rollout);
  const next = blockOf(rollout, seen);
  if (open === undefined && (next === undefined || isNamed(rollout.steps, next))) {
    const { steps, instances } = rollout;
    return { steps, instances };
  }
  const views = viewsOf(seen, goalOf(open ?? next, rollout, seen));
  const numbering = numberingOf(views, rollout.instances);
  const moment = { after: rollout, seen, nowMs };
  const closing =
    open === undefined
      ? []
      : [told(open, views, { moment, numbering, ends: endsWith(rollout, open, next) })];
  const kept = [...(open === undefined ? rollout.steps : rollout.steps.slice(0, -1)), ...closing];
  // Sized anew: what was told just now is not told again.
  const opened = begun({ ...rollout, steps: kept }, seen, nowMs);
  return { steps: [...kept, ...opened].slice(-maxSteps), instances: numbering.instances };
}
