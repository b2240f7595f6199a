import { describe, expect, test } from "vitest";
import { violations } from "./check.ts";
import type { Change, History, Read, Seen, Watched, Write } from "./history.ts";

const truth: readonly Change[] = [
  { type: "ADDED", name: "a", value: "a1", at: 10 },
  { type: "ADDED", name: "b", value: "b1", at: 11 },
  { type: "MODIFIED", name: "a", value: "a2", at: 13 },
  { type: "DELETED", name: "b", value: "b1", at: 14 },
];

const writes: readonly Write[] = truth.map(({ at, ...change }, index) => ({
  ...change,
  client: "w",
  startMs: index * 10,
  endMs: index * 10 + 5,
  outcome: "done",
  ...(change.type === "DELETED" ? {} : { at }),
}));

const seen: readonly Seen[] = truth.map((change, index) => ({ ...change, atMs: index * 10 + 3 }));
const bookmark = (at: number): Seen => ({ type: "BOOKMARK", name: "", value: "", at, atMs: 99 });
const watch = (lines: readonly Seen[], since = 9): Watched => ({ client: "v", since, seen: lines });
const read = (at: number, values: Record<string, number>, more: Partial<Read> = {}): Read => ({
  client: "r",
  startMs: 100,
  endMs: 101,
  latest: true,
  at,
  state: new Map(
    Object.entries(values).map(([value, of]) => [value.slice(0, 1), { value, at: of }]),
  ),
  ...more,
});

const judge = (part: Partial<History>, changes = truth): readonly string[] =>
  violations({ writes, reads: [], watches: [], ...part }, changes);

test("a right history has no violation", () => {
  const reads = [read(14, { a2: 13 }), read(12, { a1: 10, b1: 11 }, { latest: false })];
  expect(judge({ reads, watches: [watch(seen), watch(seen.slice(2), 12)] })).toEqual([]);
});

test("a watch may end early, and a bookmark may stand where nothing happened", () => {
  const watches = [watch(seen.slice(0, 1)), watch([...seen, bookmark(20)]), watch([bookmark(9)])];
  expect(judge({ watches })).toEqual([]);
});

test("a write of unknown outcome may have happened or not", () => {
  const lost: Write = { ...(writes[0] as Write), value: "never", outcome: "unknown" };
  const unsure = writes.map((write): Write => ({ ...write, outcome: "unknown" }));
  expect(judge({ writes: [...unsure, lost] })).toEqual([]);
});

describe("finds", () => {
  const first = writes[0] as Write;
  test.each<[string, Partial<History>, readonly Change[] | undefined]>([
    ["acknowledged write is lost", { writes: [...writes, { ...first, value: "x" }] }, undefined],
    ["was acknowledged at 12", { writes: [{ ...first, at: 12 }, ...writes.slice(1)] }, undefined],
    [
      "refused write was committed",
      { writes: [...writes, { ...first, outcome: "refused" }] },
      undefined,
    ],
    [
      "nobody was told of ADDED b=b1",
      { writes: writes.filter(({ value }) => value !== "b1") },
      undefined,
    ],
    ["missed ADDED b=b1 at 11", { watches: [watch([seen[0], seen[2]] as Seen[])] }, undefined],
    ["came again or late", { watches: [watch([seen[0], seen[0]] as Seen[])] }, undefined],
    ["came again or late", { watches: [watch([seen[1], seen[0]] as Seen[])] }, undefined],
    ["never happened", { watches: [watch([{ ...(seen[0] as Seen), at: 12 }])] }, undefined],
    [
      "was shown MODIFIED a=a1",
      { watches: [watch([{ ...(seen[0] as Seen), type: "MODIFIED" }])] },
      undefined,
    ],
    [
      "came before it was written",
      { watches: [watch([{ ...(seen[0] as Seen), atMs: -1 }])] },
      undefined,
    ],
    ["is ahead of ADDED b=b1", { watches: [watch([seen[0] as Seen, bookmark(11)])] }, undefined],
    [
      "came again or late",
      { watches: [watch([seen[0] as Seen, bookmark(10), seen[0] as Seen])] },
      undefined,
    ],
    ["shows a as a1 at 10, it was a2 at 13", { reads: [read(14, { a1: 10 })] }, undefined],
    ["shows b as b1 at 11, it was nothing", { reads: [read(14, { a2: 13, b1: 11 })] }, undefined],
    ["began after version 13 was known", { reads: [read(11, { a1: 10, b1: 11 })] }, undefined],
    ["committed twice", {}, [...truth, { type: "ADDED", name: "b", value: "a1", at: 15 }]],
    ["after version 14", {}, [...truth, { type: "ADDED", name: "c", value: "c1", at: 14 }]],
    [
      "deleted what was not there",
      {},
      [...truth, { type: "DELETED", name: "c", value: "c1", at: 15 }],
    ],
    [
      "has no reason for ADDED a=a3",
      {},
      [...truth, { type: "ADDED", name: "a", value: "a3", at: 15 }],
    ],
  ])("%s", (words, part, changes) => {
    expect(judge(part, changes).join("\n")).toContain(words);
  });

  test("a list that goes back behind one that had ended", () => {
    const later = read(12, { a1: 10, b1: 11 }, { startMs: 30, endMs: 31 });
    const reads = [read(14, { a2: 13 }, { startMs: 27, endMs: 29 }), later];
    const unsure = writes.map((write): Write => ({ ...write, outcome: "unknown" }));
    expect(judge({ reads, writes: unsure })).toEqual([
      "r: list at 12 began after version 14 was known",
    ]);
  });
});
