import { getEventListeners } from "node:events";
import { array, assert, asyncProperty, constantFrom, integer, oneof, record } from "fast-check";
import { expect, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { createQueue } from "./queue.ts";

const forever = new AbortController().signal;
const key = (name: string) => ({ namespace: "shop", name });

function setup() {
  const clock = manualClock();
  const queue = createQueue({ clock, signal: forever, random: () => 0 });
  return { clock, queue };
}

test("queue.add() makes a key wait once", async () => {
  const { queue } = setup();
  queue.add(key("a"));
  queue.add(key("a"));
  queue.add(key("b"));
  expect(queue.depth).toBe(2);
  expect(await queue.take(forever)).toEqual(key("a"));
  expect(await queue.take(forever)).toEqual(key("b"));
});

test("queue.take() does not hand out a key that is worked on, and does so afterwards", async () => {
  const { queue } = setup();
  queue.add(key("a"));
  await queue.take(forever);
  queue.add(key("a"));
  const next = queue.take(forever);
  await settle();
  expect(queue.depth).toBe(0);
  queue.done(key("a"));
  expect(await next).toEqual(key("a"));
});

test("queue.take() gives undefined when its signal aborts, and loses no key by that", async () => {
  const { queue } = setup();
  const controller = new AbortController();
  const waiting = queue.take(controller.signal);
  controller.abort();
  expect(await waiting).toBeUndefined();
  queue.add(key("a"));
  expect(await queue.take(forever)).toEqual(key("a"));
});

test("queue.take() listens once to a signal, however many workers wait with it", async () => {
  const { queue } = setup();
  const end = new AbortController();
  const taken = Array.from({ length: 9 }, () => queue.take(end.signal));
  expect(getEventListeners(end.signal, "abort")).toHaveLength(1);
  queue.add(key("a"));
  expect(await taken[0]).toEqual(key("a"));
  end.abort();
  expect(await Promise.all(taken.slice(1))).toEqual(Array.from({ length: 8 }, () => undefined));
  queue.add(key("b"));
  expect(await queue.take(forever)).toEqual(key("b"));
});

test("queue.addAfter() replaces the earlier appointment of the key", async () => {
  const { clock, queue } = setup();
  queue.addAfter(key("a"), 1_000);
  queue.addAfter(key("a"), 5_000);
  await clock.advance(4_999);
  expect(queue.depth).toBe(0);
  await clock.advance(1);
  expect(queue.depth).toBe(1);
});

test("queue.retry() backs off exponentially up to a minute until forget()", async () => {
  const { queue } = setup();
  const waits = Array.from({ length: 13 }, () => queue.retry(key("a")));
  expect(waits.slice(0, 4)).toEqual([50, 100, 200, 400]);
  expect(waits.at(-1)).toBe(30_000);
  queue.forget(key("a"));
  expect(queue.retry(key("a"))).toBe(50);
});

test("queue forgets its appointments when its signal aborts", async () => {
  const clock = manualClock();
  const controller = new AbortController();
  const queue = createQueue({ clock, signal: controller.signal });
  queue.addAfter(key("a"), 1_000);
  controller.abort();
  queue.addAfter(key("b"), 1_000);
  await settle();
  expect(clock.sleepers).toBe(0);
});

const name = constantFrom("a", "b", "c");
const move = oneof(
  record({ kind: constantFrom("add" as const), name }),
  record({ kind: constantFrom("later" as const), name, ms: integer({ min: 0, max: 50 }) }),
  record({ kind: constantFrom("work" as const), steps: integer({ min: 0, max: 3 }) }),
);

test("queue never works one key twice at once and serves every add", async () => {
  const moves = array(move, { maxLength: 40 });
  const served = asyncProperty(moves, integer({ min: 1, max: 3 }), async (moves, workers) => {
    const { clock, queue } = setup();
    const stop = new AbortController();
    const busy = new Set<string>();
    const owed = new Set<string>();
    const work = async (): Promise<void> => {
      for (;;) {
        const taken = await queue.take(stop.signal);
        if (taken === undefined) return;
        expect(busy.has(taken.name)).toBe(false);
        busy.add(taken.name);
        owed.delete(taken.name); // whatever was added before this point is seen now
        await settle();
        busy.delete(taken.name);
        queue.done(taken);
      }
    };
    const running = Array.from({ length: workers }, () => work());
    for (const one of moves) {
      if (one.kind === "work") for (let i = 0; i < one.steps; i += 1) await Promise.resolve();
      else if (one.kind === "add") {
        owed.add(one.name);
        queue.add(key(one.name));
      } else queue.addAfter(key(one.name), one.ms);
    }
    await clock.advance(1_000);
    for (let turn = 0; turn < 5; turn += 1) await settle();
    expect([...owed]).toEqual([]);
    stop.abort();
    await Promise.all(running);
  });
  await assert(served, { numRuns: 50 });
});
