import { afterEach, expect, test } from "vitest";
import { expired, isExpired, unavailable } from "../machinery/errors.ts";
import { encodeObject, type ItemEvent, itemOf } from "./item.ts";
import type { Listener, Topic } from "./listeners.ts";
import { memoryStore } from "./memory.ts";
import type { Store } from "./store.ts";
import { openWatchCache, type WatchCache, type WatchCacheOptions } from "./watch-cache.ts";

const pods = "/registry/core/pods/";
const caches: WatchCache[] = [];

afterEach(async () => {
  for (const cache of caches.splice(0)) await cache[Symbol.asyncDispose]();
});

function object(name: string, labels: Record<string, string> = {}): Buffer {
  return encodeObject({ apiVersion: "v1", kind: "Pod", metadata: { name, labels } });
}

async function open(store: Store, options: WatchCacheOptions = {}): Promise<WatchCache> {
  const cache = await openWatchCache(store, { retryMs: 1, ...options });
  caches.push(cache);
  return cache;
}

type Ear = Listener & { readonly heard: ItemEvent[]; readonly resets: () => number };

function ear(): Ear {
  const heard: ItemEvent[] = [];
  let count = 0;
  return {
    heard,
    resets: () => count,
    onEvents: (events) => void heard.push(...events),
    onReset: () => void (count += 1),
  };
}

const shown = ({ type, item }: ItemEvent): string => `${item.at} ${type} ${item.key}`;

test("list() shows what was there and what came, in key order, with the version as a field", async () => {
  const store = memoryStore();
  const first = await store.put(`${pods}shop/b`, object("b"), 0);
  const cache = await open(store);
  const second = await store.put(`${pods}shop/a`, object("a"), 0);
  await store.put(`${pods}shop-2/c`, object("c"), 0);
  const last = await store.put("/registry/core/nodes/n", object("n"), 0);
  expect(await cache.reach(last, 1_000)).toBe(true);
  const items = cache.list(`${pods}shop/`);
  expect(items.map(({ key, at }) => [key, at])).toEqual([
    [`${pods}shop/a`, second],
    [`${pods}shop/b`, first],
  ]);
  expect(items[0]?.object.metadata).toMatchObject({ name: "a", resourceVersion: String(second) });
  expect(cache.list(pods).map(({ object: pod }) => pod.metadata.name)).toEqual(["c", "a", "b"]);
  expect(cache.get(`${pods}shop/b`)?.at).toBe(first);
  expect(cache.list("/registry/none/things/")).toEqual([]);
});

test("list() and count() stay in order while items come, change and go", async () => {
  const store = memoryStore();
  const cache = await open(store);
  const names = ["m", "c", "x", "a", "ca"];
  const versions = new Map<string, number>();
  for (const name of names) versions.set(name, await store.put(pods + name, object(name), 0));
  await cache.reach(versions.get("ca") ?? 0, 1_000);
  expect(cache.count(pods)).toBe(5); // from here on the order is kept, not made
  const changed = await store.put(`${pods}c`, object("c", { is: "new" }), versions.get("c") ?? 0);
  await store.delete(`${pods}m`, versions.get("m") ?? 0);
  const last = await store.put(`${pods}b`, object("b"), 0);
  await cache.reach(last, 1_000);
  expect(cache.list(pods).map(({ key }) => key.slice(pods.length))).toEqual([
    "a",
    "b",
    "c",
    "ca",
    "x",
  ]);
  expect(cache.list(pods)[2]?.at).toBe(changed);
  expect([cache.count(pods), cache.count(`${pods}c`), cache.count("/registry/no/")]).toEqual([
    5, 2, 0,
  ]);
});

test("list() forgets what was deleted", async () => {
  const store = memoryStore();
  const at = await store.put(`${pods}shop/a`, object("a"), 0);
  const cache = await open(store);
  expect(cache.list(pods)).toHaveLength(1);
  await cache.reach(await store.delete(`${pods}shop/a`, at), 1_000);
  expect([cache.list(pods), cache.get(`${pods}shop/a`)]).toEqual([[], undefined]);
});

