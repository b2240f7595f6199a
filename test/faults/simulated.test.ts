import { expect, test } from "vitest";
import { allCells, faults, kinds, operations, sampleOf, whyImpossible } from "./cell.ts";
import { runLanes } from "./lanes.ts";
import { nameOf } from "./cell.ts";
import type { Outcome } from "./run-cell.ts";

const possible = allCells.filter((cell) => whyImpossible(cell) === undefined);
const sample = sampleOf(possible, 0);

test("the sample holds every operation, fault and kind", () => {
  expect(new Set(sample.map(({ operation }) => operation))).toEqual(new Set(operations));
  expect(new Set(sample.map(({ fault }) => fault))).toEqual(new Set(faults));
  expect(new Set(sample.map(({ kind }) => kind))).toEqual(new Set(kinds));
});

test("every guarantee holds in a share of the fault matrix", { timeout: 300_000 }, async () => {
  const outcomes: Outcome[] = [];
  await runLanes(sample, { lanes: 8, report: (outcome) => void outcomes.push(outcome) });
  const failed = outcomes.filter(({ problems }) => problems.length > 0);
  expect(
    failed.map(({ cell, problems, phases }) => ({ cell: nameOf(cell), problems, phases })),
  ).toEqual([]);
  expect(outcomes).toHaveLength(sample.length);
});
