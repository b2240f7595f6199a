import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { storeConformance } from "../../../test/conformance/store.ts";
import { bytes, collect, text } from "../../../test/conformance/store-kit.ts";
import { openLmdbStore } from "../lmdb.ts";
import { memoryStore } from "../memory.ts";
import type { Store } from "../store.ts";
import { type EncryptedStore, encryptedStore } from "./encrypted-store.ts";
import { isSealed, type SealError } from "./envelope.ts";
import { encryptionKey, type KeyRing, newEncryptionKey } from "./key-ring.ts";

const key = newEncryptionKey(0);
const ring: KeyRing = { keys: [key], writing: key.id, prefixes: ["/"] };

/** Closed as one: the conformance suite owns what it opens. */
function owning(store: Store): Store {
  const encrypted = encryptedStore(store, { ring: () => ring });
  return {
    get: (name) => encrypted.get(name),
    list: (range) => encrypted.list(range),
    put: (name, value, expected, guard) => encrypted.put(name, value, expected, guard),
    delete: (name, expected, guard) => encrypted.delete(name, expected, guard),
    watch: (prefix, since, signal) => encrypted.watch(prefix, since, signal),
    head: () => encrypted.head(),
    compact: (upTo) => encrypted.compact(upTo),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

storeConformance(
  "encrypted memory",
  async () => ({ open: async () => owning(memoryStore()), remove: async () => {} }),
  { durable: false, dense: true },
);

storeConformance(
  "encrypted lmdb",
  async () => {
    const dir = await mkdtemp(join(tmpdir(), "lighthouse-encrypted-"));
    return {
      open: async () => owning(await openLmdbStore(dir)),
      remove: () => rm(dir, { recursive: true, force: true }),
    };
  },
  { durable: true, dense: true },
);

const secrets = "/registry/core/secrets/";
const named = (name: string): Uint8Array => bytes(JSON.stringify({ metadata: { name } }));

type World = {
  readonly raw: Store;
  readonly store: EncryptedStore;
  readonly broken: readonly [string, SealError][];
};

function world(keys: KeyRing = { ...ring, prefixes: [secrets] }): World {
  const raw = memoryStore();
  const broken: [string, SealError][] = [];
  const onUnreadable = (name: string, _at: number, err: SealError): void =>
    void broken.push([name, err]);
  return { raw, store: encryptedStore(raw, { ring: () => keys, onUnreadable }), broken };
}

test("encryptedStore() seals what lies under its prefixes and nothing else", async () => {
  const { raw, store } = world();
  await store.put(`${secrets}a/x`, bytes("canary"), 0);
  await store.put("/registry/core/pods/a/x", bytes("open"), 0);
  const sealed = (await raw.get(`${secrets}a/x`))?.value ?? bytes("");
  expect(isSealed(sealed)).toBe(true);
  expect(Buffer.from(sealed).includes("canary")).toBe(false);
  expect(text((await raw.get("/registry/core/pods/a/x"))?.value)).toBe("open");
  expect(text((await store.get(`${secrets}a/x`))?.value)).toBe("canary");
});

test("encryptedStore() reads values of before, and seals them with their next write", async () => {
  const { raw, store } = world();
  const at = await raw.put(`${secrets}a/x`, bytes("{}"), 0);
  expect(text((await store.get(`${secrets}a/x`))?.value)).toBe("{}");
  await store.put(`${secrets}a/x`, bytes("{1}"), at);
  expect(isSealed((await raw.get(`${secrets}a/x`))?.value ?? bytes(""))).toBe(true);
});

test("encryptedStore() refuses one damaged value by name and serves the others", async () => {
  const { raw, store, broken } = world();
  const first = await store.put(`${secrets}a/x`, named("x"), 0);
  await store.put(`${secrets}a/y`, named("y"), 0);
  const damaged = Buffer.from((await raw.get(`${secrets}a/x`))?.value ?? []);
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  const at = await raw.put(`${secrets}a/x`, damaged, first);
  await expect(store.get(`${secrets}a/x`)).rejects.toThrow(
    `Cannot read ${secrets}a/x: it is damaged`,
  );
  const { entries } = await store.list({ prefix: secrets });
  expect(entries.map(({ key: name }) => name)).toEqual([`${secrets}a/y`]);
  expect(broken.map(([name]) => name)).toEqual([`${secrets}a/x`]);
  await store.put(`${secrets}a/x`, named("x"), at);
  expect((await store.list({ prefix: secrets })).entries).toHaveLength(2);
});

test("encryptedStore() lists on behind a page of nothing but damaged values", async () => {
  const { raw, store } = world();
  for (const name of ["a", "b"])
    await raw.put(`${secrets}n/${name}`, bytes("lighthouse:enc:v1:x"), 0);
  await store.put(`${secrets}n/c`, named("c"), 0);
  const { entries, remaining } = await store.list({ prefix: secrets, limit: 1 });
  expect(entries.map(({ key: name }) => name)).toEqual([`${secrets}n/c`]);
  expect(remaining).toBe(0);
});

test("encryptedStore() opens no value that was moved to another key", async () => {
  const { raw, store } = world();
  await store.put(`${secrets}rich/x`, bytes("canary"), 0);
  await raw.put(`${secrets}thief/x`, (await raw.get(`${secrets}rich/x`))?.value ?? bytes(""), 0);
  await expect(store.get(`${secrets}thief/x`)).rejects.toThrow("it is damaged");
});

test("encryptedStore() tells watchers that an object which broke is gone, and of its end", async () => {
  const { raw, store } = world();
  const { revision } = await store.head();
  const first = await store.put(`${secrets}a/x`, named("x"), 0);
  const broke = await raw.put(`${secrets}a/x`, bytes("lighthouse:enc:v1:nonsense"), first);
  const mended = await store.put(`${secrets}a/x`, named("x"), broke);
  const again = await raw.put(`${secrets}a/x`, bytes("lighthouse:enc:v1:nonsense"), mended);
  const end = await raw.delete(`${secrets}a/x`, again);
  const abort = new AbortController();
  const events = await collect(store.watch(secrets, revision, abort.signal), (_, at) => at >= end);
  expect(
    events.map(({ type, previous }) => `${type} ${previous === undefined ? "new" : "old"}`),
  ).toEqual(["put new", "delete new", "put new", "delete new", "delete new"]);
  expect(text(events.at(-1)?.value)).toBe('{"metadata":{"name":"x","namespace":"a"}}');
});

test("encryptedStore() needs the key that a value was sealed with, and finds it among several", async () => {
  const old = newEncryptionKey(0);
  const keys = { current: { keys: [old], writing: old.id, prefixes: [secrets] } as KeyRing };
  const raw = memoryStore();
  const store = encryptedStore(raw, { ring: () => keys.current });
  await store.put(`${secrets}a/x`, bytes("canary"), 0);
  keys.current = { keys: [key, old], writing: key.id, prefixes: [secrets] };
  expect(text((await store.get(`${secrets}a/x`))?.value)).toBe("canary");
  keys.current = { keys: [key], writing: key.id, prefixes: [secrets] };
  await expect(store.get(`${secrets}a/x`)).rejects.toThrow(
    `with the key ${old.id}, which is not in`,
  );
});

test("encryptedStore() shows the newest value, however often it was read before", async () => {
  const { store } = world();
  const large = Buffer.alloc(3 << 20, 1);
  let at = await store.put(`${secrets}a/x`, bytes("one"), 0);
  await store.put(`${secrets}a/y`, large, 0);
  await store.put(`${secrets}a/z`, large, 0);
  for (const value of ["one", "two", "three"]) {
    if (value !== "one") at = await store.put(`${secrets}a/x`, bytes(value), at);
    for (const name of ["x", "y", "z", "x"]) await store.get(`${secrets}a/${name}`);
    expect(text((await store.get(`${secrets}a/x`))?.value)).toBe(value);
  }
  await store.delete(`${secrets}a/x`, at);
  expect(await store.get(`${secrets}a/x`)).toBeUndefined();
});

test("refresh() makes watchers list again", async () => {
  const { store } = world();
  const { revision } = await store.head();
  const abort = new AbortController();
  const watching = store.watch(secrets, revision, abort.signal)[Symbol.asyncIterator]();
  await watching.next();
  const next = watching.next();
  store.refresh();
  await expect(next).rejects.toThrow("Cannot watch on");
});

test("encryptionKey() has an id of its own for each key, and shows no key in its errors", () => {
  expect(encryptionKey(new Uint8Array(32), 0).id).not.toBe(
    encryptionKey(new Uint8Array(32).fill(1), 0).id,
  );
  expect(() => encryptionKey(bytes("canary"), 0)).toThrow("has 6 bytes, expected 32");
});
