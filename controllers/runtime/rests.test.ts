import { expect, test } from "vitest";
import { createRests } from "./rests.ts";

/** A clock that stands still until told otherwise. */
function handClock() {
  let nowMs = 1_000;
  return {
    nowMs: () => nowMs,
    sleep: () => Promise.resolve(),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test.each([
  ["none after a short pass", 4, 0],
  ["twice as long as a long pass took", 40, 80],
  ["half a second at most", 10_000, 500],
])("createRests() lets an Application rest %s", (_what, tookMs, wantMs) => {
  const clock = handClock();
  const rests = createRests(clock);
  expect(rests.leftMs("shop/web")).toBe(0);
  expect(rests.after("shop/web", () => (clock.pass(tookMs), "thought"))).toBe("thought");
  expect(rests.leftMs("shop/web")).toBe(wantMs);
  expect(rests.leftMs("shop/api")).toBe(0);
  clock.pass(wantMs);
  expect(rests.leftMs("shop/web")).toBe(0);
});

test("createRests() forgets a rest with its Application", () => {
  const clock = handClock();
  const rests = createRests(clock);
  rests.after("shop/web", () => clock.pass(40));
  rests.forget("shop/web");
  expect(rests.leftMs("shop/web")).toBe(0);
});
