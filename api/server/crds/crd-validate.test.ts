import { expect, test } from "vitest";
import {
  crd,
  field,
  inVersion,
  type Parts,
  rootSchema,
  said,
  text,
  version,
  whole,
} from "../../../test/kit/crds.ts";
import { crdCauses } from "./crd-validate.ts";

// The groups and the words of Kubernetes' own table of CustomResourceDefinitions, fixtures our own.

const v = "spec.versions[0]";
const root = `${v}.schema.openAPIV3Schema`;

const accepted: readonly (readonly [why: string, parts: Parts])[] = [
  ["the plainest", {}],
  ["a version that is not served", inVersion({ served: false })],
  ["several versions", { spec: { versions: [version("v1beta1", { storage: false }), version()] } }],
  [
    "names with upper case where kinds have it",
    { names: { kind: "BigSize", listKind: "BigSizes" } },
  ],
  ["short names and categories", { names: { shortNames: ["sz"], categories: ["all"] } }],
  ["a deprecated version", inVersion({ deprecated: true, deprecationWarning: "use v2" })],
  [
    "a scale",
    inVersion({
      subresources: {
        scale: {
          specReplicasPath: ".spec.n",
          statusReplicasPath: ".status.n",
          labelSelectorPath: ".status.s",
        },
      },
    }),
  ],
  [
    "columns of every type",
    inVersion({
      additionalPrinterColumns: ["string", "integer", "number", "boolean", "date"].map((type) => ({
        name: type,
        type,
        jsonPath: ".spec.size",
      })),
    }),
  ],
  ["a selectable field", inVersion({ selectableFields: [{ jsonPath: ".spec.size" }] })],
  [
    "a community group with its approval",
    {
      metadata: {
        name: "sizes.x.k8s.io",
        annotations: {
          "api-approved.kubernetes.io": "https://github.com/kubernetes/kubernetes/pull/1",
        },
      },
      spec: { group: "x.k8s.io" },
    },
  ],
  [
    "names of the metadata",
    rootSchema(
      whole({
        metadata: { type: "object", properties: { name: { type: "string", maxLength: 9 } } },
      }),
    ),
  ],
  [
    "a default",
    field({
      type: "object",
      properties: { a: { type: "integer", default: 1 } },
      default: { a: 2 },
    }),
  ],
  ["anything", rootSchema({ type: "object", "x-kubernetes-preserve-unknown-fields": true })],
  [
    "int-or-string below allOf",
    field({
      "x-kubernetes-int-or-string": true,
      allOf: [{ anyOf: [{ type: "integer" }, { type: "string" }] }, { pattern: "x" }],
    }),
  ],
  [
    "an embedded object",
    field({
      type: "object",
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    }),
  ],
  [
    "a rule with all its parts",
    field({
      ...text,
      maxLength: 9,
      "x-kubernetes-validations": [
        {
          rule: "self != ''",
          message: "m",
          reason: "FieldValueRequired",
          messageExpression: "'x' + self",
        },
      ],
    }),
  ],
  [
    "a rule about the past",
    field({
      ...text,
      maxLength: 9,
      "x-kubernetes-validations": [
        { rule: "!oldSelf.hasValue() || self == oldSelf.value()", optionalOldSelf: true },
      ],
    }),
  ],
];

test.each(accepted)("crdCauses() accepts %s", (_why, parts) => {
  expect(said(crd(parts))).toEqual([]);
});