test("subscribe() delivers what the window holds after `since`, then what comes, once", async () => {
  const store = memoryStore();
  const cache = await open(store);
  const at = await store.put(`${pods}shop/a`, object("a"), 0);
  const next = await store.put(`${pods}shop/a`, object("a", { x: "1" }), at);
  await store.put(`${pods}other/b`, object("b"), 0);
  await cache.reach((await store.head()).revision, 1_000);
  const { heard, ...listener } = ear();
  const subscription = cache.subscribe(`${pods}shop/`, at, listener);
  const gone = await store.delete(`${pods}shop/a`, next);
  await cache.reach(gone, 1_000);
  expect(heard.map(shown)).toEqual([
    `${next} MODIFIED ${pods}shop/a`,
    `${gone} DELETED ${pods}shop/a`,
  ]);
  expect(heard[1]?.item.object.metadata).toMatchObject({
    labels: { x: "1" },
    resourceVersion: String(gone),
  });
  expect(heard[1]?.previous?.at).toBe(next);
  subscription?.unsubscribe();
  await cache.reach(await store.put(`${pods}shop/c`, object("c"), 0), 1_000);
  expect(heard).toHaveLength(2);
});

test("a listener that is ahead of the cache hears nothing twice", async () => {
  const store = memoryStore();
  const cache = await open(store);
  const { heard, ...listener } = ear();
  const first = await store.put(`${pods}shop/a`, object("a"), 0);
  cache.subscribe(pods, first, listener); // the cache has not seen the write yet
  const second = await store.put(`${pods}shop/b`, object("b"), 0);
  await cache.reach(second, 1_000);
  expect(heard.map(({ item }) => item.at)).toEqual([second]);
});

test("a watcher older than the window is told so, and can follow from the store's history", async () => {
  const store = memoryStore();
  const cache = await open(store, { limits: { maxEvents: 2, maxBytes: 1 << 20 } });
  const ats: number[] = [];
  for (const name of ["a", "b", "c", "d"]) {
    ats.push(await store.put(`${pods}shop/${name}`, object(name), 0));
  }
  await cache.reach(ats.at(-1) ?? 0, 1_000);
  const { heard, ...listener } = ear();
  expect(cache.subscribe(pods, 0, listener)).toBeUndefined();
  const stop = new AbortController();
  await cache.follow(pods, 0, listener, stop.signal);
  ats.push(await store.put(`${pods}shop/e`, object("e"), 0));
  await cache.reach(ats.at(-1) ?? 0, 1_000);
  expect(heard.map(({ item }) => item.at)).toEqual(ats);
  stop.abort();
  await cache.reach(await store.put(`${pods}shop/f`, object("f"), 0), 1_000);
  expect(heard).toHaveLength(5);
});

test("follow() is Expired when the store has forgotten too", async () => {
  const store = memoryStore();
  const cache = await open(store, { limits: { maxEvents: 1, maxBytes: 1 << 20 } });
  for (const name of ["a", "b", "c"]) await store.put(`${pods}shop/${name}`, object(name), 0);
  const { revision } = await store.head();
  await cache.reach(revision, 1_000);
  await store.compact(revision);
  const { signal } = new AbortController();
  await expect(cache.follow(pods, 0, ear(), signal)).rejects.toSatisfy(isExpired);
});

test("the window is bounded in bytes as well", async () => {
  const store = memoryStore();
  const cache = await open(store, { limits: { maxEvents: 100, maxBytes: 500 } });
  for (const name of ["a", "b"]) {
    const value = object(name, { padding: "x".repeat(300) });
    await cache.reach(await store.put(`${pods}shop/${name}`, value, 0), 1_000);
  }
  expect(cache.subscribe(pods, 0, ear())).toBeUndefined();
});

test("reach() gives up after its time, and lets go when the cache ends", async () => {
  const cache = await open(memoryStore());
  expect(await cache.reach(1, 5)).toBe(false);
  const waiting = cache.reach(1, 60_000);
  await cache[Symbol.asyncDispose]();
  expect(await waiting).toBe(false);
});

