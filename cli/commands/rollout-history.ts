import type { Application, Revision } from "../../crds/types.gen.ts";
import { type Call, type Flags, Misuse, type Run, text, wholeNumber } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { exitCode } from "../exit-code.ts";
import { type HistoryRow, historyRows } from "../history.ts";
import { formatTable } from "../output.ts";
import { imagesOf, revisionOfNumber, revisionsOf, runningOf } from "../revisions.ts";
import { getApplication } from "../rollout.ts";
import { templateDiff, templateText, type Titled } from "../template-diff.ts";

/** What the user asked for: two numbers, one against what runs, or the newest against what runs. */
type Range = { readonly from?: number; readonly to?: number };

const isRange = (word: string): boolean => /^\d{1,9}(\.\.\d{1,9})?$/.test(word);

/** Reads `--diff`, `--diff A`, `--diff A..B` and `--diff A B`, and gives the words that are left.
 * @throws Misuse */
export function diffRange(
  flags: Flags,
  args: readonly string[],
): { readonly range: Range | undefined; readonly args: readonly string[] } {
  const value = flags["diff"];
  if (value === undefined) return { range: undefined, args };
  // The value is optional: a word that is no range is the Application, wherever it stands.
  const words = typeof value === "string" ? [value, ...args] : args;
  const numbers = words.filter(isRange).flatMap((word) => word.split("..").map(Number));
  const [one, two, more] = numbers;
  if (more !== undefined) throw new Misuse("--diff takes at most two Revisions: --diff A..B");
  const to = two ?? one;
  const range = {
    ...(two === undefined || one === undefined ? {} : { from: one }),
    ...(to === undefined ? {} : { to }),
  };
  return { range, args: words.filter((word) => !isRange(word)) };
}

const titled = (revision: Revision): Titled => ({
  title: `Revision ${revision.spec.number} (${revision.metadata.name}, ${imagesOf(revision).join(", ")})`,
  template: revision.spec.template,
});

function printDiff(call: Call, app: Application, all: readonly Revision[], range: Range): void {
  const { name } = app.metadata;
  const pick = (number: number): Revision => revisionOfNumber(app, all, number);
  const before = range.from === undefined ? runningOf(app, all) : pick(range.from);
  const after = range.to === undefined ? all.at(-1) : pick(range.to);
  if (after === undefined) throw new Error(`Application "${name}" has no Revision yet`);
  if (before === undefined) {
    throw new Error(
      `Application "${name}" has no Revision that runs: name two, e.g. --diff 1..${after.spec.number}`,
    );
  }
  const [one, other] = [titled(before), titled(after)];
  const diff = templateDiff(call.io, one, other);
  if (diff === "") call.io.err(`${one.title} and ${other.title} do not differ\n`);
  call.io.out(diff);
}

const columns: readonly (readonly [title: string, field: keyof HistoryRow, wide?: true])[] = [
  ["REVISION", "number"],
  ["NAME", "name"],
  ["RESULT", "result"],
  ["IMAGES", "images"],
  ["AGE", "when"],
  ["DURATION", "duration"],
  ["BY", "by"],
  ["CAUSE", "cause"],
  ["REASON", "reason"],
  ["MESSAGE", "message", true],
];

function printAll(call: Call, app: Application, all: readonly Revision[]): void {
  const format = text(call.flags, "output");
  const newest = all.toReversed();
  if (isDocumentFormat(format)) {
    call.io.out(documentText(format, { apiVersion: "v1", kind: "List", items: newest }));
    return;
  }
  if (format === "name") {
    for (const { metadata } of newest) call.io.out(`revision.lighthouse.dev/${metadata.name}\n`);
    return;
  }
  const shown = columns.filter(([, , wide]) => wide !== true || format === "wide");
  const rows = historyRows(app, all, call.io.clock.nowMs());
  const cells = rows.map((row) => shown.map(([, field]) => row[field]));
  call.io.out(formatTable([shown.map(([title]) => title), ...cells]));
}

function printOne(call: Call, revision: Revision): void {
  const format = text(call.flags, "output");
  if (isDocumentFormat(format)) call.io.out(documentText(format, revision));
  else if (format === "name") call.io.out(`revision.lighthouse.dev/${revision.metadata.name}\n`);
  else call.io.out(`# ${titled(revision).title}\n${templateText(revision.spec.template)}`);
}

/** `lighthouse rollout history`. */
export const runRolloutHistory: Run = async (call) => {
  const { range, args } = diffRange(call.flags, call.args);
  const number = wholeNumber(call.flags, "revision");
  if (range !== undefined && number !== undefined) {
    throw new Misuse("--diff and --revision exclude each other");
  }
  const limit = wholeNumber(call.flags, "limit");
  const app = await getApplication({ ...call, args });
  const all = await revisionsOf(call, app);
  if (range !== undefined) printDiff(call, app, all, range);
  else if (number !== undefined) printOne(call, revisionOfNumber(app, all, number));
  else printAll(call, app, limit === undefined ? all : all.slice(Math.max(0, all.length - limit)));
  return exitCode.done;
};