const label = "a DNS-1035 label must consist of lower case";
const refused: [why: string, parts: Parts, ...want: string[]][] = [
  [
    "another name",
    { metadata: { name: "x.example.com" } },
    'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group',
  ],
  ["no group", { metadata: { name: "sizes." }, spec: { group: "" } }, "spec.group: Required value"],
  [
    "a group of one label",
    { metadata: { name: "sizes.x" }, spec: { group: "x" } },
    'spec.group: Invalid value: "x": should be a domain with at least one dot',
  ],
  [
    "a group that is no domain",
    { metadata: { name: "sizes.A.b" }, spec: { group: "A.b" } },
    'spec.group: Invalid value: "A.b": a lowercase RFC 1123 subdomain',
  ],
  ["no scope", { spec: { scope: "" } }, "spec.scope: Required value"],
  [
    "an unknown scope",
    { spec: { scope: "Global" } },
    'spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"',
  ],
  [
    "two storage versions",
    { spec: { versions: [version(), version("v2")] }, status: { storedVersions: ["v1", "v2"] } },
    'spec.versions: Invalid value: ["v1","v2"]: must have exactly one version marked as storage version',
  ],
  [
    "a version twice",
    { spec: { versions: [version(), version("v1", { storage: false })] } },
    'spec.versions: Invalid value: ["v1","v1"]: must contain unique version names',
  ],
  [
    "a version that is no label",
    { spec: { versions: [version("V1")] }, status: { storedVersions: ["V1"] } },
    `${v}.name: Invalid value: "V1": ${label}`,
  ],
  ["no schema", inVersion({ schema: undefined }), `${root}: Required value`],
  [
    "no names",
    {
      names: { plural: "", singular: "", kind: "", listKind: "" },
      metadata: { name: ".example.com" },
    },
    "spec.names.plural: Required value",
    "spec.names.singular: Required value",
    "spec.names.kind: Required value",
    "spec.names.listKind: Required value",
  ],
  [
    "names that are no labels",
    { names: { singular: "a b", kind: "a_b", listKind: "a.b" } },
    `spec.names.singular: Invalid value: "a b": ${label}`,
    'spec.names.kind: Invalid value: "a_b": may have mixed case, but should otherwise match: ',
    'spec.names.listKind: Invalid value: "a.b": may have mixed case',
  ],
  [
    "wrong short names and categories",
    { names: { shortNames: ["A"], categories: ["B"] } },
    'spec.names.shortNames[0]: Invalid value: "A"',
    'spec.names.categories[0]: Invalid value: "B"',
  ],
  [
    "a kind like its list",
    { names: { listKind: "Size" } },
    'spec.names.listKind: Invalid value: "Size": kind and listKind may not be the same',
  ],
  [
    "unknown fields kept",
    { spec: { preserveUnknownFields: true } },
    "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true",
  ],
  [
    "an unknown conversion",
    { spec: { conversion: { strategy: "Magic" } } },
    'spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"',
  ],
  [
    "a conversion webhook",
    { spec: { conversion: { strategy: "Webhook", webhook: {} } } },
    "spec.conversion.strategy: Forbidden: conversion webhooks are not supported",
  ],
  [
    "a webhook without its strategy",
    { spec: { conversion: { strategy: "None", webhook: {} } } },
    "spec.conversion.webhook: Forbidden: should not be set when strategy is not set to Webhook",
  ],
  [
    "a warning of what is not deprecated",
    inVersion({ deprecationWarning: "x" }),
    `${v}.deprecationWarning: Invalid value: "x": can only be set for deprecated versions`,
  ],
  [
    "an empty warning",
    inVersion({ deprecated: true, deprecationWarning: "" }),
    `${v}.deprecationWarning: Invalid value: "": must not be an empty string`,
  ],
  [
    "a warning that is too long",
    inVersion({ deprecated: true, deprecationWarning: "x".repeat(257) }),
    `${v}.deprecationWarning: Invalid value: "${"x".repeat(257)}": must be <= 256 characters long`,
  ],
  [
    "a warning of two lines",
    inVersion({ deprecated: true, deprecationWarning: "a\nb" }),
    `${v}.deprecationWarning: Invalid value: "a\\nb": must only contain printable UTF-8 characters; non-printable character found at index 1`,
  ],
  [
    "a scale without paths",
    inVersion({ subresources: { scale: {} } }),
    `${v}.subresources.scale.specReplicasPath: Required value`,
    `${v}.subresources.scale.statusReplicasPath: Required value`,
  ],
  [
    "a scale of other places",
    inVersion({
      subresources: {
        scale: {
          specReplicasPath: ".a.n",
          statusReplicasPath: ".spec.n",
          labelSelectorPath: ".x.s",
        },
      },
    }),
    `${v}.subresources.scale.specReplicasPath: Invalid value: ".a.n": should be a json path under .spec`,
    `${v}.subresources.scale.statusReplicasPath: Invalid value: ".spec.n": should be a json path under .status`,
    `${v}.subresources.scale.labelSelectorPath: Invalid value: ".x.s": should be a json path under either .spec or .status`,
  ],
  [
    "paths that are none",
    inVersion({
      subresources: { scale: { specReplicasPath: "spec", statusReplicasPath: "status" } },
    }),
    `${v}.subresources.scale.specReplicasPath: Invalid value: "spec": must be a simple json path starting with .`,
    `${v}.subresources.scale.statusReplicasPath: Invalid value: "status": must be a simple json path starting with .`,
  ],
  [
    "a column without its parts",
    inVersion({ additionalPrinterColumns: [{}] }),
    `${v}.additionalPrinterColumns[0].name: Required value`,
    `${v}.additionalPrinterColumns[0].type: Required value: must be one of boolean,date,integer,number,string`,
    `${v}.additionalPrinterColumns[0].jsonPath: Required value`,
  ],
  [
    "a column of no type",
    inVersion({ additionalPrinterColumns: [{ name: "a", type: "x", format: "y", jsonPath: "z" }] }),
    `${v}.additionalPrinterColumns[0].type: Invalid value: "x": must be one of boolean,date,integer,number,string`,
    `${v}.additionalPrinterColumns[0].format: Invalid value: "y": must be one of binary,`,
    `${v}.additionalPrinterColumns[0].jsonPath: Invalid value: "z": must be a simple json path starting with .`,
  ],
  [
    "selectable fields that are none",
    inVersion({
      selectableFields: [
        { jsonPath: "" },
        { jsonPath: ".spec" },
        { jsonPath: ".x" },
        { jsonPath: ".spec.size" },
        { jsonPath: ".spec.size" },
      ],
    }),
    `${v}.selectableFields[0].jsonPath: Required value`,
    `${v}.selectableFields[1].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.`,
    `${v}.selectableFields[2].jsonPath: Invalid value: ".x": is an invalid path: does not refer to a valid field`,
    `${v}.selectableFields[4].jsonPath: Duplicate value: ".spec.size"`,
  ],
  [
    "more than eight selectable fields",
    inVersion({
      schema: {
        openAPIV3Schema: whole(
          Object.fromEntries(Array.from("abcdefghi").map((name) => [name, text])),
        ),
      },
      selectableFields: Array.from("abcdefghi").map((name) => ({ jsonPath: `.${name}` })),
    }),
    `${v}.selectableFields: Too many: 9: must have at most 8 items`,
  ],
  [
    "no stored version",
    { status: { storedVersions: [] } },
    "status.storedVersions: Invalid value: []: must have at least one stored version",
  ],
  [
    "a storage version that is not stored",
    { spec: { versions: [version("v1", { storage: false }), version("v2")] } },
    'status.storedVersions: Invalid value: ["v1"]: must have the storage version v2',
  ],
  [
    "a stored version that is gone",
    { status: { storedVersions: ["v0", "v1"] } },
    'status.storedVersions[0]: Invalid value: "v0": missing from spec.versions; v0 was previously a storage version',
  ],
  [
    "a community group without approval",
    { metadata: { name: "sizes.x.k8s.io" }, spec: { group: "x.k8s.io" } },
    'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io"',
  ],
  [
    "an approval that is no address",
    {
      metadata: { name: "sizes.k8s.io", annotations: { "api-approved.kubernetes.io": "yes" } },
      spec: { group: "k8s.io" },
    },
    'metadata.annotations[api-approved.kubernetes.io]: Invalid value: "yes"',
  ],
];

