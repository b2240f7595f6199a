import { expect, test } from "vitest";
import type { JsonSchemaProps } from "./schema-props.ts";
import { compileValidation } from "./schema-validate.ts";

const short: JsonSchemaProps = { type: "string", maxLength: 1 };
const schema: JsonSchemaProps = {
  type: "object",
  properties: {
    a: short,
    b: { type: "object", required: ["x"], properties: { x: short, y: short } },
    map: { type: "object", additionalProperties: short },
    plain: { type: "array", items: short },
    keyed: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["k"],
      items: { type: "object", properties: { k: { type: "integer" }, v: short } },
    },
  },
};
const validate = compileValidation(schema, () => () => true);

const cases: [why: string, before: object, now: object, ...want: string[]][] = [
  ["leaves a wrong value as it is", { a: "long" }, { a: "long", plain: ["x"] }],
  ["makes a wrong value another one", { a: "long" }, { a: "longer" }, "a"],
  ["adds a wrong value", {}, { a: "long" }, "a"],
  ["leaves a field away as before", { b: { y: "y" } }, { b: { y: "y" } }],
  ["changes an object that lacks a field", { b: { y: "y" } }, { b: { y: "z" } }, "b.x"],
  ["leaves a wrong value of a map", { map: { k: "long" } }, { map: { k: "long", m: "x" } }],
  ["leaves a list without keys", { plain: ["long"] }, { a: "x", plain: ["long"] }],
  ["changes a list without keys", { plain: ["long"] }, { plain: ["long", "x"] }, "plain[0]"],
  [
    "moves an item with its key",
    { keyed: [{ k: 1, v: "long" }] },
    {
      keyed: [
        { k: 2, v: "x" },
        { k: 1, v: "long" },
      ],
    },
  ],
  [
    "gives the wrong value of an item to another",
    { keyed: [{ k: 1, v: "long" }] },
    { keyed: [{ k: 2, v: "long" }] },
    "keyed[0].v",
  ],
  [
    "turns a list into something else",
    { keyed: "x" },
    { keyed: [{ k: 1, v: "long" }] },
    "keyed[0].v",
  ],
];

test.each(cases)("compileValidation() judges an update that %s", (_why, before, now, ...want) => {
  expect(validate(now, before).map((cause) => cause.field)).toEqual(want);
});
