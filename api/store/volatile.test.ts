import { expect, test } from "vitest";
import { storeConformance } from "../../test/conformance/store.ts";
import { isConflict, isExpired } from "../machinery/errors.ts";
import { memoryStore } from "./memory.ts";
import type { Store } from "./store.ts";
import { withVolatile } from "./volatile.ts";

const prefix = "/registry/coordination.k8s.io/leases/lighthouse-node-lease/";
const heartbeat = `${prefix}node-1`;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOf = (value: Uint8Array): string => Buffer.from(value).toString();

storeConformance(
  "memory with volatile prefixes",
  async () => ({ open: () => withVolatile(memoryStore(), [prefix]), remove: async () => {} }),
  { durable: false, dense: false },
);

async function opened(): Promise<{ readonly durable: Store; readonly store: Store }> {
  const durable = memoryStore();
  return { durable, store: await withVolatile(durable, [prefix]) };
}

test("a volatile write leaves no trace in the durable history", async () => {
  const { durable, store } = await opened();
  const before = await durable.head();
  const first = await store.put(heartbeat, bytes("1"), 0);
  const second = await store.put(heartbeat, bytes("2"), first);
  expect(second).toBeGreaterThan(first);
  expect(await durable.head()).toEqual(before);
  expect((await store.get(heartbeat))?.at).toBe(second);
  expect((await store.head()).revision).toBe(second);
});

test("a volatile write is compared and set", async () => {
  const { store } = await opened();
  await store.put(heartbeat, bytes("1"), 0);
  await expect(store.put(heartbeat, bytes("2"), 0)).rejects.toSatisfy(isConflict);
  await expect(store.delete(heartbeat, 1)).rejects.toSatisfy(isConflict);
});

test("list() pages over both kinds of keys in one order", async () => {
  const { store } = await opened();
  const keys = ["a", "lighthouse-node-lease/x", "lighthouse-node-lease/y", "z/1", "z/2"].map(
    (name) => `/registry/coordination.k8s.io/leases/${name}`,
  );
  for (const key of keys) await store.put(key, bytes(key), 0);
  const seen: string[] = [];
  let after = "";
  for (;;) {
    const page = await store.list({ prefix: "/registry/", after, limit: 2 });
    seen.push(...page.entries.map(({ key }) => key));
    expect(page.remaining).toBe(keys.length - seen.length);
    after = seen.at(-1) ?? "";
    if (page.remaining === 0) break;
  }
  expect(seen).toEqual(keys);
});

test("pages show one state while heartbeats come, go and are new", async () => {
  const { store } = await opened();
  const versions = new Map<string, number>();
  for (const name of ["a", "b", "c", "d"]) {
    versions.set(name, await store.put(prefix + name, bytes(`${name} old`), 0));
  }
  const first = await store.list({ prefix, limit: 1 });
  const since = (name: string): number => versions.get(name) ?? 0;
  await store.put(`${prefix}b`, bytes("b new"), since("b"));
  await store.delete(`${prefix}c`, since("c"));
  await store.put(`${prefix}ca`, bytes("never seen"), 0);
  await store.put("/registry/core/pods/a/b", bytes("pod"), 0);
  const at = first.revision;
  const rest = await store.list({ prefix, at, after: first.entries[0]?.key ?? "" });
  expect(rest.entries.map(({ value, at: written }) => [textOf(value), written])).toEqual([
    ["b old", since("b")],
    ["c old", since("c")],
    ["d old", since("d")],
  ]);
  expect([rest.revision, rest.remaining]).toEqual([at, 0]);
  const now = await store.list({ prefix });
  expect(now.entries.map(({ value }) => textOf(value))).toEqual([
    "a old",
    "b new",
    "never seen",
    "d old",
  ]);
});

test("a list of heartbeats from too long ago is expired", async () => {
  const { store } = await opened();
  let last = await store.put(heartbeat, bytes("0"), 0);
  const old = last;
  for (let beat = 0; beat < 9_000; beat++) {
    last = await store.put(heartbeat, bytes(String(beat)), last);
  }
  await expect(store.list({ prefix, at: old })).rejects.toSatisfy(isExpired);
  expect((await store.list({ prefix, at: last - 100 })).entries).toHaveLength(1);
});

test("watch() sees durable and volatile writes in one order", async () => {
  const { store } = await opened();
  const { revision } = await store.head();
  const stop = new AbortController();
  const durable = await store.put("/registry/core/pods/a/b", bytes("pod"), 0);
  const first = await store.put(heartbeat, bytes("1"), 0);
  const seen = new Map<string, number>();
  for await (const { events } of store.watch("/registry/", revision, stop.signal)) {
    for (const { key, at } of events) seen.set(key, at);
    if (seen.size === 2) stop.abort();
  }
  expect(Object.fromEntries(seen)).toEqual({
    "/registry/core/pods/a/b": durable,
    [heartbeat]: first,
  });
});

test("a watch of volatile keys from an earlier life is expired, one of others goes on", async () => {
  const { durable, store } = await opened();
  const pod = await store.put("/registry/core/pods/a/b", bytes("pod"), 0);
  const before = await store.put(heartbeat, bytes("1"), 0);
  await store[Symbol.asyncDispose]();
  const again = await withVolatile(durable, [prefix]);
  const stop = new AbortController();
  await expect(
    again.watch(prefix, before, stop.signal)[Symbol.asyncIterator]().next(),
  ).rejects.toSatisfy(isExpired);
  const next = await again.put("/registry/core/pods/a/b", bytes("pod 2"), pod);
  expect(next).toBeGreaterThan(before);
  for await (const { events } of again.watch("/registry/core/", before, stop.signal)) {
    if (events.length === 0) continue;
    expect(events.map(({ at }) => at)).toEqual([next]);
    stop.abort();
  }
  expect(await again.get(heartbeat)).toBeUndefined();
});

test("a slow reader of everything is not overtaken by heartbeats", async () => {
  const { store } = await opened();
  const keys = ["/registry/a/x/1", "/registry/core/x/1", "/registry/core/x/2", "/registry/z/x/1"];
  for (const key of keys) await store.put(key, bytes(key), 0);
  let beat = await store.put(heartbeat, bytes("0"), 0);
  const range = { prefix: "/registry/", limit: 3, counted: false } as const;
  const shown: string[] = [];
  let page = await store.list(range);
  const at = page.revision;
  for (;;) {
    shown.push(...page.entries.map(({ key }) => key));
    const after = page.entries.at(-1)?.key;
    if (after === undefined || page.remaining === 0) break;
    // More than are kept.
    for (let i = 0; i < 9_000; i += 1) beat = await store.put(heartbeat, bytes(String(i)), beat);
    page = await store.list({ ...range, after, at });
  }
  expect(shown).toEqual([keys[0], heartbeat, ...keys.slice(1)]);
});
