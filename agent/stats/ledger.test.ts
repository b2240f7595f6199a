import { expect, test } from "vitest";
import { buildMeasured, type MeasuredParts } from "../../test/kit/measured.ts";
import { account, emptyLedger, type Ledger } from "./ledger.ts";
import type { Sample } from "./sample.ts";

const dayMs = Date.UTC(2026, 10, 21);
const noonMs = dayMs + 12 * 3_600_000;
const gib = 1024 ** 3;

/** A container of a Pod with half a CPU and 1 GiB requested, which uses 2 GiB. */
function container(seconds: number, cpuSeconds: number, parts: MeasuredParts = {}) {
  const base = buildMeasured();
  return buildMeasured({
    id: "0123456789abcdef",
    part: { namespace: "shop", pod: "web-0", uid: "u1", container: "app" },
    startedAtMs: noonMs,
    limits: { ...base.limits, cpuShares: 512, memoryReservationBytes: gib },
    ...parts,
    atMs: noonMs + seconds * 1000,
    cpuNanos: cpuSeconds * 1e9,
    stats: { memory: { ...base.stats.memory, workingSetBytes: 2 * gib } },
  });
}

const sampleAt = (
  seconds: number,
  containers: Sample["containers"],
  silent: readonly string[] = [],
): Sample => ({ atMs: noonMs + seconds * 1000, containers, silent });

const today = ({ days }: Ledger, namespace = "shop") => days.get("2026-11-21")?.get(namespace);
const since = (ledger: Ledger, ...samples: readonly Sample[]): Ledger =>
  samples.reduce((now, sample) => account(now, sample).ledger, ledger);

test("account() counts a run from its start, and then from where it was counted to", () => {
  const first = since(emptyLedger(noonMs), sampleAt(60, [container(60, 30)]));
  expect(today(first)).toEqual({
    cpuSeconds: 30,
    memoryGibSeconds: 120,
    requestedCpuSeconds: 30,
    requestedMemoryGibSeconds: 60,
  });
  const second = since(first, sampleAt(120, [container(120, 80)]));
  expect(today(second)).toMatchObject({ cpuSeconds: 80, requestedCpuSeconds: 60 });
});

test("account() adds nothing for a sample that was counted", () => {
  const sample = sampleAt(60, [container(60, 30)]);
  const once = since(emptyLedger(noonMs), sample);
  expect(since(once, sample, sample).days).toEqual(once.days);
});

test("account() counts nothing twice and misses nothing when it goes on from an older ledger", () => {
  const saved = since(emptyLedger(noonMs), sampleAt(60, [container(60, 30)]));
  // What was counted after the last save is lost with the agent; counters tell it again.
  since(saved, sampleAt(120, [container(120, 60)]));
  const restarted = since(saved, sampleAt(600, [container(600, 300)]));
  expect(today(restarted)).toMatchObject({ cpuSeconds: 300, requestedCpuSeconds: 300 });
});

test("account() takes what ran before it began as counted", () => {
  const old = container(60, 5_000, { startedAtMs: noonMs - 3_600_000 });
  const ledger = since(emptyLedger(noonMs), sampleAt(60, [old]));
  expect(today(ledger)).toMatchObject({ cpuSeconds: 0, requestedCpuSeconds: 0 });
  const later = container(120, 5_010, { startedAtMs: noonMs - 3_600_000 });
  expect(today(since(ledger, sampleAt(120, [later])))).toMatchObject({ cpuSeconds: 10 });
});

test("account() counts a restarted container as a new run", () => {
  const ledger = since(
    emptyLedger(noonMs),
    sampleAt(60, [container(60, 30)]),
    sampleAt(120, [container(120, 4, { startedAtMs: noonMs + 100_000 })]),
  );
  expect(today(ledger)).toMatchObject({ cpuSeconds: 34, requestedCpuSeconds: 40 });
});

test("account() remembers a run that was silent, however long, or away for a moment", () => {
  const first = since(emptyLedger(noonMs), sampleAt(60, [container(60, 30)]));
  const silent = since(first, sampleAt(5_000, [], ["0123456789abcdef"]));
  expect(today(since(silent, sampleAt(6_000, [container(6_000, 50)])))).toMatchObject({
    cpuSeconds: 50,
  });
  const away = since(first, sampleAt(120, []));
  expect(today(since(away, sampleAt(180, [container(180, 40)])))).toMatchObject({ cpuSeconds: 40 });
});

test("account() forgets runs that are over", () => {
  const other = container(1_000, 1, { id: "fedcba9876543210" });
  const ledger = since(
    emptyLedger(noonMs),
    sampleAt(60, [container(60, 30)]),
    sampleAt(1_000, [other]),
  );
  expect([...ledger.counted.keys()]).toEqual([`fedcba987654.${noonMs}`]);
});

test("account() counts memory for five minutes of a gap at most, and requests for all of it", () => {
  const ledger = since(
    emptyLedger(noonMs),
    sampleAt(60, [container(60, 0)]),
    sampleAt(3_660, [container(3_660, 0)]),
  );
  expect(today(ledger)).toMatchObject({
    memoryGibSeconds: 2 * 60 + 2 * 300,
    requestedMemoryGibSeconds: 3_660,
  });
});

test("account() takes least shares for no request, and foreign containers for nobody's", () => {
  const limits = { ...buildMeasured().limits, cpuShares: 2 };
  const foreign = buildMeasured({ id: "ffff", atMs: noonMs + 60_000, cpuNanos: 1e9 });
  const ledger = since(emptyLedger(noonMs), sampleAt(60, [container(60, 1, { limits }), foreign]));
  expect(today(ledger)).toMatchObject({ requestedCpuSeconds: 0, requestedMemoryGibSeconds: 0 });
  expect([...(ledger.days.get("2026-11-21")?.keys() ?? [])]).toEqual(["shop"]);
});

test("account() books on the day of the sample", () => {
  const lateMs = 12 * 3_600 + 30;
  const ledger = since(
    emptyLedger(noonMs),
    sampleAt(lateMs - 60, [container(lateMs - 60, 10)]),
    sampleAt(lateMs, [container(lateMs, 12)]),
  );
  expect([...ledger.days].map(([day, usage]) => [day, usage.get("shop")?.cpuSeconds])).toEqual([
    ["2026-11-21", 10],
    ["2026-11-22", 2],
  ]);
});
