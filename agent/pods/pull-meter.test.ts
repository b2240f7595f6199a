import { expect, test } from "vitest";
import { createPullMeter, pullMessage } from "./pull-meter.ts";

const mib = 1 << 20;
const step = (id: string, current: number, total = 100) => ({
  id,
  status: "Downloading",
  currentBytes: current * mib,
  totalBytes: total * mib,
});

test("a meter tells at most every second, and every tenth of the whole", () => {
  const meter = createPullMeter();
  const told: string[] = [];
  for (let atMs = 0; atMs <= 20_000; atMs += 100) {
    meter.take(step("a", atMs / 200));
    const state = meter.isNews(atMs) ? meter.told() : undefined;
    if (state !== undefined) told.push(`${atMs}: ${state.percent}`);
  }
  expect(told).toHaveLength(10);
  expect(told.slice(0, 3)).toEqual(["1000: 5", "3000: 15", "5000: 25"]);
});

test("a meter adds up its layers, and takes one that is here for whole", () => {
  const meter = createPullMeter();
  meter.isNews(0);
  meter.take({ id: "latest", status: "Pulling from team/web" });
  meter.take({ status: "Digest: sha256:feed" });
  meter.take(step("a", 10, 50));
  meter.take(step("b", 25));
  meter.take({ id: "c", status: "Already exists" });
  meter.take({ id: "a", status: "Download complete" });
  meter.take({ id: "a", status: "Extracting", currentBytes: 1, totalBytes: 50 * mib });
  expect(meter.isNews(1_000)).toBe(true);
  expect(meter.told()).toEqual({ currentBytes: 75 * mib, totalBytes: 150 * mib, percent: 50 });
});

test("a meter never goes back, though more layers become known", () => {
  const meter = createPullMeter();
  meter.isNews(0);
  meter.take(step("a", 80));
  expect(meter.isNews(1_000)).toBe(true);
  meter.take(step("b", 0, 300));
  expect(meter.isNews(5_000)).toBe(false);
  meter.take(step("b", 290, 300));
  meter.take(step("a", 100));
  meter.isNews(9_000);
  expect(meter.told()?.percent).toBe(97);
});

test("a meter that knows no size says nothing", () => {
  const meter = createPullMeter();
  meter.isNews(0);
  meter.take({ id: "a", status: "Downloading", currentBytes: 5, totalBytes: 0 });
  expect(meter.isNews(9_000)).toBe(false);
  expect(meter.told()).toBeUndefined();
});

test("pullMessage() names percent and mebibytes", () => {
  const state = { currentBytes: 12.1 * mib, totalBytes: 35 * mib, percent: 34 };
  expect(pullMessage(state)).toBe("Pulling 34 % (12.1 of 35.0 MiB)");
});
