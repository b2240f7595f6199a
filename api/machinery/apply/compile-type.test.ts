import { describe, expect, test } from "vitest";
import type { JsonObject } from "../equality.ts";
import { typeCompiler } from "./compile-type.ts";
import { deduced, untyped } from "./field-type.ts";
import { configProblems } from "./validate.ts";

const compile = (schema: JsonObject, definitions: Readonly<Record<string, JsonObject>> = {}) =>
  typeCompiler((name) => definitions[name]).compile(schema);
const text = { type: "string" };

test.each([
  ["text", text, { scalar: "string" }],
  ["bytes", { ...text, format: "byte" }, { scalar: "string" }],
  [
    "a time: it may be written in several ways",
    { ...text, format: "date-time" },
    { scalar: "untyped" },
  ],
  ["a number", { type: "integer" }, { scalar: "numeric" }],
  ["a truth", { type: "boolean" }, { scalar: "boolean" }],
  [
    "a quantity",
    { $ref: "#/x/io.k8s.apimachinery.pkg.api.resource.Quantity" },
    { scalar: "untyped" },
  ],
  ["an unknown definition", { $ref: "#/x/nowhere" }, untyped],
])("compile() of %s", (_name, schema, want) => {
  expect(compile(schema)).toEqual(want);
});

describe("a list", () => {
  const list = (keywords: JsonObject): unknown => {
    const { relation, keys } = compile({ type: "array", items: text, ...keywords }).list ?? {};
    return [relation, keys];
  };
  test.each([
    ["is atomic", {}, ["atomic", []]],
    ["is a set", { "x-kubernetes-list-type": "set" }, ["set", []]],
    [
      "has keys, in the order of their names",
      { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["b", "a"] },
      ["map", ["a", "b"]],
    ],
    ["of an old kind is a set", { "x-kubernetes-patch-strategy": "merge" }, ["set", []]],
    [
      "of an old kind has a key",
      { "x-kubernetes-patch-strategy": "merge,retainKeys", "x-kubernetes-patch-merge-key": "name" },
      ["map", ["name"]],
    ],
    [
      "whose keys are retained is atomic",
      { "x-kubernetes-patch-strategy": "retainKeys" },
      ["atomic", []],
    ],
  ])("%s", (_name, keywords, want) => {
    expect(list(keywords)).toEqual(want);
  });
});

describe("an object", () => {
  const element = (schema: JsonObject): unknown =>
    compile({ type: "object", ...schema }).map?.element;
  test.each([
    ["with fields has no others", { properties: { a: text } }, undefined],
    ["without fields has any", {}, deduced],
    ["with a type for others", { additionalProperties: text }, { scalar: "string" }],
    ["with any others", { properties: { a: text }, additionalProperties: true }, deduced],
    ["with none at all", { additionalProperties: false }, undefined],
    [
      "that keeps unknown fields",
      { properties: { a: text }, "x-kubernetes-preserve-unknown-fields": true },
      deduced,
    ],
  ])("%s", (_name, schema, want) => {
    expect(element(schema)).toEqual(want);
  });

  test("may be owned in another way where it is used", () => {
    const definitions = { Berth: { type: "object", properties: { quay: text } } };
    const used = compile(
      { allOf: [{ $ref: "#/x/Berth" }], "x-kubernetes-map-type": "atomic" },
      definitions,
    );
    expect(used.map).toMatchObject({ atomic: true });
    expect(compile({ $ref: "#/x/Berth" }, definitions).map).toMatchObject({ atomic: false });
  });

  test("may hold itself", () => {
    const node = { type: "object", properties: { next: { $ref: "#/x/Node" } } };
    const type = compile({ $ref: "#/x/Node" }, { Node: node });
    expect(type.map?.fields.get("next")?.type).toBe(type);
  });
});

describe("configProblems()", () => {
  const type = compile({
    type: "object",
    properties: {
      name: text,
      crew: { type: "integer" },
      armed: { type: "boolean" },
      flags: { type: "array", items: text, "x-kubernetes-list-type": "set" },
      log: { type: "array", items: text },
      decks: {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["id"],
        items: { type: "object", properties: { id: text, colour: text } },
      },
    },
  });
  test.each([
    [{ name: "Ark", crew: null, flags: ["a"], decks: [{ id: "a" }] }, []],
    [{ nam: "Ark" }, [".nam: field not declared in schema"]],
    [{ name: 1 }, [".name: expected string, got 1"]],
    [{ crew: "1" }, ['.crew: expected numeric (int or float), got "1"']],
    [{ armed: 1 }, [".armed: expected boolean, got 1"]],
    [{ flags: "a" }, ['.flags: expected list, got "a"']],
    [{ flags: ["a", "a"] }, ['.flags: duplicate entries for key [="a"]']],
    [
      { flags: [{}] },
      [".flags: element 0: associative list without keys has an element that's a map type"],
    ],
    [
      { flags: [["a"]] },
      [".flags: element 0: not supported: associative list with lists as elements"],
    ],
    [
      { flags: [null] },
      [".flags: element 0: associative list without keys has an element that's an explicit null"],
    ],
    [{ log: ["a", 1] }, [".log[1]: expected string, got 1"]],
    [
      { decks: [{ id: "a", color: "red" }] },
      ['.decks[id="a"].color: field not declared in schema'],
    ],
    [{ decks: [{ id: "a" }, { id: "a" }] }, ['.decks: duplicate entries for key [id="a"]']],
    [
      { decks: [null] },
      [".decks: element 0: associative list with keys may not have a null element"],
    ],
    [
      { decks: ["a"] },
      [".decks: element 0: associative list with keys may not have non-map elements"],
    ],
    [
      { decks: [{}] },
      [
        `.decks: element 0: associative list with keys has an element that omits all key fields ["id"] (and doesn't have default values for any key fields)`,
      ],
    ],
    ["Ark", ['expected map, got "Ark"']],
  ])("of %j", (config, want) => {
    expect(configProblems(config, type)).toEqual(want);
  });
});