/** A store whose watch fails once with each of the given errors. */
function failing(store: Store, failures: Error[]): Store {
  return {
    get: (key) => store.get(key),
    list: (range) => store.list(range),
    put: (key, value, expected) => store.put(key, value, expected),
    delete: (key, expected) => store.delete(key, expected),
    head: () => store.head(),
    compact: (upTo) => store.compact(upTo),
    async *watch(prefix, since, signal) {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      yield* store.watch(prefix, since, signal);
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

test("an outage of the store is survived without a gap", async () => {
  const store = memoryStore();
  const errors: unknown[] = [];
  const outage = [unavailable("down"), unavailable("still down")];
  const cache = await open(failing(store, outage), { onError: (err) => errors.push(err) });
  const { heard, resets, ...listener } = ear();
  cache.subscribe(pods, cache.revision, { ...listener });
  const at = await store.put(`${pods}shop/a`, object("a"), 0);
  expect(await cache.reach(at, 1_000)).toBe(true);
  expect([errors.length, resets(), heard.map(({ item }) => item.at)]).toEqual([2, 0, [at]]);
});

test("a lost place in the history lists anew and ends every subscription", async () => {
  const store = memoryStore();
  await store.put(`${pods}shop/a`, object("a"), 0);
  const lost = new AbortController();
  const losing: Store = {
    ...failing(store, []),
    async *watch(prefix, since, signal) {
      yield* store.watch(prefix, since, AbortSignal.any([signal, lost.signal]));
      if (!signal.aborted && since < 2) throw expired("compacted");
      yield* store.watch(prefix, since, signal);
    },
  };
  const cache = await open(losing);
  const listener = ear();
  cache.subscribe(pods, cache.revision, listener);
  lost.abort();
  const at = await store.put(`${pods}shop/b`, object("b"), 0);
  expect(await cache.reach(at, 1_000)).toBe(true);
  expect(cache.list(pods)).toHaveLength(2);
  expect([listener.resets(), listener.heard.length]).toEqual([1, 0]);
  await cache.reach(await store.put(`${pods}shop/c`, object("c"), 0), 1_000);
  expect(listener.heard).toHaveLength(0);
});

test("newest() knows what was written here until the store has told of it, or of more", async () => {
  const store = memoryStore();
  const cache = await open(store);
  const key = `${pods}shop/a`;
  const first = await store.put(key, object("a"), 0);
  await cache.reach(first, 1_000);
  const second = first + 1;
  cache.wrote(itemOf(key, object("a", { tier: "web" }), second));
  expect([cache.newest(key)?.at, cache.get(key)?.at]).toEqual([second, first]);
  await store.put(key, object("a", { tier: "web" }), first);
  const third = await store.put(key, object("a"), second);
  await cache.reach(third, 1_000);
  expect(cache.newest(key)?.at).toBe(third);
  cache.wrote(itemOf(key, object("a"), first));
  expect(cache.newest(key)?.at).toBe(third);
});

/** Pods by a label, as those of a Node are by its name. */
const onNode = (value: string): Topic => ({
  name: "node",
  value,
  of: ({ object: pod }) => pod.metadata.labels?.["node"] ?? "",
});

test("subscribe() tells a listener with a topic of what is, was and is no longer of it", async () => {
  const store = memoryStore();
  const cache = await open(store);
  const [here, there, all] = [
    { ...ear(), topic: onNode("here") },
    { ...ear(), topic: onNode("there") },
    ear(),
  ];
  const ends = [here, there, all].map((one) => cache.subscribe(pods, cache.revision, one));
  const key = `${pods}shop/a`;
  const unbound = await store.put(key, object("a"), 0);
  const bound = await store.put(key, object("a", { node: "here" }), unbound);
  const moved = await store.put(key, object("a", { node: "there" }), bound);
  const gone = await store.delete(key, moved);
  await cache.reach(gone, 1_000);
  expect(here.heard.map(shown)).toEqual([`${bound} MODIFIED ${key}`, `${moved} MODIFIED ${key}`]);
  expect(there.heard.map(shown)).toEqual([`${moved} MODIFIED ${key}`, `${gone} DELETED ${key}`]);
  expect(all.heard).toHaveLength(4);
  ends[0]?.unsubscribe();
  const again = await store.put(key, object("a", { node: "here" }), 0);
  await cache.reach(again, 1_000);
  expect([here.heard.length, all.heard.length]).toEqual([2, 5]);
});
