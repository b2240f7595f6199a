import fc from "fast-check";
import { expect, test } from "vitest";
import { unifiedDiff } from "./unified-diff.ts";

test.each<[why: string, before: string, after: string, want: readonly string[]]>([
  ["equal texts", "a\nb\n", "a\nb\n", []],
  ["nothing to something", "", "a\n", ["@@ -0,0 +1 @@", "+a"]],
  ["something to nothing", "a\nb\n", "", ["@@ -1,2 +0,0 @@", "-a", "-b"]],
  ["a changed line", "a\nb\nc\n", "a\nB\nc\n", ["@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"]],
  ["a line more at the end", "a\n", "a\nb\n", ["@@ -1 +1,2 @@", " a", "+b"]],
  [
    "changes far apart as two hunks",
    "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
    "one\n2\n3\n4\n5\n6\n7\n8\nnine\n",
    [
      "@@ -1,4 +1,4 @@",
      "-1",
      "+one",
      " 2",
      " 3",
      " 4",
      "@@ -6,4 +6,4 @@",
      " 6",
      " 7",
      " 8",
      "-9",
      "+nine",
    ],
  ],
  [
    "changes close together as one hunk",
    "1\n2\n3\n4\n5\n",
    "one\n2\n3\n4\nfive\n",
    ["@@ -1,5 +1,5 @@", "-1", "+one", " 2", " 3", " 4", "-5", "+five"],
  ],
])("unifiedDiff() of %s", (_why, before, after, want) => {
  expect(unifiedDiff(before, after)).toEqual(want);
});

const text = fc
  .array(fc.constantFrom("a", "b", "c", "  d: e"), { maxLength: 30 })
  .map((lines) => lines.map((line) => `${line}\n`).join(""));

/** Applies a diff with all its context, as patch(1) does. */
function sides(diff: readonly string[]): readonly [before: string, after: string] {
  const body = diff.filter((line) => !line.startsWith("@@"));
  const join = (lines: readonly string[]): string =>
    lines.map((line) => `${line.slice(1)}\n`).join("");
  return [
    join(body.filter((line) => !line.startsWith("+"))),
    join(body.filter((line) => !line.startsWith("-"))),
  ];
}

test("unifiedDiff() holds both texts", () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      const diff = unifiedDiff(before, after, 1000);
      const want = before === after ? ["", ""] : [before, after];
      expect(sides(diff)).toEqual(want);
    }),
  );
});

test("unifiedDiff() does not take quadratic memory for texts that differ in everything", () => {
  const lines = (mark: string): string =>
    Array.from({ length: 10_000 }, (_, index) => `${mark}${index}\n`).join("");
  expect(unifiedDiff(lines("a"), lines("b"))).toHaveLength(20_001);
});
