import { expect, test } from "vitest";
import { warningHeaders } from "./warnings.ts";

test.each([
  ["a text", ["careful"], ['299 - "careful"']],
  ["quotes and backslashes", ['say "a\\b"'], ['299 - "say \\"a\\\\b\\""']],
  ["what is no header text", ["a\r\nb\u00e9"], ['299 - "a  b "']],
  ["a long text that fits", ["x".repeat(4_000)], [`299 - "${"x".repeat(4_000)}"`]],
])("warningHeaders() writes %s", (_what, texts, want) => {
  expect(warningHeaders(texts)).toEqual(want);
});

test("warningHeaders() cuts texts that do not fit together, and leaves out the rest", () => {
  const texts = Array.from({ length: 30 }, (_, index) => String(index % 10).repeat(300));
  const headers = warningHeaders(texts);
  expect(headers).toHaveLength(16);
  expect(headers[0]).toBe(`299 - "${"0".repeat(256)}"`);
});
