import { expect, test } from "vitest";
import { compileStructural } from "../api/server/schema/structural.ts";
import { crds } from "./crds.ts";

type Node = { readonly [keyword: string]: unknown };

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const schemaOf = (kind: string): Node => {
  const crd = crds.find(({ spec }) => spec.names.kind === kind);
  return (crd?.spec.versions[0]?.schema.openAPIV3Schema ?? {}) as Node;
};

/** Every node of a schema with its path, value validations left out. */
function* nodes(node: Node, path: string): Generator<[path: string, node: Node]> {
  yield [path, node];
  const { properties, items, additionalProperties } = node;
  for (const [name, inner] of Object.entries(isNode(properties) ? properties : {}))
    if (isNode(inner)) yield* nodes(inner, `${path}.${name}`);
  if (isNode(items)) yield* nodes(items, `${path}[]`);
  if (isNode(additionalProperties)) yield* nodes(additionalProperties, `${path}{}`);
}

const kinds = ["Application", "Revision", "Beacon", "User", "Session"];
const everywhere = kinds.flatMap((kind) => [...nodes(schemaOf(kind), kind)]);
const where = (holds: (node: Node, path: string) => boolean): string[] =>
  everywhere.filter(([path, node]) => holds(node, path)).map(([path]) => path);

/** Those of the object itself, to which Kubernetes allows nothing but a description. */
const ofServer = /^\w+\.(apiVersion|kind|metadata)$/;

test("every property has a description that ends with a full stop", () => {
  const named = where(({ description }, path) => {
    const isProperty = /\.\w+$/.test(path) || !path.includes(".");
    // Of the root's metadata, Kubernetes refuses to be told anything: it is the server's.
    if (/^\w+\.metadata$/.test(path)) return false;
    return isProperty && !(typeof description === "string" && /^\S.*\.$/.test(description));
  });
  expect(named).toEqual([]);
});

test("every default is named in its description", () => {
  const silent = where(({ default: value, description }) => {
    if (value === undefined) return false;
    // Structures are told in words.
    const scalar = typeof value === "object" ? "" : JSON.stringify(value).replaceAll('"', "");
    const said = String(description).split(/Default /)[1];
    return said === undefined || !said.includes(scalar);
  });
  expect(silent).toEqual([]);
});

test("schemas are structural: every node has a type, none uses what Kubernetes forbids", () => {
  expect(
    where((node) => node["type"] === undefined && node["x-kubernetes-int-or-string"] !== true),
  ).toEqual([]);
  expect(
    where((node) => node["type"] !== undefined && node["x-kubernetes-int-or-string"] === true),
  ).toEqual([]);
  const forbidden = [
    "$ref",
    "uniqueItems",
    "definitions",
    "dependencies",
    "patternProperties",
    "id",
  ];
  expect(where((node) => forbidden.some((keyword) => keyword in node))).toEqual([]);
  expect(where((node) => "properties" in node && "additionalProperties" in node)).toEqual([]);
});

test("texts, lists and maps are bounded, so that the cost of rules stays small", () => {
  const endless = where((node, path) => {
    if (ofServer.test(path) || node["enum"] !== undefined) return false;
    if (node["type"] === "array") return node["maxItems"] === undefined;
    if (node["type"] === "string")
      return node["maxLength"] === undefined && node["format"] === undefined;
    return "additionalProperties" in node && node["maxProperties"] === undefined;
  });
  expect(endless).toEqual([]);
});

test("every list says how it merges, and its keys are always there", () => {
  expect(
    where((node) => node["type"] === "array" && node["x-kubernetes-list-type"] === undefined),
  ).toEqual([]);
  const keyless = where(({ "x-kubernetes-list-map-keys": keys, items }) => {
    if (!Array.isArray(keys) || !isNode(items)) return false;
    const { required, properties } = items;
    return keys.some((key: string) => {
      const field = isNode(properties) ? properties[key] : undefined;
      const isRequired = Array.isArray(required) && required.includes(key);
      return !isRequired && !(isNode(field) && "default" in field);
    });
  });
  expect(keyless).toEqual([]);
});

test("integers have a format and a least value", () => {
  const loose = where(
    ({ type, format, minimum }, path) =>
      type === "integer" &&
      (format === undefined || (minimum === undefined && !path.endsWith("tolerationSeconds"))),
  );
  expect(loose).toEqual([]);
});

test("defaults are valid where they stand, filled in and unchanged by pruning", () => {
  for (const [path, node] of everywhere) {
    if (node["default"] === undefined) continue;
    const schema = compileStructural({ type: "object", properties: { v: node } });
    const object: Node = {};
    schema.setDefaults(object);
    expect([path, schema.prune(object), schema.validate(object)]).toEqual([path, [], []]);
  }
});

test.each(kinds)("the rules of %s compile, and say what they want", (kind) => {
  compileStructural(schemaOf(kind));
  for (const [, node] of nodes(schemaOf(kind), kind)) {
    const rules = node["x-kubernetes-validations"];
    for (const rule of Array.isArray(rules) ? (rules as Node[]) : []) {
      expect(rule["message"]).toMatch(/^\S.*[^.]$/);
      expect(rule["rule"]).not.toContain("\n");
    }
  }
});

test("the template of a Revision is that of an Application", () => {
  const template = (kind: string): Node | undefined =>
    everywhere.find(([path]) => path === `${kind}.spec.template`)?.[1];
  expect(template("Revision")).toEqual(template("Application"));
});

test("kinds are found by the names that people type", () => {
  expect(
    crds.map(({ metadata, spec }) => [metadata.name, spec.scope, spec.names.shortNames]),
  ).toEqual([
    ["applications.lighthouse.dev", "Namespaced", ["app"]],
    ["revisions.lighthouse.dev", "Namespaced", ["rev"]],
    ["beacons.lighthouse.dev", "Cluster", undefined],
    ["users.lighthouse.dev", "Cluster", undefined],
    ["sessions.lighthouse.dev", "Cluster", undefined],
  ]);
  for (const { spec } of crds) expect(spec.names.categories).toContain("lighthouse");
});
