import { expect, test } from "vitest";
import { definitionSchemas } from "./definitions.ts";
import type { Body } from "./kind.ts";

const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
const quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";

const schemas = definitionSchemas(
  new Map(
    Object.entries({
      Thing: {
        type: "object",
        properties: {
          apiVersion: { type: "string" },
          kind: { type: "string" },
          spec: ref("Spec"),
          free: {},
        },
      },
      Spec: {
        type: "object",
        properties: {
          count: { type: "integer" },
          ratio: { type: "number" },
          on: { type: "boolean" },
          port: { oneOf: [{ type: "integer" }, { type: "string" }] },
          child: { allOf: [ref("Spec")] },
          list: { type: "array", items: ref("Spec") },
          limits: { type: "object", additionalProperties: ref(quantity) },
          any: { type: "object" },
        },
      },
      [quantity]: { oneOf: [{ type: "string" }, { type: "number" }] },
    }),
  ),
);

const thing = (spec: unknown): Body => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name: "a" },
  spec,
});

test("prune() removes unknown fields at any depth, and nulls, and keeps metadata", () => {
  const spec = {
    count: 1,
    bogus: 1,
    child: { child: { bogus: 2, on: true } },
    list: [{ ratio: 0.5 }, { bogus: 3 }],
    any: { x: { y: 1 } },
    port: null,
  };
  const object = thing(spec);
  expect(schemas.prune("Thing", object)).toEqual([
    "spec.bogus",
    "spec.child.child.bogus",
    "spec.list[1].bogus",
  ]);
  expect(object).toEqual(
    thing({
      count: 1,
      child: { child: { on: true } },
      list: [{ ratio: 0.5 }, {}],
      any: { x: { y: 1 } },
    }),
  );
});

test("prune() writes quantities as text, and takes ports of both kinds", () => {
  const object = thing({ limits: { cpu: 2, memory: "1Gi" }, port: "http" });
  schemas.prune("Thing", object);
  expect(object["spec"]).toEqual({ limits: { cpu: "2", memory: "1Gi" }, port: "http" });
});

test.each([
  [{ count: "1" }, "cannot unmarshal string into field spec.count of type integer"],
  [{ count: 1.5 }, "cannot unmarshal number into field spec.count of type integer"],
  [{ ratio: true }, "cannot unmarshal bool into field spec.ratio of type number"],
  [{ on: "yes" }, "cannot unmarshal string into field spec.on of type boolean"],
  [{ list: {} }, "cannot unmarshal object into field spec.list of type array"],
  [{ child: [] }, "cannot unmarshal array into field spec.child of type object"],
  [{ limits: { cpu: [] } }, "cannot unmarshal array into field spec.limits.cpu of type quantity"],
  ["text", "cannot unmarshal string into field spec of type object"],
])("prune(%j) is refused", (spec, words) => {
  expect(() => schemas.prune("Thing", thing(spec))).toThrow(words);
});

test("prune() writes quantities as Kubernetes does, and leaves what is none to validation", () => {
  const limits = { a: "0.5", b: "1024Mi", c: 2, d: "100m", e: "1e3", f: "lots" };
  const object = thing({ limits });
  expect(schemas.prune("Thing", object)).toEqual([]);
  const written = { a: "500m", b: "1Gi", c: "2", d: "100m", e: "1e3", f: "lots" };
  expect(object).toEqual(thing({ limits: written }));
});
