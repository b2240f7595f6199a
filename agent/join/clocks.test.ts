import { beforeAll, expect, test } from "vitest";
import { issueAuthority } from "../../api/server/pki/issue.ts";
import { clockProblem, validityProblem } from "./clocks.ts";
import { renewalMs } from "./identity.ts";

const nowMs = Date.UTC(2026, 10, 21, 12);
const hourMs = 3_600_000;
const tenYearsMs = 3_650 * 24 * hourMs;

let pem: string;
beforeAll(async () => {
  // Holds from an hour ago on, for ten years.
  pem = (await issueAuthority("test", nowMs)).certificate;
});

test.each([
  ["the same", 0, undefined],
  ["half a minute apart", 30_000, undefined],
  [
    "two hours apart",
    2 * hourMs,
    "the clocks are 7200 s apart: the server's says 2026-11-21T14:00:00.000Z, this host's 2026-11-21T12:00:00.000Z",
  ],
])("clockProblem() of clocks that are %s", (_what, aheadMs, words) => {
  expect(clockProblem({ ownMs: nowMs, serverMs: nowMs + aheadMs })).toBe(words);
});

test("validityProblem() names the bound and both clocks", () => {
  const at = (ownMs: number) => validityProblem(pem, { ownMs, serverMs: nowMs });
  expect(at(nowMs)).toBeUndefined();
  expect(at(nowMs - 2 * hourMs)).toMatch(
    /^it is not valid before 2026-11-21T11:00:00.000Z, and the clocks are 7200 s apart: the server's says .*T12:00:00.000Z, this host's .*T10:00:00.000Z$/,
  );
  expect(at(nowMs + tenYearsMs)).toMatch(/^it is not valid after 2036-11-18T12:00:00.000Z, and/);
});

test.each([0, 0.5, 0.999])(
  "renewalMs() is at two thirds, give or take a twentieth: %s",
  (random) => {
    const wholeMs = tenYearsMs + hourMs;
    const part = (renewalMs(pem, random) - (nowMs - hourMs)) / wholeMs;
    expect(part).toBeGreaterThanOrEqual(2 / 3 - 0.0501);
    expect(part).toBeLessThanOrEqual(2 / 3 + 0.0501);
  },
);
