import { expect, test } from "vitest";
import { clip, harmless, lastLines, widthOf } from "./plain-text.ts";

test.each([
  ["colours", "\u001B[31mred\u001B[0m", "red"],
  ["a title of the window", "\u001B]0;owned\u0007text", "text"],
  ["a carriage return that hides what was before", "bad\rgood", "badgood"],
  ["text that runs backwards", "abc\u202Etxt", "abctxt"],
  ["a tab", "a\tb", "a  b"],
  ["other scripts", "naïve 日本", "naïve 日本"],
])("harmless() takes away what a terminal acts on: %s", (_why, text, want) => {
  expect(harmless(text)).toBe(want);
});

test("lastLines() gives the last lines that are not empty", () => {
  expect(lastLines("one\r\n\n two  \nthree\n\n", 2)).toEqual([" two", "three"]);
  expect(lastLines("", 3)).toEqual([]);
});

test.each([
  ["plain", "abc", 3],
  ["wide characters", "日本", 4],
  ["a combining mark", "e\u0301", 1],
  ["an emoji", "🚀", 2],
])("widthOf() of %s", (_why, text, want) => {
  expect(widthOf(text)).toBe(want);
});

test.each([
  ["abcdef", 6, "abcdef"],
  ["abcdef", 4, "abc…"],
  ["日本語", 4, "日…"],
  ["abc", 1, "…"],
  ["abc", 0, ""],
])("clip() of %s to %i", (text, columns, want) => {
  expect(clip(text, columns)).toBe(want);
});
