import { expect, test } from "vitest";
import { toV2Schema } from "./v2-schema.ts";

const any = { "x-kubernetes-preserve-unknown-fields": true };

test.each([
  [
    "references of v3 become those of v2",
    { $ref: "#/components/schemas/a.B" },
    { $ref: "#/definitions/a.B" },
  ],
  [
    "a described reference needs no allOf",
    { description: "d", default: {}, allOf: [{ $ref: "#/components/schemas/a.B" }] },
    { description: "d", default: {}, $ref: "#/definitions/a.B" },
  ],
  [
    "junctors go",
    { type: "object", allOf: [{ required: ["a"] }], anyOf: [{}], oneOf: [{}], not: {} },
    { type: "object" },
  ],
  [
    "a port of a custom kind stays without a type",
    { anyOf: [{ type: "integer" }, { type: "string" }], "x-kubernetes-int-or-string": true },
    { "x-kubernetes-int-or-string": true },
  ],
  [
    "a quantity of a built-in kind is a string",
    { description: "d", oneOf: [{ type: "string" }, { type: "number" }] },
    { description: "d", type: "string" },
  ],
  [
    "what may be null has no type and no shape",
    { type: "object", nullable: true, properties: { a: {} }, description: "d" },
    { description: "d" },
  ],
  [
    "what may be null is not required",
    {
      type: "object",
      required: ["a", "b"],
      properties: { a: { type: "string", nullable: true }, b: { type: "string" } },
    },
    { type: "object", required: ["b"], properties: { a: {}, b: { type: "string" } } },
  ],
  [
    "nothing is required where every value may be null",
    { type: "object", required: ["a"], additionalProperties: { type: "string", nullable: true } },
    { type: "object", additionalProperties: {} },
  ],
  [
    "where unknown fields are kept nothing is promised",
    { ...any, type: "object", properties: { a: { type: "string" } } },
    any,
  ],
  ["an array needs a schema for its items", { type: "array" }, {}],
  [
    "a property may be called like a keyword",
    { type: "object", properties: { nullable: { type: "boolean" }, not: { type: "string" } } },
    { type: "object", properties: { nullable: { type: "boolean" }, not: { type: "string" } } },
  ],
  [
    "defaults, limits and extensions stay at every depth",
    { type: "array", items: { type: "integer", default: 1, maximum: 3, nullable: false } },
    { type: "array", items: { type: "integer", default: 1, maximum: 3 } },
  ],
])("%s", (_, schema, want) => {
  expect(toV2Schema(schema)).toEqual(want);
});

test("an embedded object has the fields of all objects", () => {
  const embedded = { type: "object", "x-kubernetes-embedded-resource": true };
  expect(toV2Schema(embedded)["properties"]).toMatchObject({
    kind: { type: "string" },
    metadata: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
  });
  expect(toV2Schema({ ...embedded, ...any })).toEqual({
    "x-kubernetes-embedded-resource": true,
    ...any,
  });
});
