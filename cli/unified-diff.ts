/** One line of a comparison: kept, only in the old text, or only in the new one. */
type Edit = { readonly kind: " " | "-" | "+"; readonly line: string };

/** Beyond so many pairs of lines the middle is replaced as a whole: the table would not fit memory. */
const maxPairs = 4_000_000;

/** Lengths of the longest common subsequence of every pair of tails, row by row. */
function tailLengths(before: readonly string[], after: readonly string[]): Uint32Array[] {
  const rows = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    const [row, below] = [rows[i], rows[i + 1]];
    if (row === undefined || below === undefined) continue;
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const isSame = before[i] === after[j];
      row[j] = isSame ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return rows;
}

function middleEdits(before: readonly string[], after: readonly string[]): readonly Edit[] {
  if (before.length * after.length > maxPairs) {
    return [...before.map(removed), ...after.map(added)];
  }
  const rows = tailLengths(before, after);
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const [old, young] = [before[i], after[j]];
    if (old === undefined || young === undefined) break;
    if (old === young) {
      edits.push(kept(old));
      i += 1;
      j += 1;
    } else if ((rows[i + 1]?.[j] ?? 0) >= (rows[i]?.[j + 1] ?? 0)) {
      edits.push(removed(old));
      i += 1;
    } else {
      edits.push(added(young));
      j += 1;
    }
  }
  return [...edits, ...before.slice(i).map(removed), ...after.slice(j).map(added)];
}

const kept = (line: string): Edit => ({ kind: " ", line });
const removed = (line: string): Edit => ({ kind: "-", line });
const added = (line: string): Edit => ({ kind: "+", line });

/** How many leading items are equal, at most `limit`. */
function commonStart(one: readonly string[], other: readonly string[], limit: number): number {
  let count = 0;
  while (count < limit && one[count] === other[count]) count += 1;
  return count;
}

function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const shorter = Math.min(before.length, after.length);
  const start = commonStart(before, after, shorter);
  const end = commonStart(before.toReversed(), after.toReversed(), shorter - start);
  return [
    ...before.slice(0, start).map(kept),
    ...middleEdits(
      before.slice(start, before.length - end),
      after.slice(start, after.length - end),
    ),
    ...before.slice(before.length - end).map(kept),
  ];
}

/** Ranges of edits to show: each change with its context, those that touch as one. */
function hunks(edits: readonly Edit[], context: number): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  edits.forEach(({ kind }, index) => {
    if (kind === " ") return;
    const from = Math.max(0, index - context);
    const to = Math.min(edits.length, index + context + 1);
    const last = ranges.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else ranges.push([from, to]);
  });
  return ranges;
}

const countOf = (edits: readonly Edit[], kind: "-" | "+"): number =>
  edits.filter((edit) => edit.kind === kind || edit.kind === " ").length;

/** `START,COUNT` of a hunk's header; an empty side names the line before it. */
function side(edits: readonly Edit[], from: number, to: number, kind: "-" | "+"): string {
  const before = countOf(edits.slice(0, from), kind);
  const count = countOf(edits.slice(from, to), kind);
  const start = count === 0 ? before : before + 1;
  return count === 1 ? String(start) : `${start},${count}`;
}

const linesOf = (text: string): readonly string[] => {
  const lines = text.split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
};

/**
 * What differs between two texts, as lines of a unified diff (GNU diffutils, "Unified Format")
 * without its two title lines; none when they are equal. Pure.
 *
 * @param context unchanged lines around each change; integer, 0 or more
 */
export function unifiedDiff(before: string, after: string, context = 3): readonly string[] {
  const edits = editsOf(linesOf(before), linesOf(after));
  return hunks(edits, context).flatMap(([from, to]) => [
    `@@ -${side(edits, from, to, "-")} +${side(edits, from, to, "+")} @@`,
    ...edits.slice(from, to).map(({ kind, line }) => `${kind}${line}`),
  ]);
}
