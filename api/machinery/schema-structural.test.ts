import { expect, test } from "vitest";
import { schemaKeywordCauses } from "./schema-keywords.ts";
import type { JsonSchemaProps } from "./schema-props.ts";
import { structuralCauses } from "./schema-structural.ts";

const causes = (schema: unknown): string[] =>
  [
    ...structuralCauses(schema as JsonSchemaProps, "s", () => () => true),
    ...schemaKeywordCauses(schema as JsonSchemaProps, "s"),
  ].map(({ field, message }) => `${field}: ${message}`);

const withField = (field: unknown): object => ({ type: "object", properties: { f: field } });
const at = "s.properties[f]";

test.each([
  ["a plain object", { type: "object" }],
  ["anything at the root", { "x-kubernetes-preserve-unknown-fields": true }],
  ["a field of every type", withField({ type: "array", items: { type: "string" } })],
  ["a map", withField({ type: "object", additionalProperties: { type: "integer" } })],
  ["an open map", withField({ type: "object", additionalProperties: true })],
  ["anything", withField({ "x-kubernetes-preserve-unknown-fields": true })],
  [
    "an int-or-string as it is customary",
    withField({
      "x-kubernetes-int-or-string": true,
      anyOf: [{ type: "integer" }, { type: "string" }],
    }),
  ],
  [
    "value validations",
    withField({
      type: "object",
      properties: { a: { type: "string" } },
      oneOf: [{ required: ["a"] }, { properties: { a: { minLength: 1 } } }],
    }),
  ],
  [
    "a list map with keys",
    withField({
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a", "b"],
      items: {
        type: "object",
        required: ["a"],
        properties: { a: { type: "string" }, b: { type: "integer", default: 1 } },
      },
    }),
  ],
  [
    "a set of atomic objects",
    withField({
      type: "array",
      "x-kubernetes-list-type": "set",
      items: { type: "object", "x-kubernetes-map-type": "atomic" },
    }),
  ],
])("structuralCauses() accepts %s", (_why, schema) => {
  expect(causes(schema)).toEqual([]);
});

const refused: [why: string, schema: unknown, ...want: string[]][] = [
  ["no type at the root", {}, "s.type: Required value: must not be empty at the root"],
  [
    "another root",
    { type: "array", items: { type: "string" } },
    's.type: Invalid value: "array": must be object at the root',
  ],
  [
    "a map at the root",
    { type: "object", additionalProperties: true },
    "s.additionalProperties: Forbidden: must not be used at the root",
  ],
  [
    "a field without a type",
    withField({}),
    `${at}.type: Required value: must not be empty for specified object fields`,
  ],
  [
    "items without a type",
    withField({ type: "array", items: {} }),
    `${at}.items.type: Required value: must not be empty for specified array items`,
  ],
  [
    "values of a map without a type",
    withField({ type: "object", additionalProperties: {} }),
    `${at}.additionalProperties.type: Required value: must not be empty for specified object fields`,
  ],
  [
    "an unknown type",
    withField({ type: "text" }),
    `${at}.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
  ],
  [
    "an int-or-string with a type",
    withField({ type: "string", "x-kubernetes-int-or-string": true }),
    `${at}.type: Invalid value: "string": must be empty if x-kubernetes-int-or-string is true`,
  ],
  [
    "an embedded resource that is no object",
    withField({
      type: "string",
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    }),
    `${at}.type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true`,
  ],
  [
    "a reference",
    withField({ type: "object", $ref: "#/x" }),
    `${at}.$ref: Forbidden: $ref is not supported`,
  ],
  [
    "unique items",
    withField({ type: "array", uniqueItems: true, items: { type: "string" } }),
    `${at}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
  ],
  [
    "a closed object",
    withField({ type: "object", additionalProperties: false }),
    `${at}.additionalProperties: Forbidden: additionalProperties cannot be set to false`,
  ],
  [
    "a map with fields",
    withField({
      type: "object",
      properties: { a: { type: "string" } },
      additionalProperties: { type: "string" },
    }),
    `${at}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
  ],
  [
    "a list of what",
    withField({ type: "array" }),
    `${at}.items: Required value: must be specified`,
  ],
  [
    "a tuple",
    withField({ type: "array", items: [{ type: "string" }] }),
    `${at}.items: Forbidden: items must be a schema object and not an array`,
  ],
  [
    "an unknown list type",
    withField({ type: "array", items: { type: "string" }, "x-kubernetes-list-type": "bag" }),
    `${at}.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"`,
  ],
  [
    "a list type of no list",
    withField({ type: "string", "x-kubernetes-list-type": "atomic" }),
    `${at}.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified`,
  ],
  [
    "a list map without keys",
    withField({ type: "array", items: { type: "object" }, "x-kubernetes-list-type": "map" }),
    `${at}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
  ],
  [
    "a key that may be absent",
    withField({
      type: "array",
      items: { type: "object", properties: { a: { type: "string" } } },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a"],
    }),
    `${at}.items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
  ],
  [
    "a set of objects",
    withField({ type: "array", items: { type: "object" }, "x-kubernetes-list-type": "set" }),
    `${at}.items.x-kubernetes-map-type: Invalid value: "": must be atomic as item of a list with x-kubernetes-list-type=set`,
  ],
  [
    "structure in value validations",
    withField({
      type: "object",
      anyOf: [{ properties: { a: { type: "string" } } }, { not: { items: { default: 1 } } }],
    }),
    `${at}.anyOf[0].properties[a].type: Forbidden: must be empty to be structural`,
    `${at}.anyOf[1].not.items.default: Forbidden: must be undefined to be structural`,
    `${at}.properties[a]: Required value: because it is defined in ${at}.anyOf[0].properties[a]`,
    `${at}.items: Required value: because it is defined in ${at}.anyOf[1].not.items`,
  ],
];

test.each(refused)("structuralCauses() refuses %s", (_why, schema, ...want) => {
  expect(causes(schema)).toEqual(want);
});
