import { expect, test } from "vitest";
import { type ManualClock, manualClock } from "../../test/kit/clock.ts";
import { buildMeasured } from "../../test/kit/measured.ts";
import { readUsageDays, writeUsageDay } from "../../api/machinery/usage-record.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import type { Ledger } from "./ledger.ts";
import { createMeter, type Meter } from "./meter.ts";
import type { UsageBook } from "./usage-book.ts";

const noLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
const startMs = Date.UTC(2026, 10, 30, 23, 0);

/** Records by month, as the API keeps them. */
function memoryBook() {
  const months = new Map<string, Ledger>();
  let writes = 0;
  let refuses = false;
  const book: UsageBook = {
    load: async (nowMs) => months.get(new Date(nowMs).toISOString().slice(0, 7)),
    async save(ledger, nowMs) {
      if (refuses) throw new Error("the API is away");
      writes += 1;
      months.set(new Date(nowMs).toISOString().slice(0, 7), ledger);
    },
  };
  return {
    book,
    months,
    get writes() {
      return writes;
    },
    set refuses(value: boolean) {
      refuses = value;
    },
  };
}

/** One container of `shop` that uses half a CPU since the start of the test. */
function begin(clock: ManualClock, book: UsageBook, hasPods = true) {
  const end = new AbortController();
  let samples = 0;
  const sampler = {
    async sample() {
      samples += 1;
      const atMs = clock.nowMs();
      const part = { namespace: "shop", pod: "web-0", uid: "u1", container: "app" };
      const cpuNanos = (atMs - startMs) * 500_000;
      const one = buildMeasured({ part, startedAtMs: startMs, atMs, cpuNanos });
      return { atMs, containers: [one], silent: [] };
    },
  };
  const options = { sampler, book, clock, log: noLog, nodeName: "n1", hasPods: () => hasPods };
  const meter: Meter = createMeter(options);
  const done = meter.run(end.signal);
  return {
    meter,
    samples: () => samples,
    async stop() {
      end.abort();
      await done;
    },
  };
}

const cpuOf = (ledger: Ledger | undefined): number =>
  [...(ledger?.days.values() ?? [])].reduce(
    (sum, day) => sum + (day.get("shop")?.cpuSeconds ?? 0),
    0,
  );

test("a meter samples once a minute and writes once in five", async () => {
  const clock = manualClock(startMs);
  const kept = memoryBook();
  const metering = begin(clock, kept.book);
  await clock.advance(20 * 60_000);
  expect(metering.samples()).toBe(20);
  expect(kept.writes).toBe(4);
  expect(cpuOf(kept.months.get("2026-11"))).toBeCloseTo(600, 3);
  const [cpu] = metering.meter.families();
  expect(cpu).toMatchObject({
    name: "lighthouse_usage_cpu_core_seconds_total",
    series: [{ labels: { namespace: "shop" } }],
  });
  await metering.stop();
});

test("an agent that dies at any moment counts neither twice nor less", async () => {
  const clock = manualClock(startMs);
  const kept = memoryBook();
  for (const minutes of [7, 3, 11, 2]) {
    const metering = begin(clock, kept.book);
    await clock.advance(minutes * 60_000);
    await metering.stop(); // what was not saved is lost with its memory
    await clock.advance(30_000);
  }
  const last = begin(clock, kept.book);
  await clock.advance(6 * 60_000);
  await last.stop();
  const seconds = (clock.nowMs() - startMs) / 1000;
  expect(cpuOf(kept.months.get("2026-11"))).toBeGreaterThan(seconds * 0.5 - 61);
  expect(cpuOf(kept.months.get("2026-11"))).toBeLessThanOrEqual(seconds * 0.5);
});

test("a host without Pods is left alone", async () => {
  const clock = manualClock(startMs);
  const kept = memoryBook();
  const metering = begin(clock, kept.book, false);
  await clock.advance(3_600_000);
  expect([metering.samples(), kept.writes]).toEqual([0, 0]);
  await metering.stop();
});

test("what cannot be saved is kept until it can", async () => {
  const clock = manualClock(startMs);
  const kept = memoryBook();
  kept.refuses = true;
  const metering = begin(clock, kept.book);
  await clock.advance(30 * 60_000);
  expect(kept.months.size).toBe(0);
  kept.refuses = false;
  await clock.advance(60_000);
  expect(cpuOf(kept.months.get("2026-11"))).toBeCloseTo(930, 3);
  await metering.stop();
});

test("a new month begins after the old one was written", async () => {
  const clock = manualClock(startMs);
  const kept = memoryBook();
  const metering = begin(clock, kept.book);
  await clock.advance(70 * 60_000);
  await metering.stop();
  const november = kept.months.get("2026-11")?.days.get("2026-11-30")?.get("shop");
  const december = kept.months.get("2026-12")?.days.get("2026-12-01")?.get("shop");
  expect(november?.cpuSeconds).toBeCloseTo(59 * 30, 0);
  expect(december?.cpuSeconds).toBeGreaterThan(100);
});

test("a day of a record is read as it was written, and what is not ours counts nothing", () => {
  const amounts = {
    cpuSeconds: 1.5,
    memoryGibSeconds: 2,
    requestedCpuSeconds: 3,
    requestedMemoryGibSeconds: 4,
  };
  const [key, value] = writeUsageDay("2026-11-21", new Map([["shop", amounts]]));
  const data = { [key]: value, "day.2026-11-22": "{", "day.2026-11-23": '{"a":[1,2]}', x: "1" };
  const days = readUsageDays(data);
  expect(days.get("2026-11-21")?.get("shop")).toEqual(amounts);
  expect([...days].filter(([, usage]) => usage.size > 0)).toHaveLength(1);
});
