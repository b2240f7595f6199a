import { expect, test } from "vitest";
import { type Count, countAnswer, nextCheckMs, noCount } from "./probe-count.ts";

const probe = { periodSeconds: 10, failureThreshold: 3, successThreshold: 2 };
const good = { ok: true, message: "" };
const bad = { ok: false, message: "no" };

/** Answers by letter, one per period. */
function counted(letters: string, everyMs = 10_000): Count {
  return letters
    .split("")
    .reduce(
      (count, letter, index) =>
        countAnswer(count, letter === "+" ? good : bad, probe, index * everyMs),
      noCount,
    );
}

test.each([
  ["", undefined],
  ["+", undefined],
  ["++", true],
  ["++-", true],
  ["++--", true],
  ["++---", false],
  ["++--+--", true],
  ["---", false],
  ["---+", false],
  ["---++", true],
])("countAnswer() after %j", (letters, want) => {
  expect(counted(letters).verdict).toBe(want);
});

test("countAnswer() does not let quick checks bring a failure sooner", () => {
  expect(counted("------", 1_000)).toMatchObject({ verdict: undefined, inRow: 1 });
  expect(counted("-".repeat(21), 1_000).verdict).toBe(false);
});

test("nextCheckMs() doubles from a tenth of a second to the period", () => {
  expect([0, 1, 2, 6, 7, 40].map((quick) => nextCheckMs(probe, quick))).toEqual([
    100, 200, 400, 6_400, 10_000, 10_000,
  ]);
  expect(nextCheckMs({}, undefined)).toBe(10_000);
});
