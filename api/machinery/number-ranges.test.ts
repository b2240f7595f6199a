import fc from "fast-check";
import { expect, test } from "vitest";
import { packNumbers, unpackNumbers } from "./number-ranges.ts";

test.each([
  ["nothing", [], ""],
  ["one number", [7], "7"],
  ["a run", [0, 1, 2], "0-2"],
  ["runs and single ones, in their order", [4, 0, 1, 9], "4,0-1,9"],
] as const)("packNumbers() writes %s", (_name, numbers, want) => {
  expect(packNumbers(numbers)).toBe(want);
});

test("unpackNumbers() reads back what packNumbers() wrote", () => {
  const holds = fc.property(fc.array(fc.nat({ max: 50 })), (numbers) => {
    expect(unpackNumbers(packNumbers(numbers))).toEqual(numbers);
  });
  fc.assert(holds);
});

test("unpackNumbers() leaves out what it cannot read", () => {
  expect(unpackNumbers("1,x,3-,5-4,-2,7")).toEqual([1, 7]);
});
