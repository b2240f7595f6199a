import { array, assert, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import { FairQueue, type QueueLimits, type Waiter } from "./fair-queue.ts";

const limits: QueueLimits = { seats: 4, queueLength: 100, queuedTotal: 1_000 };

type World = {
  readonly queue: FairQueue;
  readonly started: Waiter[];
  readonly refused: Waiter[];
  offer(flow: string, seats?: number): Waiter;
};

function world(over: Partial<QueueLimits> = {}): World {
  const queue = new FairQueue({ ...limits, ...over });
  const started: Waiter[] = [];
  const refused: Waiter[] = [];
  return {
    queue,
    started,
    refused,
    offer(flow, seats = 1) {
      const waiter: Waiter = {
        flow,
        seats,
        start: () => void started.push(waiter),
        refuse: () => void refused.push(waiter),
      };
      queue.offer(waiter);
      return waiter;
    },
  };
}

const flowsOf = (waiters: readonly Waiter[]): string => waiters.map(({ flow }) => flow).join("");

test("requests start at once while there are seats, and in turn when seats are given back", () => {
  const { queue, offer, started } = world({ seats: 2 });
  const [first] = [offer("a"), offer("a"), offer("a")];
  expect([started.length, queue.inUse, queue.queued]).toEqual([2, 2, 1]);
  queue.release(first ?? offer("none"));
  expect([started.length, queue.inUse, queue.queued]).toEqual([3, 2, 0]);
});

test("a flow that comes late waits for nobody's backlog", () => {
  const { queue, offer, started } = world({ seats: 1 });
  for (let i = 0; i < 50; i++) offer("a");
  offer("b");
  offer("b");
  for (let i = 0; i < 4; i++) queue.release(started[i] ?? offer("none"));
  expect(flowsOf(started).slice(0, 5).match(/b/g)).toHaveLength(2);
});

test("a flow of wide requests gets as many seats as one of narrow ones, not as many requests", () => {
  const { queue, offer, started } = world({ seats: 4 });
  for (let i = 0; i < 40; i++) offer("w", 4);
  for (let i = 0; i < 80; i++) offer("n", 1);
  for (let i = 0; i < 60; i++) {
    const waiter = started[i];
    if (waiter !== undefined) queue.release(waiter);
  }
  const wide = started.filter(({ flow }) => flow === "w").length;
  const narrow = started.length - wide;
  expect(narrow / wide).toBeGreaterThan(3);
});

test("a request that is wider than all seats runs alone", () => {
  const { queue, offer, started } = world({ seats: 4 });
  const narrow = offer("a");
  const wide = offer("b", 9);
  expect(started).toEqual([narrow]);
  queue.release(narrow);
  expect(started).toEqual([narrow, wide]);
  offer("a");
  expect(queue.queued).toBe(1);
});

test("a queue that is full refuses its own last, a level that is full that of the longest", () => {
  const own = world({ seats: 1, queueLength: 2 });
  const waiters = [own.offer("a"), own.offer("a"), own.offer("a"), own.offer("a")];
  expect(own.refused).toEqual([waiters[3]]);
  const all = world({ seats: 1, queuedTotal: 3 });
  for (let i = 0; i < 4; i++) all.offer("a");
  all.offer("b");
  expect([flowsOf(all.refused), all.queue.queued]).toEqual(["a", 3]);
});

test("who leaves is not started, and does not hold up the others", () => {
  const { queue, offer, started } = world({ seats: 1 });
  const [first, second, third] = [offer("a"), offer("a"), offer("a")];
  expect([queue.leave(second), queue.leave(second), queue.leave(first)]).toEqual([
    true,
    false,
    false,
  ]);
  queue.release(first);
  expect(started).toEqual([first, third]);
});

test("whatever comes: seats are never given out twice, and nobody is forgotten", () => {
  const request = record({ flow: integer({ min: 0, max: 3 }), seats: integer({ min: 1, max: 6 }) });
  const keeps = property(array(request, { maxLength: 60 }), (requests) => {
    const { queue, offer, started, refused } = world({ queueLength: 8, queuedTotal: 20 });
    for (const { flow, seats } of requests) offer(String(flow), seats);
    for (const waiter of started) {
      const running = started.length;
      expect(queue.inUse <= limits.seats || running >= 1).toBe(true);
      queue.release(waiter);
    }
    expect([queue.inUse, queue.queued]).toEqual([0, 0]);
    expect(started.length + refused.length).toBe(requests.length);
    expect(new Set(started).size).toBe(started.length);
  });
  assert(keeps);
});
