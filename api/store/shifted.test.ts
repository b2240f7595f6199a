import { expect, test } from "vitest";
import { storeConformance } from "../../test/conformance/store.ts";
import { isConflict, isExpired } from "../machinery/errors.ts";
import { memoryStore } from "./memory.ts";
import { withShift } from "./shifted.ts";

const by = 65_536 * 1_000;
const bytes = (text: string): Uint8Array => Buffer.from(text);

storeConformance(
  "shifted memory",
  async () => ({ open: async () => withShift(memoryStore(), by), remove: async () => {} }),
  { durable: false, dense: false },
);

test("withShift() tells who comes from the time before to list again", async () => {
  const store = withShift(memoryStore(), by);
  const at = await store.put("/a", bytes("1"), 0);
  expect(at).toBe(by + 1);
  await expect(store.list({ prefix: "/", at: 500 })).rejects.toSatisfy(isExpired);
  const watch = store.watch("/", 500, AbortSignal.timeout(5_000))[Symbol.asyncIterator]();
  await expect(watch.next()).rejects.toSatisfy(isExpired);
});

test("withShift() lets nobody write over what they saw in the time before", async () => {
  const store = withShift(memoryStore(), by);
  const at = await store.put("/a", bytes("1"), 0);
  await expect(store.put("/a", bytes("2"), 1)).rejects.toSatisfy(isConflict);
  await expect(store.delete("/a", 1)).rejects.toSatisfy(isConflict);
  await expect(store.put("/b", bytes("1"), 0, { key: "/a", at: 1 })).rejects.toSatisfy(isConflict);
  expect(await store.put("/a", bytes("2"), at, { key: "/a", at })).toBe(by + 2);
});
