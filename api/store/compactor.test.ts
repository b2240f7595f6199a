import { expect, onTestFinished, test } from "vitest";
import { manualClock, type ManualClock } from "../../test/kit/clock.ts";
import { unavailable } from "../machinery/errors.ts";
import { type CompactorOptions, runCompactor } from "./compactor.ts";
import { memoryStore } from "./memory.ts";
import type { Store } from "./store.ts";

const retentionMs = 600_000;

function start(over: Partial<CompactorOptions> = {}): { store: Store; clock: ManualClock } {
  const store = memoryStore();
  const clock = manualClock();
  const abort = new AbortController();
  const running = runCompactor({ store, clock, retentionMs, ...over }, abort.signal);
  onTestFinished(async () => {
    abort.abort();
    await running;
  });
  return { store, clock };
}

async function write(store: Store, count: number): Promise<number> {
  let at = (await store.get("/a"))?.at ?? 0;
  for (let i = 0; i < count; i++) at = await store.put("/a", new Uint8Array(), at);
  return at;
}

test("runCompactor() keeps history for the retention time, and not much longer", async () => {
  const { store, clock } = start();
  const early = await write(store, 5);
  await clock.advance(retentionMs / 5);
  const later = await write(store, 5);
  await clock.advance(retentionMs - 1);
  expect((await store.head()).compacted).toBe(0);
  await clock.advance(1);
  expect((await store.head()).compacted).toBe(early);
  await clock.advance((retentionMs * 2) / 5);
  expect((await store.head()).compacted).toBe(later);
});

test("runCompactor() leaves a quiet store alone", async () => {
  let compactions = 0;
  const inner = memoryStore();
  const counted = {
    head: () => inner.head(),
    compact: async (upTo: number) => {
      compactions += 1;
      await inner.compact(upTo);
    },
  };
  const { clock } = start({ store: counted });
  await write(inner, 3);
  await clock.advance(10 * retentionMs);
  expect(compactions).toBe(1);
});

test("runCompactor() reports a failure and tries again later", async () => {
  const failures: unknown[] = [];
  const inner = memoryStore();
  let broken = true;
  const flaky = {
    head: async () => {
      if (broken) throw unavailable("Cannot reach the store");
      return inner.head();
    },
    compact: (upTo: number) => inner.compact(upTo),
  };
  const { clock } = start({ store: flaky, onError: (err) => failures.push(err) });
  const at = await write(inner, 3);
  await clock.advance(retentionMs);
  expect(failures.length).toBeGreaterThan(1);
  broken = false;
  await clock.advance(2 * retentionMs);
  expect((await inner.head()).compacted).toBe(at);
});

test("runCompactor() ends when its signal aborts", async () => {
  const abort = new AbortController();
  const running = runCompactor({ store: memoryStore(), clock: manualClock() }, abort.signal);
  abort.abort();
  expect(await running).toBeUndefined();
});
