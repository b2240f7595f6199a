import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { isExpired, isTimeout, isUnavailable, reasonOf } from "../../../api/machinery/errors.ts";
import { openStore } from "../../../api/store/open.ts";
import type { Revision, Store, StoreEvent } from "../../../api/store/store.ts";
import { bytes, collect, text } from "../../conformance/store-kit.ts";
import { type EtcdServer, startEtcd } from "../../kit/etcd.ts";
import { eventually } from "../../kit/eventually.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";
import { expectNothingLost, startWriter } from "./crash.ts";
import { startCuttingProxy } from "./cutting-proxy.ts";

async function startServer(): Promise<EtcdServer> {
  const etcd = await startEtcd();
  onTestFinished(() => etcd[Symbol.asyncDispose]());
  return etcd;
}

async function open(url: string): Promise<Store> {
  const store = await openStore(url);
  onTestFinished(() => store[Symbol.asyncDispose]());
  return store;
}

/** A watch that runs by itself until the test ends. */
type Recording = { readonly events: readonly StoreEvent[]; readonly failure: unknown };

async function record(store: Store, prefix: string): Promise<Recording> {
  const abort = new AbortController();
  onTestFinished(() => {
    abort.abort();
  });
  const { revision } = await store.head();
  const events: StoreEvent[] = [];
  const recording = { events, failure: undefined as unknown };
  const run = async (): Promise<void> => {
    for await (const batch of store.watch(prefix, revision, abort.signal)) {
      events.push(...batch.events);
    }
  };
  run().catch((err: unknown) => {
    recording.failure = err;
  });
  return recording;
}

/** Tries to write for a time; each attempt must end promptly, with an error that says why. */
async function expectClearFailures(store: Store, durationMs: number): Promise<unknown[]> {
  const failures: unknown[] = [];
  const end = performance.now() + durationMs;
  while (performance.now() < end) {
    const begun = performance.now();
    const outcome = await store.put("/outage/key", bytes("x"), 0).catch((err: unknown) => err);
    expect(performance.now() - begun).toBeLessThan(11_000);
    expect(outcome).toSatisfy((err: unknown) => isUnavailable(err) || isTimeout(err));
    failures.push(outcome);
    await sleep(100); // the pace of the attempts, not a wait for anything
  }
  return failures;
}

