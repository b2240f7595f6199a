import { expect, test } from "vitest";
import type { JsonSchemaProps } from "./schema-props.ts";
import { compileValidation } from "./schema-validate.ts";

const pattern = (text: string) => {
  const regex = new RegExp(text, "u");
  return (value: string) => regex.test(value);
};

/** What is wrong with the field `v`, which has `schema`, in an object that has `value` there. */
function breaches(schema: JsonSchemaProps, value: unknown): string[] {
  const validate = compileValidation({ type: "object", properties: { v: schema } }, pattern);
  return validate({ v: value }).map(({ field, message }) => `${field}: ${message}`);
}

type Row = [why: string, schema: JsonSchemaProps, value: unknown, ...want: string[]];

const integer: JsonSchemaProps = { type: "integer" };
const string: JsonSchemaProps = { type: "string" };
const ab: JsonSchemaProps = { type: "object", properties: { a: string, b: string } };
const named: JsonSchemaProps = {
  type: "array",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["port", "protocol"],
  items: {
    type: "object",
    properties: { port: integer, protocol: { type: "string", default: "TCP" } },
  },
};

const valid: Row[] = [
  ["an integer", integer, 3],
  ["an integer where a number may stand", { type: "number" }, 3],
  ["a fraction", { type: "number" }, 1.5],
  ["a boolean", { type: "boolean" }, false],
  ["null where it is allowed", { type: "string", nullable: true }, null],
  ["an int of int-or-string", { "x-kubernetes-int-or-string": true }, 1],
  ["a string of int-or-string", { "x-kubernetes-int-or-string": true }, "1"],
  ["the bound itself", { type: "integer", minimum: 1, maximum: 1 }, 1],
  ["a multiple of a fraction", { type: "number", multipleOf: 0.1 }, 0.3],
  ["a pattern anywhere in the text", { type: "string", pattern: "b" }, "abc"],
  ["a length in code points", { type: "string", maxLength: 2 }, "😀😀"],
  ["an unknown format", { type: "string", format: "colour" }, "?"],
  ["an enum of objects in any order", { enum: [{ a: 1, b: 2 }] }, { b: 2, a: 1 }],
  ["an int32", { type: "integer", format: "int32" }, 2 ** 31 - 1],
  ["an absent optional field", ab, {}],
  ["equal items of an atomic list", { type: "array", items: string }, ["a", "a"]],
  ["a list map whose keys differ", named, [{ port: 1 }, { port: 1, protocol: "UDP" }]],
  ["one of two", { oneOf: [integer, string] }, 1],
  ["any of two", { anyOf: [{ minimum: 5 }, { maximum: 3 }] }, 2],
  ["all of two", { allOf: [{ minimum: 1 }, { maximum: 3 }] }, 2],
  ["not that one", { not: { enum: ["a"] } }, "b"],
  ["keywords for other types", { minLength: 3, minItems: 3, minimum: 3, minProperties: 3 }, true],
  ["anything without a schema", { "x-kubernetes-preserve-unknown-fields": true }, { a: [null] }],
];

test.each(valid)("compileValidation() accepts %s", (_why, schema, value) => {
  expect(breaches(schema, value)).toEqual([]);
});

