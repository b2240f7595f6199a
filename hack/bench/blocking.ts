import { costlyGroups, furnish, isReadable } from "../../test/fuzz/costly/all.ts";
import { longestTurn, parseMs } from "../../test/fuzz/costly/longest-turn.ts";
import { type CostlyRequest, inject } from "../../test/fuzz/costly/request.ts";
import { openTestApp, type TestApp } from "../../test/kit/app.ts";
import type { Figure, Section } from "./figure.ts";

const rounds = 3;
const goalMs = 50;

type Cost = { readonly what: string; readonly ms: number; readonly parse: number };

async function costOf(app: TestApp, request: CostlyRequest): Promise<Cost> {
  const parse = typeof request.body === "string" ? parseMs(request.body, rounds) : 0;
  let ms = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    ms = Math.min(ms, (await longestTurn(() => inject(app, request))).longestMs);
  }
  return { what: request.what, ms, parse };
}

const beyond = ({ ms, parse }: Cost): number => Math.max(0, ms - parse);

/** How long the worst requests hold up everybody else, in processor time beyond JSON.parse of their body. */
export const benchBlocking: Section = async (note) => {
  const figures: Figure[] = [];
  for (const [name, group] of Object.entries(costlyGroups)) {
    await using app = await openTestApp();
    await furnish(app, [name]);
    const costs: Cost[] = [];
    for (const request of group().filter(isReadable)) costs.push(await costOf(app, request));
    const sorted = costs.toSorted((left, right) => beyond(right) - beyond(left));
    for (const cost of sorted.slice(0, 5)) {
      note(`${cost.what}: ${cost.ms.toFixed(0)} ms, JSON.parse ${cost.parse.toFixed(0)} ms`);
    }
    const [worst] = sorted;
    if (worst === undefined) continue;
    const within = costs.filter((cost) => beyond(cost) <= goalMs).length;
    figures.push({
      what: `one request, ${name}: longest turn beyond JSON.parse`,
      value: beyond(worst),
      unit: "ms",
      from: `${worst.what}; ${within} of ${costs.length} within ${goalMs} ms`,
    });
  }
  return figures;
};
