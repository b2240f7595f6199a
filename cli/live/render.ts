import { age, type Style } from "../output.ts";
import { clip, widthOf } from "./plain-text.ts";
import type { Fallen, RolloutView, WaitView } from "./rollout-view.ts";
import type { SlotPhase, SlotView } from "./slot-view.ts";

/** A piece of a line, painted where there are colours. */
export type Span = { readonly text: string; readonly style?: Style };
/** One line of the screen, never wider than asked for. */
export type Line = readonly Span[];
/** Columns and rows of the terminal; integers, 1 or more. */
export type Size = { readonly columns: number; readonly rows: number };

const plain = (text: string): Span => ({ text });
const painted = (style: Style, text: string): Span => ({ text, style });

const marks: Readonly<Record<SlotPhase, Span>> = {
  ahead: painted("dim", "○"),
  preparing: painted("cyan", "↓"),
  prepared: painted("cyan", "◌"),
  starting: painted("yellow", "◐"),
  proving: painted("yellow", "◑"),
  good: painted("green", "●"),
  failed: painted("red", "✗"),
  offline: painted("dim", "!"),
};

/** Which slots are shown first when there are more than rows. */
const urgency: readonly SlotPhase[] = [
  "failed",
  "offline",
  "starting",
  "preparing",
  "proving",
  "prepared",
  "ahead",
  "good",
];

function clipLine(line: Line, columns: number): Line {
  const clipped: Span[] = [];
  let left = columns;
  for (const span of line) {
    if (left <= 0) break;
    const text = clip(span.text, left);
    clipped.push({ ...span, text });
    left -= widthOf(text);
    if (text !== span.text) break;
  }
  return clipped;
}

/** `share` of 1 as a bar, e.g. `████░░░░`. */
function bar(share: number, width: number): Line {
  const full = Math.round(Math.max(0, Math.min(1, share)) * width);
  return [painted("green", "█".repeat(full)), painted("dim", "░".repeat(width - full))];
}

const isBack = ({ phase }: RolloutView): boolean =>
  phase === "RollingBack" || phase === "RolledBack" || phase === "RollbackPaused";

function phaseText({ phase, batch, batches }: RolloutView): string {
  const counts = batches > 1 && batch > 0 && phase !== "Completed";
  return counts ? `${phase}, batch ${batch} of ${batches}` : phase;
}

const styleOf = (view: RolloutView): Style => {
  if (view.verdict.state === "Failed" || isBack(view)) return "red";
  return view.verdict.state === "Succeeded" ? "green" : "cyan";
};

function title(view: RolloutView): Line {
  const { name, from, goal, startedAtMs, finishedAtMs, nowMs } = view;
  const endMs = finishedAtMs ?? nowMs;
  const took = startedAtMs === undefined ? "" : `  ${age(endMs - startedAtMs)}`;
  const way = from === undefined || from === goal ? goal : `${from} → ${goal}`;
  return [
    painted("bold", `application/${name}`),
    plain(way === "" ? "" : `  ${way}`),
    painted(styleOf(view), `  ${phaseText(view)}`),
    painted("dim", took),
  ];
}

const countOf = (slots: readonly SlotView[], phase: SlotPhase): number =>
  slots.filter((one) => one.phase === phase).length;

function overall(view: RolloutView, columns: number): Line {
  const { slots, ready, total, goal, phase, nextAtMs, nowMs } = view;
  const isPreparing = phase === "Preparing";
  const there = isPreparing
    ? slots.filter((one) => one.phase !== "preparing" && one.phase !== "ahead").length
    : countOf(slots, "good");
  const what = isPreparing ? "prepared" : `run ${goal === "" ? "nothing yet" : goal}`;
  const leftMs = nextAtMs === undefined ? 0 : nextAtMs - nowMs;
  const next = leftMs > 0 ? `, goes on in ${age(leftMs + 999)}` : "";
  const text = ` ${there}/${slots.length} ${what}, ${ready}/${total} ready${next}`;
  const width = Math.max(0, Math.min(30, columns - widthOf(text) - 4));
  return [plain("  "), ...bar(slots.length === 0 ? 0 : there / slots.length, width), plain(text)];
}

function slotText(slot: SlotView, nowMs: number): string {
  if (slot.phase === "failed") {
    return slot.failure === undefined && slot.text !== "" ? `failed: ${slot.text}` : "failed";
  }
  if (slot.phase === "proving" && slot.goodAtMs !== undefined) {
    return `ready, good in ${age(slot.goodAtMs - nowMs + 999)}`;
  }
  if (slot.pulled !== undefined) return slot.text;
  return `${slot.phase}${slot.text === "" ? "" : `: ${slot.text}`}`;
}

function slotLine(slot: SlotView, nameWidth: number, nowMs: number): Line {
  const { node } = slot;
  const place = node === undefined || node === slot.slot ? "" : `  ${node}`;
  const pull: Line = slot.pulled === undefined ? [] : [plain("  "), ...bar(slot.pulled, 12)];
  return [
    plain("    "),
    marks[slot.phase],
    plain(` ${slot.slot.padEnd(nameWidth)}`),
    painted("dim", place),
    ...pull,
    plain(`  ${slotText(slot, nowMs)}`),
  ];
}

function countsText(slots: readonly SlotView[]): string {
  return urgency
    .map((phase) => [phase, countOf(slots, phase)] as const)
    .filter(([, count]) => count > 0)
    .map(([phase, count]) => `${count} ${phase}`)
    .join(", ");
}

