import { packNumbers } from "../api/machinery/number-ranges.ts";
import type { PlannedBatch, PlannedImage, PlannedSlot, RolloutPlan } from "../crds/rollout-plan.ts";
import { formatTable } from "./output.ts";

/** Names in a line at most; the rest is counted. */
const maxNames = 6;

function some(names: readonly string[]): string {
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : "";
  return `${names.slice(0, maxNames).join(", ")}${more}`;
}

/** Slots as people write them: runs of ordinals, else names. */
function slotsText(slots: readonly string[]): string {
  const isOrdinal = slots.every((slot) => /^\d{1,9}$/.test(slot));
  return isOrdinal ? packNumbers(slots.map(Number)).replaceAll(",", ", ") : some(slots);
}

const count = (number: number, one: string, many: string): string =>
  `${number} ${number === 1 ? one : many}`;

function nodesText(slots: readonly PlannedSlot[]): string {
  const named = slots.filter(({ slot, node }) => node !== undefined && node !== slot);
  const nodes = [...new Set(named.flatMap(({ node }) => node ?? []))];
  return nodes.length === 0 ? "" : ` on ${some(nodes)}`;
}

function batchText(batch: PlannedBatch, slots: ReadonlyMap<string, PlannedSlot>): string {
  const { number, isCanary, waitsForApproval } = batch;
  const canary = isCanary ? ", canary" : "";
  const wait = waitsForApproval ? "; then it waits for an approval" : "";
  const known = batch.slots.flatMap((slot) => slots.get(slot) ?? []);
  const which = `${batch.slots.length === 1 ? "slot" : "slots"} ${slotsText(batch.slots)}`;
  return `batch ${number}${canary}: ${which}${nodesText(known)}${wait}`;
}

function batchLines({ batches, slots }: RolloutPlan): readonly string[] {
  const bySlot = new Map(slots.map((slot) => [slot.slot, slot]));
  const lines = batches.map((batch) => batchText(batch, bySlot));
  // The first two and the last tell how it goes on.
  if (lines.length <= 8) return lines;
  return [...lines.slice(0, 5), `… ${lines.length - 6} more batches`, ...lines.slice(-1)];
}

function moveLines({ slots }: RolloutPlan): readonly string[] {
  const moved = slots.filter(({ placement }) => placement === "Moved");
  const shown = moved.slice(0, maxNames).map(({ slot, node, fromNode }) => {
    return `slot ${slot} moves from ${fromNode ?? "its Node"} to ${node ?? "none"}`;
  });
  const rest = moved.length - shown.length;
  return rest > 0 ? [...shown, `and ${count(rest, "slot moves", "slots move")} more`] : shown;
}

function imageLine({ image, present, pull, unknown }: PlannedImage): string {
  const parts = [
    pull.length === 0 ? undefined : `pulled on ${some(pull)}`,
    present.length === 0 ? undefined : `there on ${some(present)}`,
    unknown.length === 0 ? undefined : `perhaps there on ${some(unknown)}`,
  ];
  const known = parts.filter((part) => part !== undefined);
  return `image ${image}: ${known.length === 0 ? "needed on no Node" : known.join("; ")}`;
}

function refusalLine({ slot, reason, message }: RolloutPlan["refusals"][number]): string {
  return `refused: ${slot === undefined ? "" : `slot ${slot}: `}${reason}: ${message}`;
}

/** A line of a plan; a refusal is to stand out. */
export type PlanLine = { readonly text: string; readonly isRefusal: boolean };

/** A plan in lines for people, without the diff of the template. Pure. */
export function planLines(plan: RolloutPlan): readonly PlanLine[] {
  const images = plan.action === "None" ? [] : plan.images.map(imageLine);
  const said = [...plan.summary, ...batchLines(plan), ...moveLines(plan), ...images];
  return [
    ...said.map((text) => ({ text, isRefusal: false })),
    ...plan.refusals.map((refusal) => ({ text: refusalLine(refusal), isRefusal: true })),
  ];
}

const none = "<none>";

/** Every slot of a plan as a table. */
export function slotTable({ slots }: RolloutPlan): string {
  const rows = slots.map(({ slot, batch, placement, node, fromNode, pod, message }) => [
    slot,
    batch === undefined ? none : String(batch),
    placement,
    node ?? none,
    fromNode ?? none,
    pod ?? none,
    message ?? "",
  ]);
  return formatTable([["SLOT", "BATCH", "PLACEMENT", "NODE", "NOW ON", "POD", "WHY"], ...rows]);
}
