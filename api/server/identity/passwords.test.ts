import { expect, test } from "vitest";
import type { User } from "../../../crds/types.gen.ts";
import { manualClock } from "../../../test/kit/clock.ts";
import { openWatchCache } from "../../store/watch-cache.ts";
import { itemOf } from "../../store/item.ts";
import { memoryStore } from "../../store/memory.ts";
import { textIn } from "../kinds/fill.ts";
import { keyOf } from "./collections.ts";
import { hashQueue } from "./hash-queue.ts";
import { openPasswords } from "./passwords.ts";

const cheap = { memoryKiB: 8, passes: 1, lanes: 1 };
const ann: User = {
  apiVersion: "lighthouse.dev/v1",
  kind: "User",
  metadata: {
    name: "ann",
    uid: "uid-of-ann",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
  },
  spec: { email: "ann@example.com", disabled: false },
};

async function rig() {
  const store = memoryStore();
  const cache = await openWatchCache(store);
  const queue = hashQueue({ width: 1, maxWaiting: 10 });
  let reads = 0;
  const counting = new Proxy(store, {
    get(target, name) {
      if (name === "get") reads += 1;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const options = { storage: { store: counting, cache }, clock: manualClock(), queue };
  const hashOf = async (uid: string): Promise<string> => {
    const key = keyOf.password(uid);
    const entry = await store.get(key);
    return entry === undefined ? "" : textIn(itemOf(key, entry.value, entry.at).object, "hash");
  };
  return {
    hashOf,
    reads: () => reads,
    at: (cost: typeof cheap) => openPasswords({ ...options, cost }),
    async [Symbol.asyncDispose]() {
      await cache[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

test("a password fits its User alone, and the last one counts", async () => {
  await using app = await rig();
  const passwords = app.at(cheap);
  expect(await passwords.fits(ann, "one")).toBe(false);
  await passwords.set(ann, "one");
  await passwords.set(ann, "two");
  expect(await passwords.fits(ann, "one")).toBe(false);
  expect(await passwords.fits(ann, "two")).toBe(true);
  expect(await passwords.fits(undefined, "two")).toBe(false);
  const another: User = { ...ann, metadata: { ...ann.metadata, uid: "made-anew" } };
  expect(await passwords.fits(another, "two")).toBe(false);
});

test("a hash that is cheaper than new ones is made anew when the password is there", async () => {
  await using app = await rig();
  await app.at(cheap).set(ann, "one");
  const dearer = app.at({ ...cheap, passes: 3 });
  expect(await dearer.fits(ann, "wrong")).toBe(false);
  expect(await app.hashOf("uid-of-ann")).toContain("t=1");
  expect(await dearer.fits(ann, "one")).toBe(true);
  expect(await app.hashOf("uid-of-ann")).toContain("t=3");
  expect(await dearer.fits(ann, "one")).toBe(true);
});

test("for whom nobody knows the store is asked as often as for a User", async () => {
  await using app = await rig();
  const passwords = app.at(cheap);
  await passwords.set(ann, "one");
  const readsOf = async (user: User | undefined): Promise<number> => {
    const before = app.reads();
    await passwords.fits(user, "wrong");
    return app.reads() - before;
  };
  expect(await readsOf(undefined)).toBe(await readsOf(ann));
});
