import { assert, jsonValue, property } from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, equalJson, isJsonObject } from "./equality.ts";

test.each([
  ["the order of fields does not count", { a: 1, b: 2 }, { b: 2, a: 1 }, true],
  ["the order of items counts", [1, 2], [2, 1], false],
  ["lengths differ", [1], [1, 2], false],
  ["an undefined field is an absent one", { a: 1, b: undefined }, { a: 1 }, true],
  ["null is not absent", { a: null }, {}, false],
  ["another field, same count", { a: 1 }, { b: 1 }, false],
  ["an array is no object", [], {}, false],
  ["an object is no array", {}, [], false],
  ["a scalar is no object", 1, {}, false],
  ["null is no object", null, {}, false],
  ["nested", { a: [{ b: "x" }] }, { a: [{ b: "x" }] }, true],
  ["nested difference", { a: [{ b: "x" }] }, { a: [{ b: "y" }] }, false],
  ["inherited fields do not count", { toString: "x" }, { valueOf: "x" }, false],
])("equalJson() %s", (_why, left, right, want) => {
  expect(equalJson(left, right)).toBe(want);
});

test("equalJson() holds between a value and its copy, and so do their texts", () => {
  assert(
    property(jsonValue({ maxDepth: 3 }), (value) => {
      const copy: unknown = JSON.parse(JSON.stringify(value));
      expect(equalJson(copy, JSON.parse(JSON.stringify(copy)))).toBe(true);
      expect(canonicalJson(copy)).toBe(canonicalJson(JSON.parse(JSON.stringify(copy))));
    }),
  );
});

test("canonicalJson() sorts fields on every level", () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
});

test("isJsonObject() tells objects from the rest", () => {
  expect([{}, [], null, "x", 1].map(isJsonObject)).toEqual([true, false, false, false, false]);
});
