import { beforeAll, describe, expect, test } from "vitest";
import { ruleCauses } from "../../../api/server/schema/cel-check.ts";
import { compileCelRules } from "../../../api/server/schema/cel.ts";
import { costlyGroups, furnish, isReadable } from "../../fuzz/costly/all.ts";
import { ruleSchema, rules } from "../../fuzz/costly/crds.ts";
import { longestTurn, parseMs } from "../../fuzz/costly/longest-turn.ts";
import { type CostlyRequest, inject } from "../../fuzz/costly/request.ts";
import { openTestApp, type TestApp } from "../../kit/app.ts";

/**
 * The most that reading 3 MiB of JSON takes on this machine: what anybody can ask of any server that reads
 * such bodies. Everything is judged by it, in processor time: quadratic work takes a hundred times as long.
 */
let yardstickMs = 0;
const mostTimes = 12;
const rounds = 5;

beforeAll(() => {
  const fields = Array.from({ length: 260_000 }, (_, i) => [`a${i}`, 0] as const);
  yardstickMs = parseMs(JSON.stringify(Object.fromEntries(fields)));
});

/** The shortest of at most five longest turns; stops as soon as one is short enough. */
async function heldUp(work: () => Promise<unknown>, enoughMs: number): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < rounds && best > enoughMs; round += 1) {
    const { longestMs } = await longestTurn(work);
    best = Math.min(best, longestMs);
  }
  return best;
}

async function judge(app: TestApp, request: CostlyRequest): Promise<string | undefined> {
  let code = 0;
  const send = async (): Promise<void> => {
    code = (await inject(app, request)).statusCode;
  };
  const most = mostTimes * yardstickMs;
  const ms = await heldUp(send, most);
  if (code >= 500) return `${request.what}: answered with ${code}`;
  return ms <= most ? undefined : `${request.what}: ${(ms / yardstickMs).toFixed(1)} times JSON`;
}

describe("a request of 3 MiB that holds up nobody else for long", () => {
  test.each(Object.entries(costlyGroups))("%s", { timeout: 240_000 }, async (name, group) => {
    await using app = await openTestApp();
    await furnish(app, [name]);
    const wrong: (string | undefined)[] = [];
    for (const request of group().filter(isReadable)) wrong.push(await judge(app, request));
    expect(wrong.filter((one) => one !== undefined)).toEqual([]);
  });
});

describe("a rule that stays within its budget", () => {
  test.each(rules.map((rule) => [rule.rule, rule] as const))("%s", async (_rule, rule) => {
    const schema = ruleSchema(rule);
    const real = ruleCauses(schema, "s").filter(({ message }) => !/budget|cost/.test(message));
    expect(real).toEqual([]);
    const check = compileCelRules(schema);
    const object = { spec: rule.value() };
    const ms = await heldUp(async () => check(object), 2 * yardstickMs);
    expect(ms / yardstickMs).toBeLessThan(2);
  });
});
