import { array, assert, asyncProperty, integer, record } from "fast-check";
import { expect, test } from "vitest";
import { type ManualClock, manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi, type MemoryApi } from "../../test/kit/memory-api.ts";
import { unavailable } from "../../api/machinery/errors.ts";
import { leases } from "../../api/machinery/resources.ts";
import { lead } from "./leader.ts";

const lease = { namespace: "kube-system", name: "controllers" };
const log = { debug() {}, info() {}, warn() {}, error() {} };

type Candidate = {
  readonly stop: () => Promise<void>;
  /** While true, no call of this candidate reaches the server. */
  partitioned: boolean;
  leading: boolean;
  terms: number;
};

function candidate(api: MemoryApi, clock: ManualClock, identity: string): Candidate {
  const controller = new AbortController();
  const through =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await settle();
      if (it.partitioned) throw unavailable("no route");
      return call(...args);
    };
  const client = {
    get: through(api.get),
    create: through(api.create),
    replace: through(api.replace),
  } as unknown as MemoryApi;
  const work = async (signal: AbortSignal): Promise<void> => {
    it.leading = true;
    it.terms += 1;
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    it.leading = false;
  };
  const running = lead({ client, clock, log, lease, identity }, controller.signal, work);
  const it: Candidate = {
    partitioned: false,
    leading: false,
    terms: 0,
    async stop() {
      controller.abort();
      await settle();
      await running;
    },
  };
  return it;
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    await clock.advance(Math.min(500, left));
    await settle();
    await settle();
  }
}

test("lead() makes one of two the leader and writes a lease that kubectl can show", async () => {
  const [api, clock] = [memoryApi(), manualClock()];
  const one = candidate(api, clock, "one");
  await pass(clock, 3_000);
  const two = candidate(api, clock, "two");
  await pass(clock, 30_000);
  expect([one.leading, two.leading]).toEqual([true, false]);
  expect(api.all(leases)[0]?.spec).toMatchObject({
    holderIdentity: "one",
    leaseDurationSeconds: 15,
    leaseTransitions: 0,
    acquireTime: "2026-01-01T00:00:00.000000Z",
  });
  await Promise.all([one.stop(), two.stop()]);
});

test("lead() releases on a clean stop, so that the standby takes over within one look", async () => {
  const [api, clock] = [memoryApi(), manualClock()];
  const one = candidate(api, clock, "one");
  await pass(clock, 3_000);
  const two = candidate(api, clock, "two");
  await pass(clock, 5_000);
  await one.stop();
  expect(api.all(leases)[0]?.spec?.holderIdentity).toBe("");
  await pass(clock, 2_500);
  expect(two.leading).toBe(true);
  expect(api.all(leases)[0]?.spec?.leaseTransitions).toBe(1);
  await two.stop();
});

test("lead() steps down before anybody else may lead, and returns when it can", async () => {
  const [api, clock] = [memoryApi(), manualClock()];
  const one = candidate(api, clock, "one");
  await pass(clock, 3_000);
  const two = candidate(api, clock, "two");
  await pass(clock, 5_000);
  one.partitioned = true;
  await pass(clock, 10_500);
  expect([one.leading, two.leading]).toEqual([false, false]);
  await pass(clock, 8_000);
  expect([one.leading, two.leading]).toEqual([false, true]);
  one.partitioned = false;
  await two.stop();
  await pass(clock, 3_000);
  expect([one.leading, one.terms]).toEqual([true, 2]);
  await one.stop();
});

test("lead() steps down when a renewal hangs", async () => {
  const [api, clock] = [memoryApi(), manualClock()];
  const one = candidate(api, clock, "one");
  await pass(clock, 3_000);
  const hang = Promise.withResolvers<void>();
  api.before(() => hang.promise);
  await pass(clock, 13_000);
  expect(one.leading).toBe(false);
  hang.resolve();
  await one.stop();
});

test("lead() never has two leaders, whatever partitions come and go", async () => {
  const phase = record({ cut: integer({ min: 0, max: 7 }), seconds: integer({ min: 1, max: 25 }) });
  const single = asyncProperty(array(phase, { maxLength: 8 }), async (phases) => {
    const [api, clock] = [memoryApi(), manualClock()];
    const all = ["a", "b", "c"].map((identity) => candidate(api, clock, identity));
    for (const { cut, seconds } of phases) {
      all.forEach((one, index) => (one.partitioned = (cut & (1 << index)) !== 0));
      for (let second = 0; second < seconds; second += 1) {
        await pass(clock, 1_000);
        expect(all.filter(({ leading }) => leading).length).toBeLessThanOrEqual(1);
      }
    }
    for (const one of all) one.partitioned = false;
    await pass(clock, 20_000);
    expect(all.filter(({ leading }) => leading)).toHaveLength(1);
    await Promise.all(all.map((one) => one.stop()));
  });
  await assert(single, { numRuns: 15 });
});
