import { expect, test } from "vitest";
import { compareVersions, negotiate } from "./version.ts";

test.each([
  ["1.41", "1.41", "an older engine sets the version"],
  ["1.40", "1.40", "the oldest that is served"],
  ["1.99", "1.47", "a newer engine is spoken to in the newest we know"],
])("negotiate() answers %s with %s: %s", (announced, want) => {
  expect(negotiate(announced, "unix:///s")).toBe(want);
});

test.each([
  ["1.24", "want 1.40 (Docker 19.03) or newer"],
  [undefined, "not as a Docker engine does"],
  ["nginx", "not as a Docker engine does"],
])("negotiate() refuses %s", (announced, words) => {
  expect(() => negotiate(announced, "unix:///s")).toThrow(words);
});

test("compareVersions() compares numbers, not text", () => {
  expect(compareVersions("1.9", "1.41")).toBeLessThan(0);
});
