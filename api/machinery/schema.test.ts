import { assert, anything, property } from "fast-check";
import { expect, test } from "vitest";
import { compileSchema } from "./schema.ts";

const compiled = compileSchema(
  {
    type: "object",
    required: ["spec"],
    properties: {
      spec: {
        type: "object",
        properties: {
          count: { type: "integer", minimum: 0, default: 1 },
          items: {
            type: "array",
            items: { type: "object", properties: { a: { type: "string" } } },
          },
        },
      },
    },
  },
  () => () => true,
);

test("compileSchema() survives any value and leaves nothing unknown", () => {
  const total = property(anything(), (spec) => {
    const object = { spec };
    compiled.prune(object);
    compiled.setDefaults(object);
    compiled.validate(object);
    expect(compiled.prune(object)).toEqual([]);
  });
  assert(total, { numRuns: 300 });
});

test("compileSchema() accepts what it filled in itself", () => {
  const object = { apiVersion: "g/v1", kind: "K", metadata: {}, spec: {} };
  compiled.setDefaults(object);
  expect(compiled.validate(object)).toEqual([]);
  expect(object.spec).toEqual({ count: 1 });
});
