import { assert, option, property, record, string } from "fast-check";
import { expect, test } from "vitest";
import { checkKey, collectionPrefix, compareKeys, parseStoreKey, storeKey } from "./keys.ts";

const pods = { group: "", plural: "pods" };
const apps = { group: "lighthouse.dev", plural: "applications" };

test.each([
  [
    "a namespaced object",
    pods,
    { namespace: "shop", name: "web-1" },
    "/registry/core/pods/shop/web-1",
  ],
  ["a cluster-scoped object", apps, { name: "web" }, "/registry/lighthouse.dev/applications/web"],
  [
    "a name that needs escaping",
    pods,
    { name: "system:a/b" },
    "/registry/core/pods/system%3Aa%2Fb",
  ],
  [
    "a group that is called core",
    { group: "core", plural: "pods" },
    { name: "x" },
    "/registry/%63ore/pods/x",
  ],
])("storeKey() places %s", (_what, collection, key, want) => {
  expect(storeKey(collection, key)).toBe(want);
  expect(parseStoreKey(want)).toEqual({ collection, key });
});

test("collectionPrefix() ends where the next namespace begins", () => {
  expect(collectionPrefix(pods)).toBe("/registry/core/pods/");
  expect(collectionPrefix(pods, "shop")).toBe("/registry/core/pods/shop/");
  expect(storeKey(pods, { namespace: "shop-2", name: "a" })).not.toContain(
    collectionPrefix(pods, "shop"),
  );
});

test("storeKey() and parseStoreKey() are inverse, and no two objects share a key", () => {
  const segment = string({ minLength: 1, unit: "grapheme" });
  const stored = record({
    collection: record({ group: string({ unit: "grapheme" }), plural: segment }),
    key: record({ namespace: option(segment, { nil: undefined }), name: segment }),
  });
  assert(
    property(stored, ({ collection, key: { namespace, name } }) => {
      const key = namespace === undefined ? { name } : { namespace, name };
      expect(parseStoreKey(storeKey(collection, key))).toEqual({ collection, key });
    }),
  );
});

test.each(["", "/registry", "/registry/core/pods", "/registry/core//x", "/other/core/pods/x"])(
  "parseStoreKey() knows no object behind %j",
  (text) => {
    expect(parseStoreKey(text)).toBeUndefined();
  },
);

test("storeKey() refuses an empty name", () => {
  expect(() => storeKey(pods, { name: "" })).toThrow("empty name");
});

test("checkKey() refuses what no driver can store", () => {
  expect(() => checkKey("")).toThrow("begin with a slash");
  expect(() => checkKey("a")).toThrow("begin with a slash");
  expect(() => checkKey("/a\0b")).toThrow("begin with a slash");
  expect(() => checkKey(`/${"ä".repeat(1_000)}`)).toThrow("2001 bytes");
});

test("compareKeys() orders as the bytes do", () => {
  const unit = string({ unit: "grapheme" });
  assert(
    property(unit, unit, (a, b) => {
      expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});
