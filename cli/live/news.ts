import { applicationReason } from "../../crds/conditions.ts";
import { age } from "../output.ts";
import type { Fallen, RolloutView, WaitView } from "./rollout-view.ts";
import type { SlotView } from "./slot-view.ts";

/** Waits that belong to every rollout; they are news only when they last. */
const usual: ReadonlySet<string> = new Set([
  applicationReason.waitingForPrepare,
  applicationReason.waitingForReady,
  applicationReason.rollingOut,
  applicationReason.monitoring,
  applicationReason.waitingBetweenBatches,
]);
const longMs = 15_000;

/** Names in a line at most; the rest is counted. */
const maxNames = 8;

function names(slots: readonly string[]): string {
  const shown = slots.slice(0, maxNames).join(", ");
  const more = slots.length > maxNames ? ` and ${slots.length - maxNames} more` : "";
  return `${slots.length === 1 ? "slot" : "slots"} ${shown}${more}`;
}

const count = (number: number, one: string, many: string): string =>
  `${number} ${number === 1 ? one : many}`;

function beginning({ from, goal, total, batches }: RolloutView): string {
  const way = from === undefined || from === goal ? goal : `${from} to ${goal}`;
  return `${way}: ${count(total, "slot", "slots")} in ${count(batches, "batch", "batches")}`;
}

function phaseText({ phase, batch, batches }: RolloutView): string {
  const counts = batch > 0 && batches > 1 && (phase === "Rolling" || phase === "Canary");
  return counts ? `${phase}, batch ${batch} of ${batches}` : phase;
}

function phaseNews(before: RolloutView | undefined, after: RolloutView): readonly string[] {
  if (after.phase === "Pending") return [];
  const isNew = before?.rollout !== after.rollout;
  const isSame = !isNew && phaseText(before) === phaseText(after);
  return [...(isNew ? [beginning(after)] : []), ...(isSame ? [] : [phaseText(after)])];
}

function arrivals(before: RolloutView | undefined, after: RolloutView): readonly string[] {
  const isSame = before?.rollout === after.rollout && before.goal === after.goal;
  const isGood = ({ phase }: SlotView): boolean => phase === "good";
  const known = new Set(isSame ? before.slots.filter(isGood).map(({ slot }) => slot) : []);
  const good = after.slots.filter(isGood);
  const fresh = good.filter(({ slot }) => !known.has(slot)).map(({ slot }) => slot);
  if (fresh.length === 0) return [];
  const verb = fresh.length === 1 ? "runs" : "run";
  return [`${names(fresh)} ${verb} ${after.goal}, ${good.length} of ${after.slots.length}`];
}

/** Failed slots whose containers said nothing: their host or their image was the trouble. */
function failures(before: RolloutView | undefined, after: RolloutView): readonly string[] {
  const isFailed = ({ phase }: SlotView): boolean => phase === "failed";
  const known = new Set((before?.slots ?? []).filter(isFailed).map(({ slot }) => slot));
  const told = new Set(after.fallen.map(({ slot }) => slot));
  return after.slots
    .filter((slot) => isFailed(slot) && !known.has(slot.slot) && !told.has(slot.slot))
    .map(({ slot, node, text }) => {
      const place = node === undefined || node === slot ? "" : ` on ${node}`;
      return `slot ${slot}${place} failed${text === "" ? "" : `: ${text}`}`;
    });
}

const wordsOf = ({ words }: Fallen): readonly string[] => words.map((word) => `  | ${word}`);

function fallenNews(before: RolloutView | undefined, after: RolloutView): readonly string[] {
  const isSame = before?.rollout === after.rollout;
  const known = new Map((isSame ? before.fallen : []).map((one) => [one.slot, one]));
  return after.fallen.flatMap((one): readonly string[] => {
    const { slot, node, summary, words } = one;
    const earlier = known.get(slot);
    if (earlier?.summary === summary && earlier.words.join("\n") === words.join("\n")) return [];
    const place = node === undefined || node === slot ? "" : ` on ${node}`;
    const isSaid = earlier?.words.join("\n") === words.join("\n");
    return [`slot ${slot}${place}: ${summary}`, ...(isSaid ? [] : wordsOf(one))];
  });
}

const isNewsAt = ({ reason, sinceMs }: WaitView, nowMs: number): boolean =>
  !usual.has(reason) || nowMs - sinceMs >= longMs;

const keyOf = ({ owner, reason, sinceMs }: WaitView): string => `${owner} ${reason} ${sinceMs}`;

function waitNews(before: RolloutView | undefined, after: RolloutView): readonly string[] {
  const told = (before?.waits ?? []).filter((wait) => isNewsAt(wait, before?.nowMs ?? 0));
  const known = new Set(told.map(keyOf));
  return after.waits
    .filter((wait) => isNewsAt(wait, after.nowMs) && !known.has(keyOf(wait)))
    .map(({ owner, reason, text, sinceMs }) => {
      const said = text === "" ? "" : `: ${text}`;
      return `waiting for ${owner} since ${age(after.nowMs - sinceMs)}, ${reason}${said}`;
    });
}

/**
 * What is new between two views, one line for each piece of news, for logs that keep every line.
 * Pure; `undefined` stands for the beginning.
 */
export function newsOf(before: RolloutView | undefined, after: RolloutView): readonly string[] {
  return [
    ...phaseNews(before, after),
    ...arrivals(before, after),
    ...fallenNews(before, after),
    ...failures(before, after),
    ...waitNews(before, after),
  ];
}
