import { expect, test } from "vitest";
import { age, formatTable } from "./output.ts";

test("formatTable() aligns columns and leaves no trailing space", () => {
  expect(
    formatTable([
      ["NAME", "READY", "AGE"],
      ["web", "3/3", ""],
    ]),
  ).toBe("NAME   READY   AGE\nweb    3/3\n");
});

test.each([
  [-5, "0s"],
  [119_999, "119s"],
  [120_000, "2m"],
  [125_000, "2m5s"],
  [600_000, "10m"],
  [179 * 60_000, "179m"],
  [180 * 60_000, "3h"],
  [185 * 60_000, "3h5m"],
  [8 * 3_600_000 + 1, "8h"],
  [48 * 3_600_000, "2d"],
])("age() of %d ms reads as kubectl writes it", (ms, want) => {
  expect(age(ms)).toBe(want);
});
