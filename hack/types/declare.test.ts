import { expect, test } from "vitest";
import { declareTypes, type SchemaNode } from "./declare.ts";

async function declared(status: SchemaNode): Promise<string> {
  const schema = { type: "object", required: ["spec"], properties: { spec: {}, status } };
  const all = await declareTypes([{ kind: "Beacon", schema }]);
  return /export type BeaconStatus = \{[^}]*\};/.exec(all)?.[0].replaceAll(/\s+/g, " ") ?? all;
}

const object = (properties: SchemaNode, more: SchemaNode = {}): SchemaNode => ({
  type: "object",
  properties,
  ...more,
});

test.each([
  ["an optional field", { a: { type: "string" } }, "readonly a?: string"],
  ["a field with a default", { a: { type: "string", default: "" } }, "readonly a: string"],
  [
    "an int-or-string",
    { a: { "x-kubernetes-int-or-string": true } },
    "readonly a?: number | string",
  ],
  [
    "a list",
    { a: { type: "array", items: { type: "integer" } } },
    "readonly a?: readonly number[]",
  ],
  ["an enum", { a: { type: "string", enum: ["x", "y"] } }, 'readonly a?: ("x" | "y")'],
  [
    "a description",
    { a: { type: "string", description: "Words." } },
    "/** Words. */ readonly a?: string",
  ],
])("declareTypes() declares %s", async (_why, properties, want) => {
  expect(await declared(object(properties))).toContain(want);
});

test("declareTypes() declares required fields and maps", async () => {
  const map = { type: "object", additionalProperties: { type: "string" } };
  const code = await declareTypes([
    { kind: "Beacon", schema: object({ status: object({ a: map }, { required: ["a"] }) }) },
  ]);
  expect(code.replaceAll(/\s+/g, " ")).toContain("readonly a: { readonly [k: string]: string }");
});

test("declareTypes() gives one name to one shape, and refuses a second", async () => {
  const condition = (type: string): SchemaNode => ({
    type: "array",
    items: object({ type: { type, description: `A ${type}.` } }),
  });
  const kinds = (one: string, two: string) => [
    { kind: "Beacon", schema: object({ status: object({ conditions: condition(one) }) }) },
    { kind: "Revision", schema: object({ status: object({ conditions: condition(two) }) }) },
  ];
  const code = await declareTypes(kinds("string", "string"));
  expect(code.match(/export type Condition\b/g)).toHaveLength(1);
  await expect(declareTypes(kinds("string", "integer"))).rejects.toThrow(
    "Cannot generate type Condition: two different schemas have that name",
  );
});

test("declareTypes() throws on a nested object without a name", async () => {
  const schema = object({ status: object({ unheardOf: object({}) }) });
  await expect(declareTypes([{ kind: "Beacon", schema }])).rejects.toThrow(
    "Cannot name the type of Beacon.status.unheardOf: add it to hack/types/names.ts",
  );
});
