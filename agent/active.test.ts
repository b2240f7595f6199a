import { beforeEach, expect, test } from "vitest";
import { unavailable } from "../api/machinery/errors.ts";
import { leases } from "../api/machinery/resources.ts";
import { manualClock } from "../test/kit/clock.ts";
import { type MemoryApi, memoryApi } from "../test/kit/memory-api.ts";
import { type ActiveOptions, runActive } from "./active.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
let api: MemoryApi;
let clock: ReturnType<typeof manualClock>;
let working: string[];

beforeEach(() => {
  api = memoryApi({});
  clock = manualClock();
  working = [];
});

/** An agent that says while it works. */
function start(name: string, more: Partial<ActiveOptions> = {}) {
  const end = new AbortController();
  const running = runActive(
    {
      client: api,
      clock,
      log: silent,
      beacon: "b1",
      self: { host: name, pid: 1 },
      isAlive: () => true,
      ...more,
    },
    end.signal,
    async (signal) => {
      working.push(name);
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      working = working.filter((one) => one !== name);
    },
  );
  return {
    async stop() {
      end.abort();
      await running;
    },
  };
}

test("of two agents one works, and the other does when that one stops", async () => {
  const first = start("a");
  await clock.advance(100);
  const second = start("b");
  await clock.advance(60_000);
  expect(working).toEqual(["a"]);
  await first.stop();
  await clock.advance(8_000);
  expect(working).toEqual(["b"]);
  await second.stop();
});

test("a standby takes over from one that is gone before its Nodes count as lost", async () => {
  let gone = false;
  const dying: MemoryApi = {
    ...api,
    get: (...args) => (gone ? Promise.reject(unavailable("gone")) : api.get(...args)),
    replace: (...args) => (gone ? Promise.reject(unavailable("gone")) : api.replace(...args)),
  };
  const first = start("a", { client: dying });
  await clock.advance(100);
  const second = start("b");
  await clock.advance(20_000);
  gone = true;
  await clock.advance(35_000);
  expect(working).toContain("b");
  await Promise.all([first.stop(), second.stop()]);
});

test("an agent goes on while it does not reach the API, and ends when it sees another", async () => {
  let away = false;
  const cut: MemoryApi = {
    ...api,
    get: (...args) => (away ? Promise.reject(unavailable("away")) : api.get(...args)),
    replace: (...args) => (away ? Promise.reject(unavailable("away")) : api.replace(...args)),
  };
  const first = start("a", { client: cut });
  await clock.advance(100);
  away = true;
  await clock.advance(600_000);
  expect(working).toEqual(["a"]);
  const second = start("b");
  await clock.advance(40_000);
  expect(working).toEqual(["a", "b"]);
  away = false;
  await clock.advance(10_000);
  expect(working).toEqual(["b"]);
  await Promise.all([first.stop(), second.stop()]);
});

test.each([
  ["whose process is gone", { self: { host: "m", pid: 8 }, isAlive: () => false }],
  ["that had the same process id, as in a container", { self: { host: "m", pid: 7 } }],
])("nobody waits for a predecessor %s", async (_why, more) => {
  await api.create(leases, {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace: "lighthouse-node-lease", name: "b1" },
    spec: { holderIdentity: "m:7:aaaa", leaseDurationSeconds: 24 },
  });
  const next = start("next", more);
  await clock.advance(100);
  expect(working).toEqual(["next"]);
  await next.stop();
});

test("an agent of another machine, or one that lives, is no predecessor", async () => {
  await api.create(leases, {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace: "lighthouse-node-lease", name: "b1" },
    spec: { holderIdentity: "m:7:aaaa", leaseDurationSeconds: 24 },
  });
  const alive = start("alive", { self: { host: "m", pid: 8 } });
  const other = start("other", { self: { host: "n", pid: 7 }, isAlive: () => false });
  await clock.advance(100);
  expect(working).toEqual([]);
  await Promise.all([alive.stop(), other.stop()]);
});
