import type { PlannedBatch, PlannedImage, PlannedSlot, RolloutPlan } from "../crds/rollout-plan.ts";
import type { ApplicationPreview } from "./application/preview.ts";

type Told = Pick<
  RolloutPlan,
  | "action"
  | "revision"
  | "fromRevision"
  | "order"
  | "isOrderDerived"
  | "slots"
  | "images"
  | "refusals"
> & { readonly batches: readonly PlannedBatch[] };

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? "" : "s"}`;

/** `2, 2, 1` or, of many, `4 times 25`. */
function sizesOf(batches: readonly PlannedBatch[]): string {
  const sizes = batches.map(({ slots }) => slots.length);
  const [first] = sizes;
  if (sizes.length > 8) return `${first ?? 0} and so on, ${sizes.at(-1) ?? 0} in the last`;
  return sizes.join(", ");
}

function rollout({ revision, fromRevision, order, isOrderDerived, batches }: Told): string {
  const slots = batches.reduce((sum, batch) => sum + batch.slots.length, 0);
  if (fromRevision === undefined) return `${revision} is the first one, on ${count(slots, "slot")}`;
  const how = isOrderDerived ? `${order} (derived)` : order;
  const canary = batches.some(({ waitsForApproval }) => waitsForApproval)
    ? ", the first waits for an approval"
    : "";
  const many = `${count(batches.length, "batch").replace("batchs", "batches")} (${sizesOf(batches)})`;
  return `${revision} replaces ${fromRevision} on ${count(slots, "slot")} in ${many}, ${how}${canary}`;
}

function scaling({ slots }: Told, surplus: number): string {
  const by = Map.groupBy(slots, ({ placement }) => placement);
  const size = (placement: PlannedSlot["placement"]): number => by.get(placement)?.length ?? 0;
  const parts = [
    ...(size("New") > 0 ? [`adds ${count(size("New"), "slot")}`] : []),
    ...(size("Moved") > 0 ? [`moves ${count(size("Moved"), "slot")}`] : []),
    ...(surplus > 0 ? [`removes ${count(surplus, "pod")}`] : []),
  ];
  return parts.length === 0 ? "what is missing is made again" : parts.join(", ");
}

function headline(told: Told, { heldBy = "", surplus }: ApplicationPreview): string {
  switch (told.action) {
    case "Rollout":
      return rollout(told);
    case "Scale":
      return `${told.revision} stays: ${scaling(told, surplus)}`;
    case "Stop":
      return `${told.revision} stays, its containers are stopped`;
    case "Start":
      return `${told.revision} stays, its containers are started`;
    case "Held":
      return `nothing happens for now: ${heldBy}`;
    case "None":
      return `nothing changes, ${told.revision} stays`;
  }
}

function pulls({ image, pull, unknown }: PlannedImage): readonly string[] {
  return [
    ...(pull.length > 0 ? [`${image} is pulled on ${count(pull.length, "node")}`] : []),
    ...(unknown.length > 0
      ? [`${image} may have to be pulled on ${count(unknown.length, "node")}`]
      : []),
  ];
}

/** The plan in sentences. Refusals of the same words share one. */
export function summaryOf(told: Told, preview: ApplicationPreview): readonly string[] {
  const refused = Map.groupBy(told.refusals, ({ message }) => message);
  return [
    headline(told, preview),
    ...told.images.flatMap(pulls),
    ...[...refused].map(
      ([message, all]) => `${count(all.length, "slot")} would get no node: ${message}`,
    ),
  ];
}
