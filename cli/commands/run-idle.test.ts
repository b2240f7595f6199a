import { expect, test } from "vitest";
import { createTidyPolicy } from "./run-idle.ts";

test.each([
  ["tidies once after the start, then leaves an idle process alone", [0.01, 0, 0.02], [0]],
  ["waits until the start is over", [0.9, 0.4, 0.01, 0], [2]],
  ["tidies again after each burst", [0.01, 0.5, 0.01, 0, 0.05, 0.04], [0, 2, 5]],
  ["lets a busy process work", [0.2, 0.3, 0.06], []],
] as const)("createTidyPolicy() %s", (_why, shares, want) => {
  const isDue = createTidyPolicy();
  const due = shares.flatMap((share, interval) => (isDue(share) ? [interval] : []));
  expect(due).toEqual(want);
});
