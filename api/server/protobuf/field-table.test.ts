import { expect, test } from "vitest";
import { openTestApp } from "../../../test/kit/app.ts";
import { apiVersionOf } from "../../machinery/gvk.ts";
import { builtInDefinitions } from "../openapi/builtin.ts";
import { fieldTable } from "./field-table.ts";

const table = fieldTable();

test("every built-in kind that can be written has a protobuf form", async () => {
  await using app = await openTestApp();
  const missing = app.scope.kinds
    .list()
    .filter(({ custom, verbs }) => !custom && verbs.includes("create"))
    .map((kind) => [apiVersionOf(kind), kind.kind] as const)
    .filter(([apiVersion, kind]) => table.definitionOf(apiVersion, kind) === undefined);
  expect(missing).toEqual([]);
});

test.each([
  ["v1", "Binding"],
  ["policy/v1", "Eviction"],
  ["policy/v1beta1", "Eviction"],
  ["autoscaling/v1", "Scale"],
  ["authentication.k8s.io/v1", "TokenRequest"],
  ["apps/v1", "DeleteOptions"],
])("%s %s has one too: subresources speak it", (apiVersion, kind) => {
  expect(table.definitionOf(apiVersion, kind)).toBeDefined();
});

test.each([
  ["apps/v1", "Deployment"],
  ["lighthouse.dev/v1", "Application"],
  ["metrics.k8s.io/v1beta1", "PodMetrics"],
  ["", "constructor"],
])("%s %s has none", (apiVersion, kind) => {
  expect(table.definitionOf(apiVersion, kind)).toBeUndefined();
});

test("fields that the schemas name are in the table, by the same names", async () => {
  const schemas = await builtInDefinitions();
  const differences: string[] = [];
  for (const [name, { properties }] of schemas) {
    const message = table.message(name);
    if (message === undefined) continue;
    const read = new Set(namesOf(name));
    for (const field of Object.keys(properties ?? {})) {
      // Kinds are named in the envelope.
      if (!read.has(field) && field !== "kind" && field !== "apiVersion") {
        differences.push(`${name}.${field}`);
      }
    }
  }
  expect(differences).toEqual([]);
});

/** Names of a message's fields in JSON, those of embedded messages included. */
function namesOf(definition: string): readonly string[] {
  const fields = [...(table.message(definition)?.values() ?? [])];
  return fields.flatMap(({ name, type, inline }) => (inline ? namesOf(type) : [name]));
}
