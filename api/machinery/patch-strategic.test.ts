import { expect, test } from "vitest";
import type { JsonObject } from "./equality.ts";
import { reasonOf } from "./errors.ts";
import { applyStrategicPatch } from "./patch-strategic.ts";

const spec = (containers: unknown): JsonObject => ({ spec: { containers } });
const [a, b, c] = ["a", "b", "c"].map((name) => ({ name, image: `${name}:1` }));

test.each<[string, JsonObject, unknown, unknown]>([
  [
    "merges items by their key",
    spec([a, b]),
    spec([{ name: "b", image: "b:2" }]),
    spec([a, { name: "b", image: "b:2" }]),
  ],
  [
    "puts unknown items before those that it does not name, without nulls",
    spec([a]),
    spec([{ ...b, command: null }]),
    spec([b, a]),
  ],
  ["keeps the order of the patch", spec([a, b]), spec([c, b, a]), spec([c, b, a])],
  [
    "keeps what it does not name before what followed",
    spec([a, b, c]),
    spec([{ name: "d" }, { name: "c" }]),
    spec([{ name: "d" }, a, b, c]),
  ],
  ["creates the list", { spec: {} }, spec([a]), spec([a])],
  ["creates the object", {}, spec([a]), spec([a])],
  ["deletes an item", spec([a, b]), spec([{ name: "a", $patch: "delete" }]), spec([b])],
  ["replaces a list by directive", spec([a, b]), spec([{ $patch: "replace" }, c]), spec([c])],
  ["empties a list by directive", spec([a, b]), spec([{ $patch: "replace" }]), spec([])],
  [
    "ignores deletions from an absent list",
    { spec: {} },
    spec([{ name: "a", $patch: "delete" }]),
    spec([]),
  ],
  [
    "merges below items",
    spec([{ name: "a", env: [{ name: "X", value: "1" }] }]),
    spec([{ name: "a", env: [{ name: "Y", value: "2" }] }]),
    spec([
      {
        name: "a",
        env: [
          { name: "Y", value: "2" },
          { name: "X", value: "1" },
        ],
      },
    ]),
  ],
  [
    "replaces lists without a key",
    { spec: { tolerations: [{ key: "x" }] } },
    { spec: { tolerations: [{ key: "y" }] } },
    { spec: { tolerations: [{ key: "y" }] } },
  ],
  ["deletes a field", { spec: { nodeName: "n" } }, { spec: { nodeName: null } }, { spec: {} }],
  ["replaces a scalar by an object", { spec: 1 }, { spec: { x: 1 } }, { spec: { x: 1 } }],
  ["replaces a wrong type by a list", { spec: { containers: 1 } }, spec([a]), spec([a])],
  [
    "replaces an object by directive",
    { spec: { x: 1, y: 2 } },
    { spec: { $patch: "replace", z: 3 } },
    { spec: { z: 3 } },
  ],
  [
    "empties an object by directive",
    { spec: { x: 1 } },
    { spec: { $patch: "delete" } },
    { spec: {} },
  ],
  [
    "merges by directive",
    { spec: { x: 1 } },
    { spec: { $patch: "merge", y: 2 } },
    { spec: { x: 1, y: 2 } },
  ],
  [
    "merges sets of scalars once",
    { metadata: { finalizers: ["a", "b"] } },
    { metadata: { finalizers: ["b", "c", "c"] } },
    { metadata: { finalizers: ["a", "b", "c"] } },
  ],
  [
    "deletes scalars",
    { metadata: { finalizers: ["a", "b"] } },
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["a", "x"] } },
    { metadata: { finalizers: ["b"] } },
  ],
  [
    "deletes scalars of an absent list",
    { metadata: {} },
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] } },
    { metadata: {} },
  ],
  [
    "retains only the keys named, so that one volume source replaces another",
    { spec: { volumes: [{ name: "v", emptyDir: {} }] } },
    {
      spec: {
        volumes: [{ name: "v", hostPath: { path: "/x" }, $retainKeys: ["name", "hostPath"] }],
      },
    },
    { spec: { volumes: [{ name: "v", hostPath: { path: "/x" } }] } },
  ],
  [
    "may delete by null what is not retained",
    { spec: { x: 1, y: 2 } },
    { spec: { $retainKeys: ["y"], x: null } },
    { spec: { y: 2 } },
  ],
  [
    "reorders",
    spec([a, b, c]),
    { spec: { "$setElementOrder/containers": [{ name: "c" }, { name: "a" }, { name: "b" }] } },
    spec([c, a, b]),
  ],
  [
    "keeps items only the server knows before those they preceded",
    spec([{ name: "s" }, a, { name: "t" }, b]),
    {
      spec: {
        "$setElementOrder/containers": [{ name: "b" }, { name: "c" }, { name: "a" }],
        containers: [c],
      },
    },
    spec([{ name: "s" }, { name: "t" }, b, c, a]),
  ],
  [
    "puts items nobody placed behind",
    spec([a, { name: "s" }]),
    { spec: { "$setElementOrder/containers": [{ name: "a" }] } },
    spec([a, { name: "s" }]),
  ],
  [
    "orders a deletion, an addition and scalars",
    { metadata: { finalizers: ["a", "b"] } },
    {
      metadata: {
        "$setElementOrder/finalizers": ["c", "b"],
        "$deleteFromPrimitiveList/finalizers": ["a"],
        finalizers: ["c"],
      },
    },
    { metadata: { finalizers: ["c", "b"] } },
  ],
  [
    "ignores an order for a list that nobody has",
    { spec: {} },
    { spec: { "$setElementOrder/containers": [{ name: "a" }] } },
    { spec: {} },
  ],
  [
    "deletes a list whose order is given",
    spec([a]),
    { spec: { "$setElementOrder/containers": [], containers: null } },
    { spec: {} },
  ],
  [
    "creates a list in the given order",
    { spec: {} },
    {
      spec: {
        "$setElementOrder/containers": [{ name: "a" }, { name: "b" }],
        containers: [a, b],
      },
    },
    spec([a, b]),
  ],
  [
    "deletes an item whose order is given",
    spec([a, b]),
    {
      spec: {
        "$setElementOrder/containers": [{ name: "b" }],
        containers: [{ name: "a", $patch: "delete" }],
      },
    },
    spec([b]),
  ],
  [
    "drops directives from what it creates",
    {},
    {
      spec: {
        "$setElementOrder/containers": [{ name: "a" }],
        containers: [{ ...a, "$setElementOrder/env": [], "$deleteFromPrimitiveList/args": [] }],
        volumes: [{ name: "v", $retainKeys: ["name"] }],
      },
    },
    { spec: { containers: [a], volumes: [{ name: "v" }] } },
  ],
])("applyStrategicPatch() %s", (_why, target, patch, want) => {
  const before = structuredClone(target);
  expect(applyStrategicPatch("Pod", target, patch)).toEqual(want);
  expect(target).toEqual(before);
});

