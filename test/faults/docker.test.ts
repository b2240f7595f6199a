import { describe, expect, test } from "vitest";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { faults, kinds, nameOf, operations } from "./cell.ts";
import { dockerCells, dockerSample } from "./docker/cells.ts";
import { runOnDocker } from "./docker/run.ts";
import type { Outcome } from "./run-cell.ts";

test("the share for real engines has every fault on update and on rollback", () => {
  const ways = new Set(dockerCells.map(({ fault, kind }) => `${fault} ${kind}`));
  for (const fault of faults)
    for (const kind of kinds.slice(1)) expect(ways).toContain(`${fault} ${kind}`);
  const used = new Set(dockerCells.map(({ operation }) => operation));
  expect(operations.filter((operation) => !used.has(operation))).toEqual(["pull"]);
});

describe.skipIf(skipWithoutDockerd())("on real engines in network namespaces", () => {
  test("every guarantee holds through a kill, a cut and a hang", { timeout: 600_000 }, async () => {
    const outcomes: Outcome[] = [];
    await runOnDocker(dockerSample, (outcome) => void outcomes.push(outcome));
    const failed = outcomes.filter(({ problems }) => problems.length > 0);
    expect(
      failed.map(({ cell, problems, phases }) => ({ cell: nameOf(cell), problems, phases })),
    ).toEqual([]);
    expect(outcomes).toHaveLength(dockerSample.length);
  });
});
