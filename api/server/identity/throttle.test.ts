import { expect, test } from "vitest";
import { manualClock } from "../../../test/kit/clock.ts";
import { openThrottle } from "./throttle.ts";

const allowance = { burst: 3, refillMs: 10_000 };
const of = (key: string) => [{ key, allowance }];

test("take() allows so many tries in a row, then one after each pause", async () => {
  const clock = manualClock();
  const throttle = openThrottle({ clock });
  for (let i = 0; i < 3; i++) expect(throttle.take(of("ann"))).toBeUndefined();
  expect(throttle.take(of("ann"))).toBe(10);
  expect(throttle.take(of("bob"))).toBeUndefined();
  await clock.advance(4_000);
  expect(throttle.take(of("ann"))).toBe(6);
  await clock.advance(6_000);
  expect(throttle.take(of("ann"))).toBeUndefined();
  expect(throttle.take(of("ann"))).toBe(10);
  await clock.advance(30_000);
  for (let i = 0; i < 3; i++) expect(throttle.take(of("ann"))).toBeUndefined();
});

test("take() of several keys takes from all or from none", () => {
  const throttle = openThrottle({ clock: manualClock() });
  for (let i = 0; i < 3; i++) throttle.take(of("ann"));
  const both = [...of("address"), ...of("ann")];
  for (let i = 0; i < 5; i++) expect(throttle.take(both)).toBe(10);
  for (let i = 0; i < 3; i++) expect(throttle.take(of("address"))).toBeUndefined();
});

test("giveBack() undoes a try, and never gives more than there was", () => {
  const throttle = openThrottle({ clock: manualClock() });
  throttle.take(of("ann"));
  for (let i = 0; i < 5; i++) throttle.giveBack(of("ann"));
  expect(throttle.size).toBe(0);
  for (let i = 0; i < 3; i++) expect(throttle.take(of("ann"))).toBeUndefined();
  expect(throttle.take(of("ann"))).toBe(10);
});

test("a flood of keys takes no memory, and drives out whom nobody tries", () => {
  const throttle = openThrottle({ clock: manualClock(), maxKeys: 100 });
  for (let i = 0; i < 3; i++) throttle.take(of("old"));
  for (let i = 0; i < 1_000; i++) throttle.take(of(`stranger-${i}`));
  expect(throttle.size).toBe(100);
  expect(throttle.take(of("old"))).toBeUndefined();
});

test("a clock that is set back takes no tries away", () => {
  let nowMs = 1_000_000;
  const throttle = openThrottle({ clock: { nowMs: () => nowMs } });
  for (let i = 0; i < 3; i++) throttle.take(of("ann"));
  nowMs = 0;
  expect(throttle.take(of("ann"))).toBe(10);
});