describe.skipIf(skipReason("etcd failures", missingProgram("etcd")))("etcd", () => {
  test("kill -9 of the writer loses no acknowledged write and invents none", async () => {
    const etcd = await startServer();
    const url = `etcd://${etcd.host}/crash`;
    let since: Revision = (await (await open(url)).head()).revision;
    for (let round = 0; round < 2; round++) {
      const writer = await startWriter(url, 1_000);
      await writer.kill();
      const store = await open(url);
      await expectNothingLost(store, await writer.acknowledged(), since);
      since = (await store.head()).revision;
    }
  });

  test("kill -9 of etcd loses no acknowledged write and invents none", async () => {
    const etcd = await startServer();
    const url = `etcd://${etcd.host}/crash`;
    const store = await open(url);
    let since: Revision = (await store.head()).revision;
    for (let round = 0; round < 2; round++) {
      const writer = await startWriter(url, 1_000);
      await etcd.stop("SIGKILL");
      await writer.kill();
      await etcd.start();
      await eventually("the store answers again", () => store.head());
      await expectNothingLost(store, await writer.acknowledged(), since);
      since = (await store.head()).revision;
    }
  });

  test("stopped for 20 s: writes fail clearly and promptly, watches resume without loss", async () => {
    const etcd = await startServer();
    const store = await open(`etcd://${etcd.host}/outage`);
    const seen = await record(store, "/outage/");
    const before = await store.put("/outage/before", bytes("1"), 0);
    await etcd.stop();
    const failures = await expectClearFailures(store, 20_000);
    expect(failures.length).toBeGreaterThan(20);
    const refused = failures.filter((err) => isUnavailable(err)).map(String);
    expect(refused[0]).toContain(`etcd at ${etcd.host}`);
    await expect(store.get("/outage/before")).rejects.toSatisfy(isUnavailable);
    await expect(store.list({ prefix: "/" })).rejects.toSatisfy(isUnavailable);
    await etcd.start();
    await eventually("writes succeed again", () => store.put("/outage/after", bytes("2"), 0));
    await eventually("the watch caught up", () => seen.events.length >= 2);
    expect(seen.events.map(({ key }) => key)).toEqual(["/outage/before", "/outage/after"]);
    expect(seen.events[0]?.at).toBe(before);
    expect(seen.failure).toBeUndefined();
  });

  test("frozen: writes end with a clear error, watches resume without loss", async () => {
    const etcd = await startServer();
    const store = await open(`etcd://${etcd.host}/outage`);
    const other = await open(`etcd://${etcd.host}/outage`);
    const seen = await record(store, "/outage/");
    await store.put("/outage/before", bytes("1"), 0);
    etcd.signal("SIGSTOP");
    await expectClearFailures(store, 1_000).finally(() => {
      etcd.signal("SIGCONT");
    });
    await eventually("writes succeed again", () => other.put("/outage/after", bytes("2"), 0));
    await eventually("the watch caught up", () =>
      seen.events.some(({ key }) => key === "/outage/after"),
    );
    const all = await collect(other.watch("/outage/", 1, new AbortController().signal), (events) =>
      events.some(({ key }) => key === "/outage/after"),
    );
    // Whether the write of unknown fate was carried out: the watch agrees with the history.
    expect(seen.events.map(({ at }) => at)).toEqual(all.map(({ at }) => at));
  });

  test("a write whose answer is lost is carried out once and reported as done", async () => {
    const etcd = await startServer();
    const proxy = await startCuttingProxy(etcd.host);
    onTestFinished(() => proxy[Symbol.asyncDispose]());
    const store = await open(`etcd://${proxy.host}/lost`);
    const direct = await open(`etcd://${etcd.host}/lost`);
    const { revision } = await direct.head();
    const lines: string[] = [];
    let at = 0;
    for (let i = 0; i < 12; i++) {
      proxy.loseNextAnswer();
      at = await store.put("/a", bytes(String(i)), at);
      lines.push(`${at} put ${i}`);
      proxy.loseNextAnswer();
      const created = await store.put(`/b/${i}`, bytes("b"), 0);
      proxy.loseNextAnswer();
      const deleted = await store.delete(`/b/${i}`, created);
      lines.push(`${created} put b`, `${deleted} delete b`);
    }
    expect(proxy.cuts).toBeGreaterThanOrEqual(36);
    const events = await collect(
      direct.watch("/", revision, new AbortController().signal),
      (_, covered) => covered >= (Number(lines.at(-1)?.split(" ")[0]) || Infinity),
    );
    expect(events.map((event) => `${event.at} ${event.type} ${text(event.value)}`)).toEqual(lines);
  });

  test("a write that lost its answer and the race gets Conflict", async () => {
    const etcd = await startServer();
    const proxy = await startCuttingProxy(etcd.host);
    onTestFinished(() => proxy[Symbol.asyncDispose]());
    const store = await open(`etcd://${proxy.host}/lost`);
    const direct = await open(`etcd://${etcd.host}/lost`);
    const first = await direct.put("/a", bytes("1"), 0);
    await direct.put("/a", bytes("2"), first);
    for (const expected of [first, 0]) {
      proxy.loseNextAnswer();
      const outcome = await store.put("/a", bytes("mine"), expected).catch(reasonOf);
      expect(outcome).toBe("Conflict");
    }
  });

  test("a watch that is cut in the middle of catching up loses and repeats nothing", async () => {
    const etcd = await startServer();
    const direct = await open(`etcd://${etcd.host}/many`);
    const { revision } = await direct.head();
    const value = new Uint8Array(2_000);
    await Promise.all(
      Array.from({ length: 16 }, async (_, w) => {
        for (let i = 0; i < 250; i++) await direct.put(`/w/${w}/${i}`, value, 0);
      }),
    );
    const proxy = await startCuttingProxy(etcd.host);
    onTestFinished(() => proxy[Symbol.asyncDispose]());
    const store = await open(`etcd://${proxy.host}/many`);
    proxy.cutAfter(1_500_000);
    const { revision: end } = await direct.head();
    const events = await collect(
      store.watch("/w/", revision, new AbortController().signal),
      (_, covered) => {
        if (proxy.cuts === 1) proxy.cutAfter(2_500_000);
        return covered >= end;
      },
    );
    expect(proxy.cuts).toBe(2);
    expect(events).toHaveLength(4_000);
    expect(new Set(events.map(({ key }) => key)).size).toBe(4_000);
  });

  test("others' use of the cluster shows as progress, and not as events", async () => {
    const etcd = await startServer();
    const store = await open(`etcd://${etcd.host}/lighthouse`);
    const other = await open(`etcd://${etcd.host}/lighthouse-2`);
    const { revision: since } = await store.head();
    let at: Revision = 0;
    for (let i = 0; i < 5; i++) at = await other.put("/a", bytes(String(i)), at);
    const { revision } = await store.head();
    expect(revision).toBeGreaterThanOrEqual(at);
    const events = await collect(
      store.watch("/", since, new AbortController().signal),
      (_, covered) => covered >= revision,
    );
    expect(events).toEqual([]);
    expect((await store.list({ prefix: "/" })).entries).toEqual([]);
  });

  test("a watch that another process's compaction overtook ends with Expired", async () => {
    const etcd = await startServer();
    const store = await open(`etcd://${etcd.host}/shared`);
    const other = await open(`etcd://${etcd.host}/shared`);
    const first = await store.put("/a", bytes("1"), 0);
    const second = await store.put("/a", bytes("2"), first);
    const gone = await store.delete("/a", second);
    const last = await store.put("/b", bytes("1"), 0);
    const late = await open(`etcd://${etcd.host}/shared`); // its feed begins behind all of these
    await other.compact(gone);
    const watching = Array.fromAsync(late.watch("/", second, new AbortController().signal));
    await expect(watching).rejects.toSatisfy(isExpired);
    await expect(late.list({ prefix: "/", at: second })).rejects.toSatisfy(isExpired);
    const events = await collect(
      late.watch("/", gone, new AbortController().signal),
      (_, covered) => covered >= last,
    );
    expect(events.map(({ key }) => key)).toEqual(["/b"]);
  });

  test("a cluster that is not there is named at once", async () => {
    const begun = performance.now();
    await expect(openStore("etcd://127.0.0.1:1/x")).rejects.toThrow(
      /^Cannot open the store on etcd at 127\.0\.0\.1:1: .*ECONNREFUSED/,
    );
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test("one of several endpoints is enough", async () => {
    const etcd = await startServer();
    const store = await open(`etcd://127.0.0.1:1,${etcd.host},127.0.0.1:2/several`);
    let at: Revision = 0;
    for (let i = 0; i < 20; i++) at = await store.put("/a", bytes(String(i)), at);
    expect(text((await store.get("/a"))?.value)).toBe("19");
  });

  test("a value beyond etcd's limit is refused as too large", async () => {
    const etcd = await startServer();
    const store = await open(`etcd://${etcd.host}/large`);
    const large = store.put("/a", new Uint8Array(2 << 20), 0);
    await expect(large).rejects.toMatchObject({ reason: "RequestEntityTooLarge" });
  });
});
