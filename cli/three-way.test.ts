import { expect, test } from "vitest";
import { threeWayPatch } from "./three-way.ts";

test.each([
  ["nothing to do", { a: 1 }, { a: 1 }, { a: 1, other: 2 }, undefined],
  ["a field of the file is set", {}, { a: 1 }, {}, { a: 1 }],
  ["a changed field is set again", { a: 1 }, { a: 1 }, { a: 2 }, { a: 1 }],
  ["a field that left the file is removed", { a: 1 }, {}, { a: 1 }, { a: null }],
  ["a field that left the file and the object is left alone", { a: 1 }, {}, {}, undefined],
  ["a field of somebody else stays", {}, { a: 1 }, { a: 1, b: 2 }, undefined],
  ["maps merge", { m: { x: 1 } }, { m: { y: 2 } }, { m: { x: 1, z: 3 } }, { m: { y: 2, x: null } }],
  ["a list is one value", {}, { l: [1, 2] }, { l: [1] }, { l: [1, 2] }],
  ["equal lists of maps are equal", {}, { l: [{ a: [1] }] }, { l: [{ a: [1] }] }, undefined],
  ["a scalar becomes a map", {}, { m: { x: 1 } }, { m: 1 }, { m: { x: 1 } }],
  ["null in the file removes", {}, { a: null }, { a: 1 }, { a: null }],
] as const)("threeWayPatch() %s", (...row) => {
  const [, before, wanted, live, want] = row;
  expect(threeWayPatch(before, wanted, live)).toEqual(want);
});
