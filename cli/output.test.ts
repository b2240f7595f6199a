import { expect, test } from "vitest";
import type { Io } from "./command.ts";
import { age, formatTable, paint, paintError } from "./output.ts";

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

test("an error is painted by what stderr is, whatever stdout is", () => {
  const io = (color: boolean, errorColor?: boolean): Io => ({
    out: () => undefined,
    err: () => undefined,
    isTerminal: color,
    color,
    ...(errorColor === undefined ? {} : { errorColor }),
    env: {},
    readStdin: () => Promise.resolve(""),
    clock: { nowMs: () => 0 },
  });
  const red = "\u001B[31mno\u001B[39m";
  expect(paintError(io(true, false), "red", "no")).toBe("no");
  expect(paintError(io(false, true), "red", "no")).toBe(red);
  expect(paintError(io(true), "red", "no")).toBe(red);
  expect(paint(io(false, true), "red", "no")).toBe("no");
});