test.each<[string, unknown, string]>([
  ["a list", [], "BadRequest"],
  ["an item without key", spec([{ image: "x" }]), "Invalid"],
  ["a scalar item", spec(["x"]), "Invalid"],
  ["an unknown directive", { spec: { $patch: "explode" } }, "BadRequest"],
  ["an unknown directive of an item", spec([{ name: "a", $patch: "merge" }]), "BadRequest"],
  ["an order that is none", { spec: { "$setElementOrder/containers": 1 } }, "BadRequest"],
  [
    "an order that lacks an item",
    { spec: { "$setElementOrder/containers": [{ name: "a" }], containers: [c] } },
    "BadRequest",
  ],
  [
    "an order that contradicts the items",
    {
      spec: {
        "$setElementOrder/containers": [{ name: "a" }, { name: "b" }],
        containers: [b, a],
      },
    },
    "BadRequest",
  ],
  ["retained keys that lack a field", { spec: { $retainKeys: ["x"], y: 1 } }, "BadRequest"],
])("applyStrategicPatch() refuses %s", (_why, patch, reason) => {
  let caught: unknown;
  try {
    applyStrategicPatch("Pod", spec([a, b]), patch);
  } catch (err) {
    caught = err;
  }
  expect(reasonOf(caught)).toBe(reason);
});

test("applyStrategicPatch() knows metadata of kinds that are not in the table", () => {
  const owners = (uid: string): JsonObject => ({ metadata: { ownerReferences: [{ uid }] } });
  for (const kind of ["ConfigMap", "constructor"]) {
    expect(applyStrategicPatch(kind, owners("1"), owners("2"))).toEqual({
      metadata: { ownerReferences: [{ uid: "2" }, { uid: "1" }] },
    });
  }
});

test("applyStrategicPatch() changes no prototype", () => {
  const patch: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"x":[1]}}');
  const patched = applyStrategicPatch("Pod", {}, patch) as object;
  expect(Object.keys(patched)).toEqual(["__proto__", "constructor"]);
  expect("polluted" in {}).toBe(false);
});
