import { expect, test } from "vitest";
import { hashQueue } from "./hash-queue.ts";

/** Jobs that end when they are told to. */
function jobs() {
  const open: (() => void)[] = [];
  let atOnce = 0;
  let most = 0;
  const job = async (): Promise<void> => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    await new Promise<void>((resolve) => open.push(resolve));
    atOnce -= 1;
  };
  return { job, next: () => open.shift()?.(), most: () => most };
}

test("run() lets so many jobs run at once, and all in the end", async () => {
  const queue = hashQueue({ width: 2, maxWaiting: 10 });
  const { job, next, most } = jobs();
  const done = Promise.all(Array.from({ length: 8 }, () => queue.run(job)));
  for (let turn = 0; turn < 20; turn++) {
    next();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  expect(most()).toBe(2);
});

test("run() refuses what would wait too long, and goes on after a job that failed", async () => {
  const queue = hashQueue({ width: 1, maxWaiting: 1 });
  const { job, next } = jobs();
  const [first, second] = [queue.run(job), queue.run(job)];
  await expect(queue.run(job)).rejects.toMatchObject({ reason: "TooManyRequests" });
  await new Promise((resolve) => setImmediate(resolve));
  next();
  await first;
  await new Promise((resolve) => setImmediate(resolve));
  next();
  await second;
  await expect(queue.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await queue.run(async () => Promise.resolve(42))).toBe(42);
});
