import { expect, test } from "vitest";
import { buildMeasured } from "../../test/kit/measured.ts";
import { containerRate, hostRate, markOf, type Sample } from "./sample.ts";

const sampleOf = (containers: Sample["containers"], atMs = 100_000): Sample => ({
  atMs,
  containers,
  silent: [],
});

test("containerRate() is the mean between two readings, by the engine's clock", () => {
  const mark = markOf(sampleOf([buildMeasured({ atMs: 60_000, cpuNanos: 1e9 })]));
  expect(containerRate(buildMeasured({ atMs: 70_000, cpuNanos: 6e9 }), mark)).toEqual({
    nanoCores: 500_000_000,
    atMs: 70_000,
    windowMs: 10_000,
  });
});

test("containerRate() counts from the start what was started after the mark", () => {
  const mark = markOf(sampleOf([buildMeasured({ atMs: 60_000, cpuNanos: 9e9 })]));
  const again = buildMeasured({ atMs: 70_000, cpuNanos: 1e9, startedAtMs: 65_000 });
  expect(containerRate(again, mark)).toMatchObject({ nanoCores: 200_000_000, windowMs: 5_000 });
  const fresh = buildMeasured({ id: "b", atMs: 70_000, cpuNanos: 1e9, startedAtMs: 60_000 });
  expect(containerRate(fresh, mark)).toMatchObject({ nanoCores: 100_000_000, windowMs: 10_000 });
});

test("containerRate() tells nothing of what was not read before and runs for long", () => {
  const mark = markOf(sampleOf([]));
  const old = buildMeasured({ atMs: 700_000, cpuNanos: 1e9, startedAtMs: 60_000 });
  expect(containerRate(old, mark)).toBeUndefined();
});

test("containerRate() tells nothing when a counter or the clock went back", () => {
  const mark = markOf(sampleOf([buildMeasured({ atMs: 60_000, cpuNanos: 9e9, startedAtMs: 1 })]));
  const less = buildMeasured({ atMs: 70_000, cpuNanos: 1e9, startedAtMs: 1 });
  expect(containerRate(less, mark)).toBeUndefined();
  const same = buildMeasured({ atMs: 60_000, cpuNanos: 9e9, startedAtMs: 1 });
  expect(containerRate(same, mark)).toBeUndefined();
});

test("hostRate() needs the machine in both samples", () => {
  const host = (atMs: number, cpuNanos: number): Sample["host"] => ({
    atMs,
    cpuNanos,
    bootedAtMs: 0,
    memory: { totalBytes: 8, usageBytes: 4, workingSetBytes: 2, rssBytes: 1 },
    interfaces: [],
  });
  const before = { ...sampleOf([]), host: host(1_000, 0) } as Sample;
  const after = { ...sampleOf([]), host: host(3_000, 1e9) } as Sample;
  expect(hostRate(after, markOf(before))).toMatchObject({
    nanoCores: 500_000_000,
    windowMs: 2_000,
  });
  expect(hostRate(after, markOf(sampleOf([])))).toBeUndefined();
});
