import { expect, test } from "vitest";
import { compileValidation } from "./schema-validate.ts";

const validate = compileValidation(
  {
    type: "object",
    properties: {
      e: {
        type: "object",
        "x-kubernetes-embedded-resource": true,
        "x-kubernetes-preserve-unknown-fields": true,
      },
    },
  },
  () => () => true,
);

const sound = { apiVersion: "v1", kind: "Pod" };
const withMeta = (metadata: unknown): object => ({ ...sound, metadata });

const cases: [why: string, value: object, ...want: string[]][] = [
  ["no metadata", sound],
  ["a group", { ...sound, apiVersion: "shop.example.com/v1beta1" }],
  [
    "sound metadata",
    withMeta({ name: "a", namespace: "b", labels: { a: "b" }, annotations: { "A.b/c": "" } }),
  ],
  ["names of other kinds", withMeta({ name: "system:Master" })],
  ["no apiVersion", { kind: "Pod" }, "e.apiVersion: Required value: must not be empty"],
  ["an empty kind", { ...sound, kind: "" }, "e.kind: Required value: must not be empty"],
  [
    "a kind that is no text",
    { ...sound, kind: 1 },
    'e.kind: Invalid value: "integer": must be a string',
  ],
  [
    "a kind that is no name",
    { ...sound, kind: "a b" },
    'e.kind: Invalid value: "a b": may have mixed case',
  ],
  [
    "too many parts of a version",
    { ...sound, apiVersion: "a/b/c" },
    'e.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string',
  ],
  ["metadata that is none", withMeta(1), 'e.metadata: Invalid value: "integer": must be an object'],
  [
    "a name with a slash",
    withMeta({ name: "a/b" }),
    "e.metadata.name: Invalid value: \"a/b\": may not contain '/'",
  ],
  [
    "a name of dots",
    withMeta({ name: ".." }),
    "e.metadata.name: Invalid value: \"..\": may not be '..'",
  ],
  [
    "a name that is no text",
    withMeta({ name: 1 }),
    'e.metadata.name: Invalid value: "integer": must be a string',
  ],
  [
    "labels that are none",
    withMeta({ labels: [] }),
    'e.metadata.labels: Invalid value: "array": must be a map of strings',
  ],
  [
    "a wrong label",
    withMeta({ labels: { "a b": "c" } }),
    'e.metadata.labels: Invalid value: "a b": ',
  ],
  [
    "a label that is no text",
    withMeta({ labels: { a: 1 } }),
    'e.metadata.labels: Invalid value: "integer": must be a map of strings',
  ],
];

test.each(cases)("embeddedCheck looks at %s", (_why, value, ...want) => {
  const found = validate({ e: value }).map(({ field, message }) => `${field}: ${message}`);
  expect(found.map((cause, i) => cause.slice(0, want[i]?.length))).toEqual(want);
});