/** The slots in at most `rows` lines: the most urgent ones one by one, the rest as counts. */
function slotLines(slots: readonly SlotView[], rows: number, nowMs: number): readonly Line[] {
  if (slots.length === 0 || rows <= 0) return [];
  const byUrgency = slots.toSorted(
    (one, other) => urgency.indexOf(one.phase) - urgency.indexOf(other.phase),
  );
  const picked = new Set(slots.length <= rows ? slots : byUrgency.slice(0, rows - 1));
  const shown = slots.filter((slot) => picked.has(slot));
  const rest = slots.filter((slot) => !picked.has(slot));
  const nameWidth = Math.max(0, ...shown.map(({ slot }) => slot.length));
  const lines = shown.map((slot) => slotLine(slot, nameWidth, nowMs));
  const more = shown.length === 0 ? "" : "and ";
  return rest.length === 0
    ? lines
    : [...lines, [painted("dim", `    … ${more}${rest.length} slots: ${countsText(rest)}`)]];
}

type Parts = {
  readonly done: Line | undefined;
  readonly current: readonly SlotView[];
  readonly ahead: Line | undefined;
};

/** What the batches before this one did, the slots that are at work, and those to come. */
function partsOf(view: RolloutView): Parts {
  const { slots, doneIn, batch, phase } = view;
  const isSwitching = ["Canary", "Rolling", "Waiting", "Paused"].includes(phase) && batch > 0;
  if (!isSwitching) return { done: undefined, current: slots, ahead: undefined };
  const isBefore = ({ slot, phase }: SlotView): boolean =>
    phase === "good" && (doneIn.get(slot) ?? batch) < batch;
  const isAhead = ({ phase }: SlotView): boolean => phase === "ahead" || phase === "prepared";
  const before = slots.filter(isBefore);
  const ahead = slots.filter(isAhead);
  const batches = batch > 2 ? `batches 1 to ${batch - 1}` : "batch 1";
  return {
    done:
      before.length === 0
        ? undefined
        : [plain("  "), marks.good, painted("dim", ` ${batches}: ${before.length} slots`)],
    current: slots.filter((slot) => !isBefore(slot) && !isAhead(slot)),
    ahead:
      ahead.length === 0
        ? undefined
        : [plain("  "), marks.ahead, painted("dim", ` next: ${countsText(ahead)}`)],
  };
}

function fallenLines({ slot, node, summary, words }: Fallen, rows: number): readonly Line[] {
  const place = node === undefined || node === slot ? "" : ` on ${node}`;
  const head: Line = [plain("  "), painted("red", `✗ slot ${slot}${place}: ${summary}`)];
  const said = rows > 1 ? words.slice(-(rows - 1)) : [];
  return [head, ...said.map((word): Line => [painted("dim", "    │ "), plain(word)])];
}

/** What containers said at their end: at most `rows` lines, the first failure at length. */
function fallen(view: RolloutView, rows: number): readonly Line[] {
  const lines: Line[] = [];
  for (const [index, one] of view.fallen.entries()) {
    const left = rows - lines.length;
    if (left <= 0) break;
    if (left === 1 && index < view.fallen.length - 1) {
      lines.push([painted("red", `  ✗ and ${view.fallen.length - index} more slots`)]);
      break;
    }
    lines.push(...fallenLines(one, Math.min(left, 6)));
  }
  return lines;
}

function waitLine({ owner, reason, text, sinceMs }: WaitView, nowMs: number): Line {
  const said = text === "" ? "" : `: ${text}`;
  return [
    plain("  "),
    painted("yellow", `waits ${age(nowMs - sinceMs)} for ${owner}`),
    plain(` ${reason}${said}`),
  ];
}

function waits(view: RolloutView, rows: number): readonly Line[] {
  const lines = view.waits.map((wait) => waitLine(wait, view.nowMs));
  if (lines.length <= rows || rows <= 0) return lines.slice(0, Math.max(0, rows));
  const rest = lines.length - rows + 1;
  return [...lines.slice(0, rows - 1), [painted("dim", `  … and ${rest} more waits`)]];
}

/** The lines that say what a rollout is at now, `note` last; they fit `size`. Pure. */
export function renderRollout(view: RolloutView, size: Size, note?: string): readonly Line[] {
  const rows = Math.max(1, size.rows - 1); // the cursor's own line
  const { done, current, ahead } = partsOf(view);
  const group: Line = [painted("dim", `  group ${view.group ?? ""}`)];
  const fixed = [
    title(view),
    overall(view, size.columns),
    ...(view.group === undefined ? [] : [group]),
    ...(done === undefined ? [] : [done]),
  ];
  const noted: readonly Line[] = note === undefined ? [] : [[painted("yellow", `  ${note}`)]];
  const tail = [...(ahead === undefined ? [] : [ahead]), ...noted];
  const free = Math.max(0, rows - fixed.length - tail.length);
  const told = fallen(view, Math.ceil(free / 3));
  const waited = waits(view, Math.min(5, Math.floor(free / 3)));
  const slots = slotLines(current, free - told.length - waited.length, view.nowMs);
  return [...fixed, ...slots, ...(ahead === undefined ? [] : [ahead]), ...told, ...waited, ...noted]
    .slice(0, rows)
    .map((line) => clipLine(line, Math.max(1, size.columns)));
}
