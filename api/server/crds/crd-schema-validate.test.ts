import { expect, test } from "vitest";
import { crd, field, type Parts, rootSchema, said, text, whole } from "../../../test/kit/crds.ts";

// The groups and the words of Kubernetes' own table of CustomResourceDefinitions, fixtures our own.

const v = "spec.versions[0]";
const root = `${v}.schema.openAPIV3Schema`;
const f = `${root}.properties[f]`;

const refused: [why: string, parts: Parts, ...want: string[]][] = [
  [
    "another root",
    rootSchema({ type: "array", items: text }),
    `${root}.type: Invalid value: "array": must be object at the root`,
  ],
  [
    "a root beside a status",
    rootSchema({ ...whole(), anyOf: [{}] }, { subresources: { status: {} } }),
    `${root}: Invalid value: "anyOf": only [Description Type`,
  ],
  [
    "a root that may be null",
    rootSchema({ ...whole(), nullable: true }),
    `${root}.nullable: Forbidden: nullable cannot be true at the root`,
  ],
  [
    "a default of the root's kind",
    rootSchema(whole({ kind: { type: "string", default: "x" } })),
    `${root}.properties[kind].default: Forbidden: must not be set in top-level kind`,
  ],
  [
    "more about the metadata",
    rootSchema(whole({ metadata: { type: "object", properties: { labels: { type: "object" } } } })),
    `${root}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
  ],
  [
    "a null type",
    field({ type: "null" }),
    `${f}.type: Unsupported value: "null"`,
    `${f}.type: Forbidden: type cannot be set to null, use nullable as an alternative`,
  ],
  [
    "keywords of OpenAPI that are refused",
    field({
      ...text,
      ...({
        id: "x",
        patternProperties: { a: {} },
        definitions: { a: {} },
        dependencies: {},
        additionalItems: true,
      } as object),
    }),
    `${f}.id: Forbidden: id is not supported`,
    `${f}.additionalItems: Forbidden: additionalItems is not supported`,
    `${f}.patternProperties: Forbidden: patternProperties is not supported`,
    `${f}.definitions: Forbidden: definitions is not supported`,
    `${f}.dependencies: Forbidden: dependencies is not supported`,
  ],
  [
    "unknown fields not kept",
    field({ type: "object", "x-kubernetes-preserve-unknown-fields": false }),
    `${f}.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined`,
  ],
  [
    "a map type of no map",
    field({ ...text, "x-kubernetes-map-type": "atomic" }),
    `${f}.type: Invalid value: "string": must be object if x-kubernetes-map-type is specified`,
  ],
  [
    "an unknown map type",
    field({ type: "object", "x-kubernetes-map-type": "bag" as "atomic" }),
    `${f}.x-kubernetes-map-type: Unsupported value: "bag": supported values: "atomic", "granular"`,
  ],
  [
    "a set of sets",
    field({
      type: "array",
      "x-kubernetes-list-type": "set",
      items: { type: "array", items: text, "x-kubernetes-list-type": "set" },
    }),
    `${f}.items.x-kubernetes-list-type: Invalid value: "set": must be atomic as item of a list with x-kubernetes-list-type=set`,
  ],
  [
    "keys without a map",
    field({ type: "array", items: text, "x-kubernetes-list-map-keys": ["a"] }),
    `${f}.x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty`,
  ],
  [
    "keys of a set",
    field({
      type: "array",
      items: text,
      "x-kubernetes-list-type": "set",
      "x-kubernetes-list-map-keys": ["a"],
    }),
    `${f}.x-kubernetes-list-type: Invalid value: "set": must be map if x-kubernetes-list-map-keys is non-empty`,
  ],
  [
    "keys of texts",
    field({
      type: "array",
      items: text,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a"],
    }),
    `${f}.items.type: Invalid value: "string": must be object if parent array's x-kubernetes-list-type is map`,
  ],
  [
    "keys that are no fields, twice",
    field({
      type: "array",
      items: { type: "object", properties: { b: text } },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a", "a"],
    }),
    `${f}.x-kubernetes-list-map-keys: Invalid value: ["a","a"]: entries must all be names of item properties`,
    `${f}.x-kubernetes-list-map-keys: Invalid value: ["a","a"]: must not contain duplicate entries`,
  ],
  [
    "a key that is a list",
    field({
      type: "array",
      items: { type: "object", required: ["a"], properties: { a: { type: "array", items: text } } },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a"],
    }),
    `${f}.items.properties[a].type: Invalid value: "object": must be a scalar type if parent array's x-kubernetes-list-type is map`,
  ],
  [
    "items and keys that may be null",
    field({
      type: "array",
      items: {
        type: "object",
        nullable: true,
        required: ["a"],
        properties: { a: { ...text, nullable: true } },
      },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a"],
    }),
    `${f}.items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is map`,
    `${f}.items.properties[a].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable`,
  ],
  [
    "an int-or-string that keeps unknown fields",
    field({
      "x-kubernetes-int-or-string": true,
      "x-kubernetes-preserve-unknown-fields": true,
      "x-kubernetes-embedded-resource": true,
    }),
    `${f}.x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true`,
    `${f}.x-kubernetes-embedded-resource: Invalid value: true: must be false if x-kubernetes-int-or-string is true`,
    `${f}.type: Required value: must be object if x-kubernetes-embedded-resource is true`,
  ],
  [
    "an embedded object that is a map",
    field({
      type: "object",
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
      additionalProperties: text,
    }),
    `${f}.additionalProperties: Forbidden: must not be used if x-kubernetes-embedded-resource is set`,
  ],
  [
    "embedded metadata of wrong types",
    field({
      type: "object",
      "x-kubernetes-embedded-resource": true,
      properties: { kind: { type: "integer" }, metadata: { type: "string" } },
    }),
    `${f}.properties[kind].type: Invalid value: "integer": must be string`,
    `${f}.properties[metadata].type: Invalid value: "string": must be object`,
  ],
  [
    "metadata in a condition",
    rootSchema({
      ...whole({ metadata: { type: "object" } }),
      anyOf: [{ properties: { metadata: {} } }],
    }),
    `${root}.anyOf[0].properties[metadata]: Forbidden: must not be specified in a nested context`,
  ],
  [
    "structure in conditions",
    field({
      ...text,
      not: {
        nullable: true,
        title: "t",
        description: "d",
        additionalProperties: true,
        "x-kubernetes-int-or-string": true,
        "x-kubernetes-list-type": "set",
        "x-kubernetes-validations": [{ rule: "true" }],
      },
    }),
    ...[
      "additionalProperties: Forbidden: must be undefined",
      "title: Forbidden: must be empty",
      "description: Forbidden: must be empty",
      "nullable: Forbidden: must be false",
      "x-kubernetes-int-or-string: Forbidden: must be false",
      "x-kubernetes-list-type: Forbidden: must be undefined",
      "x-kubernetes-validations: Forbidden: must be empty",
    ].map((why) => `${f}.not.${why} to be structural`),
    `${f}.not.type: Required value: must be array if x-kubernetes-list-type is specified`,
  ],
  [
    "a default with unknown fields",
    field({ type: "object", properties: { a: text }, default: { b: 1 } }),
    `${f}.default: Invalid value: {"b":1}: must not have unknown fields`,
  ],
  [
    "a default of the wrong type inside",
    field({ type: "object", properties: { a: text }, default: { a: 1 } }),
    `${f}.default.a: Invalid value: "integer": default.a in body must be of type string: "integer"`,
  ],
  [
    "a default that a rule refuses",
    field({
      type: "integer",
      default: 1,
      "x-kubernetes-validations": [{ rule: "self > 1", message: "too small" }],
    }),
    `${f}.default: Invalid value: 1: too small`,
  ],
  [
    "a rule without its text",
    field({ ...text, "x-kubernetes-validations": [{ rule: " " }] }),
    `${f}.x-kubernetes-validations[0].rule: Required value: rule is not specified`,
  ],
  [
    "a rule of two lines without a message",
    field({ ...text, maxLength: 9, "x-kubernetes-validations": [{ rule: "self\n!= ''" }] }),
    `${f}.x-kubernetes-validations[0].message: Required value: message must be specified if rule contains line breaks`,
  ],
  [
    "messages that are none",
    field({
      ...text,
      maxLength: 9,
      "x-kubernetes-validations": [
        { rule: "true", message: " " },
        { rule: "true", message: "a\nb" },
        { rule: "true", messageExpression: " " },
      ],
    }),
    `${f}.x-kubernetes-validations[0].message: Invalid value: " ": must be non-empty if specified`,
    `${f}.x-kubernetes-validations[1].message: Invalid value: "a\\nb": must not contain line breaks`,
    `${f}.x-kubernetes-validations[2].messageExpression: Required value: messageExpression must be non-empty if specified`,
  ],
  [
    "an unknown reason and a path to nowhere",
    field({
      type: "object",
      properties: { a: text },
      "x-kubernetes-validations": [{ rule: "true", reason: "X", fieldPath: ".b" }],
    }),
    `${f}.x-kubernetes-validations[0].reason: Unsupported value: "X"`,
    `${f}.x-kubernetes-validations[0].fieldPath: Invalid value: ".b": must be a valid path`,
  ],
  [
    "the past of items without keys",
    field({
      type: "array",
      maxItems: 3,
      items: { ...text, maxLength: 9, "x-kubernetes-validations": [{ rule: "self == oldSelf" }] },
    }),
    `${f}.items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${f}`,
  ],
  [
    "an optional past that nobody looks at",
    field({
      ...text,
      maxLength: 9,
      "x-kubernetes-validations": [{ rule: "self == ''", optionalOldSelf: true }],
    }),
    `${f}.x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule`,
  ],
  [
    "a rule that may cost too much",
    field({
      type: "array",
      items: text,
      "x-kubernetes-validations": [{ rule: "self.all(x, self.all(y, x == y))" }],
    }),
    `${f}.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength`,
    `${f}.x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
    `${root}: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x`,
  ],
];

test.each(refused)("crdCauses() refuses %s", (_why, parts, ...want) => {
  const found = said(crd(parts)).filter((cause) => !cause.startsWith("status.acceptedNames"));
  expect(found.map((cause, i) => cause.slice(0, want[i]?.length))).toEqual(want);
});