test.each(refused)("crdCauses() refuses %s", (_why, parts, ...want) => {
  const found = said(crd(parts)).filter((cause) => !cause.startsWith("status.acceptedNames"));
  expect(found.map((cause, i) => cause.slice(0, want[i]?.length))).toEqual(want);
});

const established = {
  conditions: [{ type: "Established", status: "True", reason: "", message: "" }],
};

test.each([
  ["the group", { spec: { group: "other.com" } }, "spec.group", '"other.com"'],
  ["the plural", { names: { plural: "others" } }, "spec.names.plural", '"others"'],
  ["the scope", { spec: { scope: "Cluster" } }, "spec.scope", '"Cluster"'],
  ["the kind", { names: { kind: "Other" } }, "spec.names.kind", '"Other"'],
])("crdCauses() lets no update change %s", (_what, parts: Parts, path, value) => {
  const before = crd({ status: established });
  const found = said(crd({ ...parts, status: established }), before);
  expect(found).toContain(`${path}: Invalid value: ${value}: field is immutable`);
});

test("crdCauses() lets scope and kind change as long as nothing is served", () => {
  const made = crd({ spec: { scope: "Cluster" }, names: { kind: "Other", listKind: "Others" } });
  expect(said(made, crd())).toEqual([]);
});

test("crdCauses() keeps what was accepted before: costly rules, unknown fields, too many fields", () => {
  const costly = field({
    type: "array",
    items: text,
    "x-kubernetes-validations": [{ rule: "self.all(x, self.exists(y, x == y))" }],
  });
  const found = said(crd(costly), crd(costly));
  expect(found.filter((cause) => cause.includes("estimated rule cost exceeds"))).toEqual([]);
  const open = { spec: { preserveUnknownFields: true } };
  expect(said(crd(open), crd(open))).toEqual([]);
});

test("what is missing altogether is required, and a rule for another type is refused once", () => {
  const bare = { ...crd({}), spec: { versions: [] } } as unknown as Parameters<typeof crdCauses>[0];
  expect(crdCauses(bare).map(({ field: at }) => at)).toEqual(
    expect.arrayContaining(["spec.group", "spec.scope", "spec.names.plural", "spec.names.kind"]),
  );
  const none = [{ message: "no" }] as unknown as readonly { readonly rule: string }[];
  const mute = crdCauses(crd(rootSchema({ type: "object", "x-kubernetes-validations": none })));
  expect(mute.map(({ field: at }) => at)).toEqual([`${root}.x-kubernetes-validations[0].rule`]);
  const rules = [{ rule: "self.n < 9" }];
  const spec = { type: "integer", default: 1, "x-kubernetes-validations": rules };
  const wrong = crdCauses(crd(rootSchema({ type: "object", properties: { spec } })));
  expect(wrong.map(({ field: at }) => at)).toEqual([
    `${root}.properties[spec].x-kubernetes-validations[0].rule`,
  ]);
});