const invalid: Row[] = [
  [
    "a wrong type",
    integer,
    "x",
    'v: Invalid value: "string": v in body must be of type integer: "string"',
  ],
  [
    "a fraction for an integer",
    integer,
    1.5,
    'v: Invalid value: "number": v in body must be of type integer: "number"',
  ],
  ["a null", string, null, 'v: Invalid value: "null": v in body must be of type string: "null"'],
  [
    "a boolean for an int-or-string, once",
    { "x-kubernetes-int-or-string": true, anyOf: [integer, string] },
    true,
    'v: Invalid value: "boolean": v in body must be of type integer,string: "boolean"',
  ],
  [
    "less than the minimum",
    { type: "integer", minimum: 0 },
    -1,
    "v: Invalid value: -1: v in body should be greater than or equal to 0",
  ],
  [
    "the exclusive minimum",
    { type: "integer", minimum: 0, exclusiveMinimum: true },
    0,
    "v: Invalid value: 0: v in body should be greater than 0",
  ],
  [
    "more than the maximum",
    { type: "number", maximum: 1.5 },
    2,
    "v: Invalid value: 2: v in body should be less than or equal to 1.5",
  ],
  [
    "the exclusive maximum",
    { type: "integer", maximum: 3, exclusiveMaximum: true },
    3,
    "v: Invalid value: 3: v in body should be less than 3",
  ],
  [
    "no multiple",
    { type: "integer", multipleOf: 5 },
    7,
    "v: Invalid value: 7: v in body should be a multiple of 5",
  ],
  [
    "too much for an int32",
    { type: "integer", format: "int32" },
    2 ** 31,
    'v: Invalid value: 2147483648: v in body must be of type int32: "2147483648"',
  ],
  [
    "a long text",
    { type: "string", maxLength: 3 },
    "abcd",
    "v: Too long: may not be more than 3 bytes",
  ],
  [
    "a short text",
    { type: "string", minLength: 2 },
    "😀",
    'v: Invalid value: "😀": v in body should be at least 2 chars long',
  ],
  [
    "another pattern",
    { type: "string", pattern: "^a+$" },
    "ab",
    "v: Invalid value: \"ab\": v in body should match '^a+$'",
  ],
  [
    "another format",
    { type: "string", format: "date-time" },
    "today",
    'v: Invalid value: "today": v in body must be of type date-time: "today"',
  ],
  [
    "a value outside of an enum",
    { type: "string", enum: ["A", "B"] },
    "X",
    'v: Unsupported value: "X": supported values: "A", "B"',
  ],
  [
    "too many items",
    { type: "array", maxItems: 1 },
    [1, 2],
    "v: Too many: 2: must have at most 1 items",
  ],
  [
    "too few items",
    { type: "array", minItems: 1 },
    [],
    "v: Invalid value: 0: v in body should have at least 1 items",
  ],
  [
    "equal items where they must differ",
    { type: "array", uniqueItems: true },
    [{ a: 1 }, { a: 1 }],
    'v: Invalid value: "array": v in body shouldn\'t contain duplicates',
  ],
  [
    "a set with an item twice",
    { type: "array", "x-kubernetes-list-type": "set", items: string },
    ["a", "b", "a"],
    'v[2]: Duplicate value: "a"',
  ],
  [
    "a list map with equal keys, defaults counted",
    named,
    [{ port: 1 }, { port: 1, protocol: "TCP" }],
    'v[1]: Duplicate value: {"port":1,"protocol":"TCP"}',
  ],
  [
    "a wrong item",
    { type: "array", items: { type: "object", properties: { a: string } } },
    [{}, { a: 1 }],
    'v[1].a: Invalid value: "integer": v[1].a in body must be of type string: "integer"',
  ],
  [
    "a wrong value of a map",
    { type: "object", additionalProperties: integer },
    { k: "x" },
    'v.k: Invalid value: "string": v.k in body must be of type integer: "string"',
  ],
  ["a missing field", { ...ab, required: ["a", "b"] }, { a: "x" }, "v.b: Required value"],
  [
    "too many fields",
    { type: "object", maxProperties: 1 },
    { a: 1, b: 1 },
    "v: Too many: 2: must have at most 1 items",
  ],
  [
    "too few fields",
    { type: "object", minProperties: 1 },
    {},
    "v: Invalid value: 0: v in body should have at least 1 properties",
  ],
  [
    "an embedded object without a kind",
    { type: "object", "x-kubernetes-embedded-resource": true },
    { apiVersion: "v1" },
    "v.kind: Required value: must not be empty",
  ],
  [
    "none of any, with the nearest reason",
    { anyOf: [{ minimum: 5 }, { minimum: 4, multipleOf: 2 }] },
    3,
    'v: Invalid value: "": "v" must validate at least one schema (anyOf)',
    "v: Invalid value: 3: v in body should be greater than or equal to 5",
  ],
  [
    "none of one",
    { type: "object", oneOf: [{ required: ["a"] }, { required: ["b"] }] },
    {},
    'v: Invalid value: "": "v" must validate one and only one schema (oneOf). Found none valid',
    "v.a: Required value",
  ],
  [
    "two of one",
    { type: "object", oneOf: [{ required: ["a"] }, { required: ["b"] }] },
    { a: 1, b: 1 },
    'v: Invalid value: "": "v" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ],
  [
    "one of all",
    { allOf: [{ minimum: 5 }, { maximum: 3 }] },
    4,
    "v: Invalid value: 4: v in body should be greater than or equal to 5",
    "v: Invalid value: 4: v in body should be less than or equal to 3",
  ],
  [
    "what must not be",
    { not: { enum: ["a"] } },
    "a",
    'v: Invalid value: "": "v" must not validate the schema (not)',
  ],
];

test.each(invalid)("compileValidation() refuses %s", (_why, schema, value, ...want) => {
  expect(breaches(schema, value)).toEqual(want);
});

test("compileValidation() finds every breach, in the order of the schema", () => {
  const schema: JsonSchemaProps = {
    type: "object",
    required: ["spec"],
    properties: {
      spec: { type: "object", required: ["b"], properties: { a: integer, b: string } },
      status: { type: "object", properties: { c: string } },
    },
  };
  const causes = compileValidation(schema, pattern)({ status: { c: 1 }, spec: { a: "x" } });
  expect(causes.map(({ field, reason }) => [field, reason])).toEqual([
    ["spec.b", "FieldValueRequired"],
    ["spec.a", "FieldValueTypeInvalid"],
    ["status.c", "FieldValueTypeInvalid"],
  ]);
});

test("compileValidation() never takes an inherited property for a field", () => {
  const schema: JsonSchemaProps = { type: "object", required: ["constructor"] };
  expect(breaches(schema, {})).toEqual(["v.constructor: Required value"]);
});

test("compileValidation() throws on a pattern that does not compile", () => {
  expect(() => compileValidation({ type: "string", pattern: "(" }, pattern)).toThrow(
    /pattern|group/i,
  );
});
