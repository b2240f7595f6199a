import { expect, test } from "vitest";
import { createGate } from "./gate.ts";

test("createGate() never runs more than its size, and runs all in order", async () => {
  const gate = createGate(3);
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const work = (index: number) => async (): Promise<void> => {
    begun.push(index);
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
  };
  const indexes = Array.from({ length: 20 }, (_, index) => index);
  await Promise.all(indexes.map((index) => gate.enter(work(index))));
  expect(most).toBe(3);
  expect(begun).toEqual(indexes);
});

test("enter() gives the place up when the signal aborts, and loses none", async () => {
  const gate = createGate(1);
  const first = Promise.withResolvers<void>();
  const holding = gate.enter(() => first.promise);
  const controller = new AbortController();
  const waiting = gate.enter(() => Promise.resolve("ran"), controller.signal);
  const next = gate.enter(() => Promise.resolve("next"));
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  first.resolve();
  await holding;
  expect(await next).toBe("next");
});

test("enter() frees the place of work that throws", async () => {
  const gate = createGate(1);
  await expect(gate.enter(() => Promise.reject(new Error("boom")))).rejects.toThrow("boom");
  expect(await gate.enter(() => Promise.resolve(1))).toBe(1);
});
