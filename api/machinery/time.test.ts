import { assert, integer, property } from "fast-check";
import { expect, test } from "vitest";
import { formatMicroTime, formatTime, humanDuration, parseTime } from "./time.ts";

// 0001-01-01 to 9999-12-31.
const anyMs = integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 });

test("formatTime() and formatMicroTime() agree with Date", () => {
  assert(
    property(anyMs, (ms) => {
      const iso = new Date(ms).toISOString();
      expect(formatTime(ms)).toBe(`${iso.slice(0, 19)}Z`);
      expect(formatMicroTime(ms)).toBe(iso.replace("Z", "000Z"));
    }),
    { numRuns: 2000 },
  );
});

test("parseTime() reads back what was written", () => {
  assert(
    property(anyMs, (ms) => {
      expect(parseTime(formatMicroTime(ms))).toBe(ms);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["1970-01-01T00:00:00Z", 0],
  ["1969-12-31T23:59:59.5Z", -500],
  ["2024-02-29T12:00:00+02:00", Date.UTC(2024, 1, 29, 10)],
  ["2024-02-29T12:00:00-05:30", Date.UTC(2024, 1, 29, 17, 30)],
  ["2026-11-21t09:30:00.123456789z", Date.UTC(2026, 10, 21, 9, 30, 0, 123)],
  ["2000-12-31T23:59:59Z", Date.UTC(2000, 11, 31, 23, 59, 59)],
])("parseTime(%s)", (text, want) => {
  expect(parseTime(text)).toBe(want);
});

test.each([
  "",
  "2026-11-21",
  "2026-11-21T09:30:00",
  "2026-02-29T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-00-01T00:00:00Z",
  "2026-01-00T00:00:00Z",
  "2026-01-01T24:00:00Z",
  "2026-01-01T00:60:00Z",
  "2026-01-01T00:00:60Z",
])("parseTime(%j) is none", (text) => {
  expect(parseTime(text)).toBeUndefined();
});

const seconds = 1000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const days = 24 * hours;

test.each([
  [-2 * seconds, "<invalid>"],
  [-1 * seconds, "0s"],
  [0, "0s"],
  [119 * seconds, "119s"],
  [2 * minutes, "2m"],
  [5 * minutes + 30 * seconds, "5m30s"],
  [10 * minutes + 30 * seconds, "10m"],
  [179 * minutes, "179m"],
  [3 * hours, "3h"],
  [7 * hours + 5 * minutes, "7h5m"],
  [47 * hours, "47h"],
  [2 * days, "2d"],
  [2 * days + 5 * hours, "2d5h"],
  [8 * days + 5 * hours, "8d"],
  [729 * days, "729d"],
  [730 * days, "2y"],
  [(3 * 365 + 7) * days, "3y7d"],
  [9 * 365 * days + 7 * days, "9y"],
])("humanDuration(%d) is %s", (ms, want) => {
  expect(humanDuration(ms)).toBe(want);
});
