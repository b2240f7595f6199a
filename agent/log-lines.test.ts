import { expect, test } from "vitest";
import type { Output } from "./engine/engine.ts";
import { type LineFilter, lineFilter } from "./log-lines.ts";

async function* output(...texts: readonly string[]): AsyncGenerator<Output> {
  for (const text of texts) yield { stream: "stdout", bytes: Buffer.from(text) };
}

async function filtered(filter: LineFilter, ...texts: readonly string[]): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of lineFilter(filter)(output(...texts))) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const noon = Date.UTC(2026, 10, 21, 12);
const early = "2026-11-21T11:59:59.999999999Z one\n";
const early2 = "2026-11-21T11:59:59.999999999Z two\n";
const late = "2026-11-21T12:00:00.000000001Z three\n";

test("lineFilter() passes everything on as it comes", async () => {
  expect(await filtered({ keepTimestamps: true }, "a", "b\n", "c")).toBe("ab\nc");
});

test("lineFilter() ends at the limit, in the middle of a line too", async () => {
  expect(await filtered({ keepTimestamps: true, limitBytes: 3 }, "ab", "cd")).toBe("abc");
  expect(await filtered({ keepTimestamps: true, limitBytes: 9 }, "ab")).toBe("ab");
});

test("lineFilter() ends at the time, whatever the chunks, and hides it", async () => {
  const text = `${early}${early2}${late}`;
  const cut = [text.slice(0, 10), text.slice(10, 50), text.slice(50)];
  expect(await filtered({ untilMs: noon, keepTimestamps: false }, ...cut)).toBe("one\ntwo\n");
  expect(await filtered({ untilMs: noon, keepTimestamps: true }, ...cut)).toBe(early + early2);
});

test("lineFilter() counts the last lines before the time", async () => {
  const filter = { untilMs: noon, keepTimestamps: false, tail: 1 };
  expect(await filtered(filter, early, early2, late)).toBe("two\n");
  expect(await filtered({ ...filter, tail: 0 }, early)).toBe("");
});

test("lineFilter() keeps a last line without its end", async () => {
  const open = early.slice(0, -1);
  expect(await filtered({ untilMs: noon, keepTimestamps: false }, open)).toBe("one");
});
