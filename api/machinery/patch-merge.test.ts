import { assert, dictionary, letrec, oneof, integer, array, property, string } from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "./equality.ts";
import { applyMergePatch, createMergePatch } from "./patch-merge.ts";

// The first fifteen are appendix A of RFC 7386.
test.each([
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  [{ metadata: { labels: { a: "1" } } }, { metadata: { labels: null } }, { metadata: {} }],
])("applyMergePatch(%j, %j)", (target, patch, want) => {
  expect(applyMergePatch(target, patch)).toEqual(want);
});

test("applyMergePatch() leaves its arguments and every prototype alone", () => {
  const target = { a: { b: 1 } };
  const patch: unknown = JSON.parse('{"__proto__":{"polluted":true},"a":{"c":2}}');
  const patched = applyMergePatch(target, patch);
  expect(target).toEqual({ a: { b: 1 } });
  expect(Object.hasOwn(patched as object, "__proto__")).toBe(true);
  expect("polluted" in {}).toBe(false);
});

test.each([
  [{ a: 1 }, { a: 1 }, {}],
  [{ a: 1 }, {}, { a: null }],
  [{ a: 1 }, { a: undefined }, { a: null }],
  [{}, { a: { b: 1 } }, { a: { b: 1 } }],
  [{ a: { b: 1, c: 1 } }, { a: { b: 2, c: 1 } }, { a: { b: 2 } }],
  [{ a: [1] }, { a: [1, 2] }, { a: [1, 2] }],
  [{ a: { b: 1 } }, { a: 3 }, { a: 3 }],
])("createMergePatch(%j, %j)", (before, after, want) => {
  expect(createMergePatch(before as JsonObject, after as JsonObject)).toEqual(want);
});

const { tree } = letrec<{ tree: JsonObject }>((tie) => ({
  tree: dictionary(
    string({ maxLength: 2 }),
    oneof({ maxDepth: 3 }, integer(), string(), array(integer()), tie("tree")),
    { maxKeys: 4 },
  ),
}));

test("applyMergePatch() undoes createMergePatch()", () => {
  assert(
    property(tree, tree, (before, after) => {
      const patched = applyMergePatch(before, createMergePatch(before, after));
      expect(JSON.parse(JSON.stringify(patched))).toEqual(JSON.parse(JSON.stringify(after)));
    }),
  );
});
