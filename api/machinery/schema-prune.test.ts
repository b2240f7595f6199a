import { expect, test } from "vitest";
import type { JsonSchemaProps } from "./schema-props.ts";
import { compilePrune } from "./schema-prune.ts";

const string: JsonSchemaProps = { type: "string" };
const schema: JsonSchemaProps = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        a: string,
        list: { type: "array", items: { type: "object", properties: { a: string } } },
        map: {
          type: "object",
          additionalProperties: { type: "object", properties: { a: string } },
        },
        texts: { type: "object", additionalProperties: string },
        any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        part: {
          type: "object",
          "x-kubernetes-preserve-unknown-fields": true,
          properties: { known: { type: "object", properties: { a: string } } },
        },
        open: { type: "object", additionalProperties: true },
        either: { "x-kubernetes-int-or-string": true },
        empty: { type: "object" },
        pod: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          "x-kubernetes-preserve-unknown-fields": true,
        },
      },
    },
  },
};

const cases: [why: string, spec: unknown, want: unknown, unknown: string[]][] = [
  ["an unknown field", { a: "x", b: 1 }, { a: "x" }, ["spec.b"]],
  [
    "nothing known",
    { a: "x", texts: { k: "v" }, either: 1 },
    { a: "x", texts: { k: "v" }, either: 1 },
    [],
  ],
  [
    "fields of items",
    { list: [{ a: "x" }, { b: 1 }] },
    { list: [{ a: "x" }, {}] },
    ["spec.list[1].b"],
  ],
  ["fields of the values of a map", { map: { k: { b: 1 } } }, { map: { k: {} } }, ["spec.map.k.b"]],
  ["nothing that is preserved", { any: { b: { c: 1 } } }, { any: { b: { c: 1 } } }, []],
  [
    "what is below a known field of a preserved object",
    { part: { b: { c: 1 }, known: { b: 1 } } },
    { part: { b: { c: 1 }, known: {} } },
    ["spec.part.known.b"],
  ],
  ["nothing of an open map", { open: { b: { c: 1 } } }, { open: { b: { c: 1 } } }, []],
  ["everything of an object without fields", { empty: { b: 1 } }, { empty: {} }, ["spec.empty.b"]],
  [
    "unknown metadata of an embedded object",
    { pod: { apiVersion: "v1", kind: "Pod", metadata: { name: "x", nam: "y" }, spec: { b: 1 } } },
    { pod: { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { b: 1 } } },
    ["spec.pod.metadata.nam"],
  ],
  [
    "values of a wrong type not at all",
    { list: "x", map: 3, pod: null },
    { list: "x", map: 3, pod: null },
    [],
  ],
];

test.each(cases)("compilePrune() removes %s", (_why, spec, want, unknown) => {
  const object = { apiVersion: "g/v1", kind: "K", metadata: { name: "n" }, spec };
  expect(compilePrune(schema)(object)).toEqual(unknown);
  expect(object.spec).toEqual(want);
});

test("compilePrune() keeps apiVersion, kind and known metadata of the object itself", () => {
  const object = { apiVersion: "g/v1", kind: "K", metadata: { name: "n", x: 1 }, extra: true };
  expect(compilePrune(schema)(object)).toEqual(["metadata.x", "extra"]);
  expect(object).toEqual({ apiVersion: "g/v1", kind: "K", metadata: { name: "n" } });
});

test("compilePrune() removes a field named like an inherited property", () => {
  const object = JSON.parse('{"spec": {"__proto__": {"a": 1}, "constructor": 1}}') as object;
  expect(compilePrune(schema)(object)).toEqual(["spec.__proto__", "spec.constructor"]);
});
