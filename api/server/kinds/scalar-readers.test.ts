import { describe, expect, test } from "vitest";
import { readBytes, readTime } from "./scalar-readers.ts";

describe("readTime()", () => {
  test.each([
    ["spec.renewTime", "2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.123456Z"],
    ["spec.renewTime", "2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456Z"],
    ["eventTime", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000Z"],
    ["eventTime", "2026-01-01T02:00:00.5+02:00", "2026-01-01T00:00:00.500000Z"],
    ["firstTimestamp", "2026-01-01T00:00:00.9Z", "2026-01-01T00:00:00Z"],
    [
      "status.conditions[0].lastTransitionTime",
      "2026-01-01T01:00:00+01:00",
      "2026-01-01T00:00:00Z",
    ],
  ])("%s: %s is kept as %s", (path, text, want) => {
    expect(readTime(text, path)).toBe(want);
  });

  test("what is no time is refused by its field", () => {
    expect(() => readTime("noon", "spec.renewTime")).toThrow(
      'parsing time "noon" as "2006-01-02T15:04:05.000000Z07:00": cannot parse field spec.renewTime',
    );
  });
});

test("readBytes() takes base64, also in lines, and nothing else", () => {
  expect(readBytes("aGVs\nbG8=")).toBe("aGVsbG8=");
  expect(readBytes("")).toBe("");
  expect(() => readBytes("aGVsbG8")).toThrow("illegal base64 data at input byte 4");
  expect(() => readBytes("?")).toThrow("illegal base64 data at input byte 0");
});
