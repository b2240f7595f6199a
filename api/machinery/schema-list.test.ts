import { expect, test } from "vitest";
import type { JsonSchemaProps } from "./schema-props.ts";
import { compileValidation } from "./schema-validate.ts";

// The groups of Kubernetes' table for lists with a type, fixtures our own.

type ListType = NonNullable<JsonSchemaProps["x-kubernetes-list-type"]>;

const list = (type: ListType | undefined, items: JsonSchemaProps, keys: readonly string[] = []) =>
  ({
    type: "array",
    items,
    ...(type === undefined ? {} : { "x-kubernetes-list-type": type }),
    ...(keys.length === 0 ? {} : { "x-kubernetes-list-map-keys": keys }),
  }) as const;

const integer: JsonSchemaProps = { type: "integer" };
const any: JsonSchemaProps = { "x-kubernetes-preserve-unknown-fields": true };
const open: JsonSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const item: JsonSchemaProps = { ...open, properties: { a: any, b: any } };
const nested = list("set", list(undefined, integer));

const duplicate = (path: string, value: unknown): string =>
  `${path}: Duplicate value: ${JSON.stringify(value)}`;

const cases: [why: string, schema: JsonSchemaProps, value: unknown, ...want: string[]][] = [
  ["no item", list("set", any), []],
  ["one item", list("set", any), [1]],
  ["a list without a type", list(undefined, any), [1, 1]],
  ["an atomic list", list("atomic", any), [1, 1]],
  ["different scalars", list("set", any), [1, "1", true, 1.5, "a"]],
  ["equal integers", list("set", any), [1, 2, 1], duplicate("v[2]", 1)],
  [
    "one of each kind twice",
    list("set", any),
    ["a", "a", true, true],
    duplicate("v[1]", "a"),
    duplicate("v[3]", true),
  ],
  ["three equal ones: told once", list("set", any), ["x", "x", "x"], duplicate("v[1]", "x")],
  ["an integer and a double of one value", list("set", any), [1, 1.0], duplicate("v[1]", 1)],
  [
    "objects in another order of fields",
    list("set", any),
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    duplicate("v[1]", { b: 2, a: 1 }),
  ],
  ["different objects", list("set", any), [{ a: 1 }, { a: 2 }, {}]],
  [
    "equal lists",
    list("set", any),
    [
      [1, 2],
      [2, 1],
      [1, 2],
    ],
    duplicate("v[2]", [1, 2]),
  ],
  ["a set inside of a list", list(undefined, nested), [[[1], [1]]], duplicate("v[0][1]", [1])],
  ["no item of a map", list("map", item, ["a"]), []],
  ["different keys", list("map", item, ["a"]), [{ a: 1 }, { a: 2 }, { a: "1" }]],
  [
    "equal keys",
    list("map", item, ["a"]),
    [
      { a: 1, b: 1 },
      { a: 1, b: 2 },
    ],
    duplicate("v[1]", { a: 1 }),
  ],
  [
    "one key of two differs",
    list("map", item, ["a", "b"]),
    [
      { a: 1, b: 1 },
      { a: 1, b: 2 },
    ],
  ],
  [
    "both keys are equal",
    list("map", item, ["a", "b"]),
    [
      { a: 1, b: 2, c: 1 },
      { b: 2, a: 1 },
    ],
    duplicate("v[1]", { a: 1, b: 2 }),
  ],
  ["keys that are missing", list("map", item, ["a"]), [{ b: 1 }, { b: 2 }], duplicate("v[1]", {})],
  [
    "one of two keys is missing",
    list("map", item, ["a", "b"]),
    [{ a: 1 }, { a: 1 }, { b: 1 }],
    duplicate("v[1]", { a: 1 }),
  ],
  [
    "a key that its default makes equal",
    list("map", { type: "object", properties: { a: { ...integer, default: 1 } } }, ["a"]),
    [{}, { a: 1 }],
    duplicate("v[1]", { a: 1 }),
  ],
  ["keys of several types", list("map", item, ["a"]), [{ a: 1 }, { a: "1" }, { a: true }]],
  [
    "three equal keys: told once",
    list("map", item, ["a"]),
    [{ a: 1 }, { a: 1 }, { a: 1 }],
    duplicate("v[1]", { a: 1 }),
  ],
  [
    "a field below a map",
    { type: "object", properties: { l: list("set", integer) } },
    { l: [7, 7] },
    duplicate("v.l[1]", 7),
  ],
  [
    "values of a map",
    { type: "object", additionalProperties: list("set", integer) },
    { k: [7, 7] },
    duplicate("v.k[1]", 7),
  ],
];

test.each(cases)("compileValidation() looks at %s", (_why, schema, value, ...want) => {
  const validate = compileValidation(
    { type: "object", properties: { v: schema } },
    () => () => true,
  );
  const found = validate({ v: value }).map(({ field, message }) => `${field}: ${message}`);
  expect(found).toEqual(want);
});
