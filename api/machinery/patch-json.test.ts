import { expect, test } from "vitest";
import { reasonOf } from "./errors.ts";
import { applyJsonPatch, jsonPatchLimits } from "./patch-json.ts";

const proto = "__proto__";

test.each<[string, unknown, unknown[], unknown]>([
  ["adds a field", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
  ["adds over a field", { a: 1 }, [{ op: "add", path: "/a", value: 2 }], { a: 2 }],
  ["adds null", {}, [{ op: "add", path: "/a", value: null }], { a: null }],
  ["adds at the front", [2], [{ op: "add", path: "/0", value: 1 }], [1, 2]],
  ["adds at the end", [1], [{ op: "add", path: "/1", value: 2 }], [1, 2]],
  ["appends", [1], [{ op: "add", path: "/-", value: [2] }], [1, [2]]],
  ["replaces the document", { a: 1 }, [{ op: "add", path: "", value: [3] }], [3]],
  ["removes a field", { a: 1, b: 2 }, [{ op: "remove", path: "/a" }], { b: 2 }],
  ["removes an item", [1, 2, 3], [{ op: "remove", path: "/1" }], [1, 3]],
  ["replaces a field", { a: 1 }, [{ op: "replace", path: "/a", value: { b: 1 } }], { a: { b: 1 } }],
  ["replaces a field that is absent", {}, [{ op: "replace", path: "/a", value: 1 }], { a: 1 }],
  ["replaces an item", [1, 2], [{ op: "replace", path: "/1", value: 9 }], [1, 9]],
  ["replaces the root", 1, [{ op: "replace", path: "", value: 2 }], 2],
  [
    "moves",
    { a: { b: 1 }, c: {} },
    [{ op: "move", from: "/a/b", path: "/c/d" }],
    { a: {}, c: { d: 1 } },
  ],
  ["moves within an array", [1, 2, 3], [{ op: "move", from: "/0", path: "/2" }], [2, 3, 1]],
  ["moves onto itself", { a: 1 }, [{ op: "move", from: "/a", path: "/a" }], { a: 1 }],
  ["copies", { a: [1] }, [{ op: "copy", from: "/a", path: "/b" }], { a: [1], b: [1] }],
  [
    "tests whatever the order",
    { a: { x: 1, y: 2 } },
    [{ op: "test", path: "/a", value: { y: 2, x: 1 } }],
    { a: { x: 1, y: 2 } },
  ],
  ["tests null", { a: null }, [{ op: "test", path: "/a", value: null }], { a: null }],
  ["tests that a field is absent", {}, [{ op: "test", path: "/a", value: null }], {}],
  [
    "reads ~1 and ~0",
    { "a/b": 1, "m~n": 2, "~1": 3 },
    [
      { op: "remove", path: "/a~1b" },
      { op: "remove", path: "/m~0n" },
      { op: "test", path: "/~01", value: 3 },
    ],
    { "~1": 3 },
  ],
  [
    "reads empty names",
    { "": { "": 1 } },
    [{ op: "replace", path: "//", value: 2 }],
    { "": { "": 2 } },
  ],
  ["ignores unknown members", { a: 1 }, [{ op: "remove", path: "/a", extra: 1 }], {}],
  ["does nothing", { a: 1 }, [], { a: 1 }],
])("applyJsonPatch() %s", (_why, document, patch, want) => {
  const before = structuredClone(document);
  expect(applyJsonPatch(document, patch)).toEqual(want);
  expect(document).toEqual(before);
});

test.each<[string, unknown, unknown, string]>([
  ["no array", {}, { op: "add" }, "BadRequest"],
  ["no object", {}, [1], "BadRequest"],
  ["no op", {}, [{ path: "/a" }], "BadRequest"],
  ["an unknown op", {}, [{ op: "spam", path: "/a" }], "BadRequest"],
  ["no path", {}, [{ op: "remove" }], "BadRequest"],
  ["no value", {}, [{ op: "add", path: "/a" }], "BadRequest"],
  ["no from", {}, [{ op: "copy", path: "/a" }], "BadRequest"],
  ["a path without slash", {}, [{ op: "remove", path: "a" }], "BadRequest"],
  ["a bad escape", {}, [{ op: "remove", path: "/a~2" }], "BadRequest"],
  ["a missing field", {}, [{ op: "remove", path: "/a" }], "Invalid"],
  ["replace below a missing field", {}, [{ op: "replace", path: "/a/b", value: 1 }], "Invalid"],
  ["replace of a missing item", [1], [{ op: "replace", path: "/1", value: 1 }], "Invalid"],
  ["replace in a scalar", { a: 1 }, [{ op: "replace", path: "/a/b", value: 1 }], "Invalid"],
  ["test of a missing field", {}, [{ op: "test", path: "/a", value: 1 }], "Invalid"],
  ["copy of a missing field", {}, [{ op: "copy", from: "/a", path: "/b" }], "Invalid"],
  ["a missing parent", {}, [{ op: "add", path: "/a/b", value: 1 }], "Invalid"],
  ["a scalar parent", { a: 1 }, [{ op: "add", path: "/a/b", value: 1 }], "Invalid"],
  ["an index past the end", [1], [{ op: "add", path: "/2", value: 1 }], "Invalid"],
  ["removal past the end", [1], [{ op: "remove", path: "/1" }], "Invalid"],
  ["removal of -", [1], [{ op: "remove", path: "/-" }], "Invalid"],
  ["a leading zero", [1, 2], [{ op: "remove", path: "/01" }], "Invalid"],
  ["a negative index", [1], [{ op: "remove", path: "/-1" }], "Invalid"],
  ["an index like 1e0", [1, 2], [{ op: "replace", path: "/1e0", value: 2 }], "Invalid"],
  ["length of an array", [1], [{ op: "remove", path: "/length" }], "Invalid"],
  ["a failing test", { a: 1 }, [{ op: "test", path: "/a", value: "1" }], "Invalid"],
  ["a move into itself", { a: {} }, [{ op: "move", from: "/a", path: "/a/b" }], "Invalid"],
  ["a move onto itself of nothing", {}, [{ op: "move", from: "/a", path: "/a" }], "Invalid"],
  ["inherited fields", {}, [{ op: "test", path: "/constructor/name", value: "Object" }], "Invalid"],
  ["the prototype", {}, [{ op: "add", path: `/${proto}/x`, value: 1 }], "Invalid"],
])("applyJsonPatch() refuses %s", (_why, document, patch, reason) => {
  let caught: unknown;
  try {
    applyJsonPatch(document, patch);
  } catch (err) {
    caught = err;
  }
  expect(reasonOf(caught)).toBe(reason);
});

test("applyJsonPatch() names the operation that fails", () => {
  const patch = [
    { op: "test", path: "/a", value: 1 },
    { op: "remove", path: "/spec/b" },
  ];
  expect(() => applyJsonPatch({ a: 1, spec: {} }, patch)).toThrow(
    'Cannot apply JSON patch: operation 1 (remove /spec/b): "b" does not exist',
  );
});

test("applyJsonPatch() defines __proto__ as a field and changes no prototype", () => {
  const patched = applyJsonPatch({}, [{ op: "add", path: `/${proto}`, value: { polluted: 1 } }]);
  expect(Object.hasOwn(patched as object, proto)).toBe(true);
  expect(Object.getPrototypeOf(patched)).toBe(Object.prototype);
  expect("polluted" in {}).toBe(false);
});

test("applyJsonPatch() bounds the operations and what copies add", () => {
  const one = { op: "test", path: "", value: 1 };
  const most = Array.from({ length: jsonPatchLimits.operations }, () => one);
  expect(applyJsonPatch(1, most)).toBe(1);
  expect(() => applyJsonPatch(1, [...most, one])).toThrow(
    "The allowed maximum operations in a JSON patch is 10000, got 10001",
  );
  const doubling = Array.from({ length: 40 }, () => ({ op: "copy", from: "", path: "/-" }));
  expect(() => applyJsonPatch([], doubling)).toThrow("copies exceed 3145728 bytes");
});
