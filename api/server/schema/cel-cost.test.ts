import { expect, test } from "vitest";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { checkRule } from "../cel/environment.ts";
import { estimateCost } from "../cel/estimate.ts";
import { ruleVariables } from "./cel-rule.ts";
import { schemaType } from "./cel-types.ts";

// What Kubernetes estimates decides which CRDs it takes: the figures are those of its own tests.

const number: JsonSchemaProps = { type: "number" };
const text: JsonSchemaProps = { type: "string" };
const flag: JsonSchemaProps = { type: "boolean" };
const either: JsonSchemaProps = { "x-kubernetes-int-or-string": true };
const formatted = (format: string): JsonSchemaProps => ({ type: "string", format });
const object: JsonSchemaProps = {
  type: "object",
  required: ["required"],
  properties: { required: text, optional: text },
};
const listOf =
  (items: JsonSchemaProps) =>
  (max?: number): JsonSchemaProps => ({
    type: "array",
    items,
    ...(max === undefined ? {} : { maxItems: max }),
  });
const mapOf =
  (values: JsonSchemaProps) =>
  (max?: number): JsonSchemaProps => ({
    type: "object",
    additionalProperties: values,
    ...(max === undefined ? {} : { maxProperties: max }),
  });
const textOf =
  (more: JsonSchemaProps = {}) =>
  (max?: number): JsonSchemaProps => ({
    ...text,
    ...more,
    ...(max === undefined ? {} : { maxLength: max }),
  });

type Case = readonly [
  why: string,
  schema: (max?: number) => JsonSchemaProps,
  rule: string,
  unbounded: number,
  max: number,
  bounded: number,
];

const over = 10_000_000;
const all = "self.all(x, true)";
const lists = listOf(number)();
const maps = mapOf(number)();

const table: readonly Case[] = [
  ["numbers", listOf(number), all, 4_718_591, 10, 32],
  ["texts", listOf(text), all, 3_145_727, 20, 62],
  ["flags", listOf(flag), all, 1_887_437, 5, 17],
  ["lists of numbers", listOf(lists), all, 3_145_727, 100, 302],
  ["objects", listOf(object), all, 555_128, 50, 152],
  ["a map of numbers", mapOf(number), all, 1_348_169, 10, 32],
  ["presence in a map of numbers", mapOf(number), "has(self.x)", 0, 100, 0],
  ["a map of texts", mapOf(text), all, 1_179_647, 3, 11],
  ["presence in a map of texts", mapOf(text), "has(self.x)", 0, 550, 0],
  ["a map of flags", mapOf(flag), all, 943_718, 100, 302],
  ["contains", textOf(), "self.contains('test')", 314_574, 10, 5],
  ["startsWith", textOf(), "self.startsWith('test')", 2, 15, 2],
  ["endsWith", textOf(), "self.endsWith('test')", 2, 30, 2],
  ["two texts put together", textOf(), 'size(self + "hello") > size("hello")', 314_578, 4, 7],
  ["an item of numbers", listOf(number), "self[1] == 0.0", 2, 5_000, 2],
  ["an item of texts", listOf(text), "self[1] == self[1]", 314_577, 8, 314_577],
  ["two nested loops", listOf(number), "self.all(x, self.all(y, true))", over, 10, 352],
  [
    "three nested loops",
    listOf(number),
    "self.all(x, self.all(y, self.all(z, true)))",
    over,
    10,
    3_552,
  ],
  ["a short pattern", textOf(), 'self.matches("x")', 314_574, 50, 22],
  ["a pattern over nothing", textOf(), '"".matches("(((((((((())))))))))[0-9]")', 7, 10, 7],
  ["an empty pattern", textOf(), 'self.matches("")', 1, 100, 1],
  ["values by key", mapOf(text), "self.all(x, x.contains(self[x]))", 2_752_507, 10, 72],
  ["no items", listOf(number), "self[3] == 0.0", 2, 0, 2],
  ["no entries", mapOf(number), 'self["x"] == 0.0', 2, 0, 2],
  ["an empty text", textOf(), 'self == "x"', 2, 0, 1],
  ["no bytes", textOf({ format: "byte" }), 'self == b"x"', 2, 0, 1],
  [
    "more items than fit",
    listOf(number),
    "self.all(x, x == 0.0)",
    6_291_454,
    6_291_456,
    25_165_826,
  ],
  ["int-or-strings", listOf(either), all, 4_718_591, 10, 32],
  ["an item of int-or-strings", listOf(either), "self[0] == 5", 3, 10, 3],
  ["an item of flags", listOf(flag), "self[0] == false", 2, 25, 2],
  ["an item of objects", listOf(object), "self[0] == null", 2, 422, 2],
  ["an item of lists", listOf(lists), "self[0][0] == -1.0", 3, 51, 3],
  ["a list of maps", listOf(maps), "self.all(x, x.y == 25.2)", 6_291_452, 12, 74],
  ["an item of maps", listOf(maps), "self[0].x > 2.0", 4, 3_000, 4],
  ["durations", listOf(formatted("duration")), all, 2_359_295, 5, 17],
  ["an item of durations", listOf(formatted("duration")), "self[0].getHours() == 2", 4, 525, 4],
  ["dates", listOf(formatted("date")), all, 725_936, 15, 47],
  ["an item of dates", listOf(formatted("date")), "self[2].getDayOfMonth() == 13", 4, 42, 4],
  ["times", listOf(formatted("date-time")), all, 428_963, 25, 77],
  ["an item of times", listOf(formatted("date-time")), "self[2].getMinutes() == 45", 4, 99, 4],
  ["a map of int-or-strings", mapOf(either), all, 1_348_169, 15, 47],
  ["presence in a map of int-or-strings", mapOf(either), "has(self.x)", 0, 5_000, 0],
  ["a map of maps", mapOf(maps), all, 1_179_647, 10, 32],
  ["presence in a map of maps", mapOf(maps), "has(self.x)", 0, 101, 0],
  ["a map of lists", mapOf(lists), all, 1_179_647, 25, 77],
  ["a map of durations", mapOf(formatted("duration")), all, 1_048_577, 5, 17],
  ["a map of dates", mapOf(formatted("date")), all, 524_288, 10, 32],
];

function cost(schema: JsonSchemaProps, rule: string): number {
  const found = schemaType(schema);
  if (found === undefined) throw new Error("the schema has no type");
  return estimateCost(checkRule(rule, ruleVariables(found.type, false)).node).max;
}

test.each(table)("estimateCost() counts %s as Kubernetes does", (_why, schema, rule, ...want) => {
  const [unbounded, max, bounded] = want;
  // Beyond the limit it does not matter by how much.
  expect(Math.min(cost(schema(), rule), Math.max(unbounded, over))).toBe(unbounded);
  expect(cost(schema(max), rule)).toBe(bounded);
});
