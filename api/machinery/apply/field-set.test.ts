import { array, assert, constantFrom, property } from "fast-check";
import { describe, expect, test } from "vitest";
import {
  deepDifference,
  difference,
  equalSets,
  type FieldSet,
  hasPath,
  intersection,
  parseFieldSet,
  pathsOf,
  setOf,
  sortedSet,
  union,
} from "./field-set.ts";
import { compareElements, elementText, pathText } from "./path-element.ts";

const leaf = {};

describe("parseFieldSet()", () => {
  test.each([
    ["nothing", undefined, {}],
    ["a leaf", { "f:a": {} }, { "f:a": {} }],
    ["a marked leaf", { "f:a": { ".": {} } }, { "f:a": {} }],
    ["a marked root", { ".": {}, "f:a": {} }, { "f:a": {} }],
    ["keys in another order", { 'k:{"b":1,"a":"x"}': {} }, { 'k:{"a":"x","b":1}': {} }],
    ["a number that is written long", { "v:1.0": {} }, { "v:1": {} }],
    ["escapes", { 'v:"\\u003c"': {} }, { 'v:"<"': {} }],
    ["a place", { "i:07": {} }, { "i:7": {} }],
    ["an element of a later version", { "x:y": {}, "f:a": {} }, { "f:a": {} }],
  ])("reads %s", (_name, raw, want) => {
    expect(parseFieldSet(raw)).toEqual(want);
  });

  test.each([
    ["a text", "f:a"],
    ["a list", ["f:a"]],
    ["an element without a type", { a: {} }],
    ["an element without a colon", { fa: {} }],
    ["a value that is no JSON", { "v:x": {} }],
    ["keys that are no object", { "k:1": {} }],
    ["a place that is no number", { "i:x": {} }],
    ["a leaf that is a text", { "f:a": "" }],
  ])("refuses %s", (_name, raw) => {
    expect(() => parseFieldSet(raw)).toThrow(Error);
  });
});

const a = setOf(["f:a"], ["f:a", "f:b"], ["f:c", "f:d"]);
const b = setOf(["f:a"], ["f:c"], ["f:c", "f:d"], ["f:e"]);

test.each([
  ["union", union(a, b), [["f:a"], ["f:c"], ["f:e"], ["f:a", "f:b"], ["f:c", "f:d"]]],
  ["intersection", intersection(a, b), [["f:a"], ["f:c", "f:d"]]],
  ["difference", difference(a, b), [["f:a", "f:b"]]],
  ["difference the other way", difference(b, a), [["f:c"], ["f:e"]]],
  ["deep difference", deepDifference(a, b), []],
  ["deep difference the other way", deepDifference(b, a), [["f:c"], ["f:e"]]],
])("%s of two sets", (_name, set, paths) => {
  expect(pathsOf(set)).toEqual(paths);
});

const paths = array(array(constantFrom("f:a", "f:b", 'v:"x"'), { minLength: 1, maxLength: 3 }), {
  maxLength: 6,
});
const textOf = (set: FieldSet): ReadonlySet<string> => new Set(pathsOf(set).map(pathText));

test("sets behave as sets of paths", () => {
  assert(
    property(paths, paths, (left, right) => {
      const [one, other] = [setOf(...left), setOf(...right)];
      const [lefts, rights] = [textOf(one), textOf(other)];
      expect(lefts).toEqual(new Set(left.map(pathText)));
      expect(textOf(union(one, other))).toEqual(new Set([...lefts, ...rights]));
      const [both, only] = [
        [...lefts].filter((path) => rights.has(path)),
        [...lefts].filter((path) => !rights.has(path)),
      ];
      expect(textOf(intersection(one, other))).toEqual(new Set(both));
      expect(textOf(difference(one, other))).toEqual(new Set(only));
      expect(equalSets(parseFieldSet(JSON.parse(JSON.stringify(one))), one)).toBe(true);
      for (const path of left) expect(hasPath(one, path)).toBe(true);
    }),
  );
});

test("a set that loses nothing stays the same object", () => {
  expect(difference(a, setOf(["f:x"], ["f:a", "f:x"]))).toBe(a);
  expect(union(a, {})).toBe(a);
  expect(hasPath(a, [])).toBe(false);
});

test("elements stand in the order of Kubernetes", () => {
  const elements = [
    "i:1",
    "v:true",
    'v:"a"',
    "v:2",
    "v:10",
    'k:{"a":2}',
    'k:{"a":1,"b":1}',
    'k:{"a":1}',
    "f:b",
    "f:a",
  ];
  expect(elements.toSorted(compareElements)).toEqual([
    "f:a",
    "f:b",
    'k:{"a":1}',
    'k:{"a":1,"b":1}',
    'k:{"a":2}',
    "v:2",
    "v:10",
    'v:"a"',
    "v:true",
    "i:1",
  ]);
  expect(Object.keys(sortedSet({ "f:b": leaf, "f:a": leaf }))).toEqual(["f:a", "f:b"]);
});

test.each([
  ["f:image", ".image"],
  ['k:{"name":"web"}', '[name="web"]'],
  ['k:{"containerPort":80,"protocol":"TCP"}', '[containerPort=80,protocol="TCP"]'],
  ['v:"a"', '[="a"]'],
  ["v:1", "[=1]"],
  ["i:0", "[0]"],
])("elementText(%s) is %s", (element, text) => {
  expect(elementText(element)).toBe(text);
});
