import { expect, test } from "vitest";
import type { KubeObject } from "../machinery/object.ts";
import { createCache } from "./cache.ts";

const object = (
  name: string,
  version: string,
  over: Partial<KubeObject["metadata"]> = {},
): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "shop",
    uid: name,
    resourceVersion: version,
    creationTimestamp: "",
    ...over,
  },
});
const byApp = { app: ({ metadata }: KubeObject) => [metadata.labels?.["app"] ?? ""] };
const names = (objects: readonly KubeObject[]): string =>
  objects.map(({ metadata }) => metadata.name).join();

test("cache.by() follows an object whose index value changed", () => {
  const cache = createCache(byApp);
  cache.put(object("a", "1", { labels: { app: "web" } }));
  cache.put(object("b", "2", { labels: { app: "web" } }));
  cache.put(object("a", "3", { labels: { app: "api" } }));
  expect(names(cache.by("app", "web"))).toBe("b");
  expect(names(cache.by("app", "api"))).toBe("a");
  cache.remove({ namespace: "shop", name: "b" });
  expect(cache.by("app", "web")).toEqual([]);
});

test("cache.index() files what is already there", () => {
  const cache = createCache<KubeObject>();
  cache.put(object("a", "1", { labels: { app: "web" } }));
  cache.index(byApp);
  cache.index(byApp);
  expect(names(cache.by("app", "web"))).toBe("a");
  expect(() => cache.index({ app: () => [] })).toThrow('Cannot add index "app"');
  expect(() => cache.by("node", "x")).toThrow('Cannot look up by "node"');
});

test("cache.list() tells namespaces apart", () => {
  const cache = createCache<KubeObject>();
  cache.replace([object("a", "1"), object("a", "2", { namespace: "other", uid: "o" })]);
  expect(names(cache.list())).toBe("a,a");
  expect(cache.list("other").map(({ metadata }) => metadata.uid)).toEqual(["o"]);
  expect(cache.list("none")).toEqual([]);
});

test("cache.replace() reports only differences", () => {
  const cache = createCache<KubeObject>();
  cache.replace([object("a", "1"), object("b", "1"), object("c", "1"), object("d", "1")]);
  const changes = cache.replace([
    object("a", "1"),
    object("b", "2"),
    object("d", "2", { uid: "d2" }),
  ]);
  const told = changes.map((change) => {
    const { metadata } = change.type === "deleted" ? change.before : change.after;
    return `${change.type} ${metadata.uid}`;
  });
  expect(told).toEqual(["deleted c", "updated b", "deleted d", "added d2"]);
});

test("cache freezes its objects to the leaves", () => {
  const cache = createCache<KubeObject>();
  cache.put(object("a", "1", { labels: { app: "web" } }));
  const labels = cache.get({ namespace: "shop", name: "a" })?.metadata.labels as Record<
    string,
    string
  >;
  expect(() => {
    labels["app"] = "api";
  }).toThrow(TypeError);
});
