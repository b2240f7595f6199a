import { expect, test } from "vitest";
import { compileDefaults } from "./schema-default.ts";
import type { JsonSchemaProps } from "./schema-props.ts";

const filled: JsonSchemaProps = {
  type: "object",
  default: {},
  properties: { n: { type: "integer", default: 1 }, plain: { type: "string" } },
};
const schema: JsonSchemaProps = {
  type: "object",
  properties: {
    metadata: { type: "object", properties: { name: { type: "string", default: "never" } } },
    spec: {
      type: "object",
      properties: {
        filled,
        bare: { type: "object", properties: { n: { type: "integer", default: 1 } } },
        maybe: { type: "string", nullable: true },
        maybeFilled: { type: "string", nullable: true, default: "x" },
        text: { type: "string" },
        list: { type: "array", items: filled },
        texts: { type: "array", items: { type: "string" } },
        map: { type: "object", additionalProperties: filled },
        names: { type: "object", additionalProperties: { type: "string" } },
        maybes: { type: "object", additionalProperties: { type: "string", nullable: true } },
      },
    },
  },
};

const cases: [why: string, spec: unknown, want: unknown][] = [
  [
    "fills absent fields, and those inside of a default",
    {},
    { filled: { n: 1 }, maybeFilled: "x" },
  ],
  [
    "leaves given values alone",
    { filled: { n: 0 }, maybeFilled: "" },
    { filled: { n: 0 }, maybeFilled: "" },
  ],
  [
    "makes no object without a default",
    { bare: {} },
    { bare: { n: 1 }, filled: { n: 1 }, maybeFilled: "x" },
  ],
  [
    "replaces a null that is not allowed",
    { filled: { n: null }, maybeFilled: "y" },
    { filled: { n: 1 }, maybeFilled: "y" },
  ],
  [
    "keeps a null that is allowed, also before a default",
    { filled: {}, maybe: null, maybeFilled: null },
    { filled: { n: 1 }, maybe: null, maybeFilled: null },
  ],
  [
    "drops a null without a default",
    { filled: { plain: null }, text: null, maybeFilled: "y" },
    { filled: { n: 1 }, maybeFilled: "y" },
  ],
  [
    "fills items, and takes null items for absent ones",
    { filled: {}, maybeFilled: "", list: [{}, null], texts: [null] },
    { filled: { n: 1 }, maybeFilled: "", list: [{ n: 1 }, { n: 1 }], texts: [null] },
  ],
  [
    "fills the values of maps and drops their nulls",
    {
      filled: {},
      maybeFilled: "",
      map: { a: {}, b: null },
      names: { a: null },
      maybes: { a: null },
    },
    {
      filled: { n: 1 },
      maybeFilled: "",
      map: { a: { n: 1 }, b: { n: 1 } },
      names: {},
      maybes: { a: null },
    },
  ],
  [
    "passes values of a wrong type",
    { filled: "x", maybeFilled: "", list: 1, map: [] },
    { filled: "x", maybeFilled: "", list: 1, map: [] },
  ],
];

test.each(cases)("compileDefaults() %s", (_why, spec, want) => {
  const object = { metadata: {}, spec };
  compileDefaults(schema)(object);
  expect(object).toEqual({ metadata: {}, spec: want });
});

test("compileDefaults() gives every object a default of its own", () => {
  const fill = compileDefaults(schema);
  const [one, two] = [{ spec: {} }, { spec: {} }] as { spec: { filled?: { n: number } } }[];
  fill(one);
  if (one?.spec.filled !== undefined) one.spec.filled.n = 9;
  fill(two);
  expect(two?.spec.filled).toEqual({ n: 1 });
});

test("compileDefaults() changes nothing at a second run", () => {
  const object = { spec: { list: [{}], map: { a: null } } };
  const fill = compileDefaults(schema);
  fill(object);
  const once = structuredClone(object);
  fill(object);
  expect(object).toEqual(once);
});

test("compileDefaults() never touches a prototype", () => {
  const evil = JSON.parse('{"type":"object","properties":{"__proto__":{"default":{"x":1}}}}');
  const object: Record<string, unknown> = {};
  compileDefaults(evil as JsonSchemaProps)(object);
  expect(object["x"]).toBeUndefined();
});
