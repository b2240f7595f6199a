import { equalJson } from "../../machinery/equality.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import { forbiddenValue, invalidValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { isObject, textIn } from "./fill.ts";
import type { Body } from "./kind.ts";
import { secretTypeCauses } from "./secret-types.ts";

/** Largest sum of all values, in bytes. */
const maxBytes = 1024 * 1024;
const keyPattern = /^[-._a-zA-Z0-9]+$/;
const maxKeyLength = 253;

type Values = { readonly field: string; readonly encoded: boolean };

const secretValues: readonly Values[] = [{ field: "data", encoded: true }];
const configValues: readonly Values[] = [
  { field: "data", encoded: false },
  { field: "binaryData", encoded: true },
];

const entriesOf = (object: Body | AnyObject, field: string): readonly [string, unknown][] => {
  const values = object[field];
  return isObject(values) ? Object.entries(values) : [];
};

/** What is wrong with the name of a value, in Kubernetes' words. */
function keyProblems(key: string): readonly string[] {
  const pattern =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  const tooLong = key.length > maxKeyLength;
  return [
    ...(tooLong ? [`must be no more than ${maxKeyLength} characters`] : []),
    ...(keyPattern.test(key) ? [] : [pattern]),
    ...(key === "." || key === ".." ? [`must not be '${key}'`] : []),
    ...(key.length > 2 && key.startsWith("..") ? ["must not start with '..'"] : []),
  ];
}

function keyCauses(object: Body, { field }: Values): readonly StatusCause[] {
  return entriesOf(object, field).flatMap(([key]) =>
    keyProblems(key).map((problem) => invalidValue(`${field}[${key}]`, key, problem)),
  );
}

/** Both maps end up as files of one directory. */
function twiceCauses(object: Body): readonly StatusCause[] {
  const { binaryData } = object;
  if (!isObject(binaryData)) return [];
  return entriesOf(object, "data")
    .filter(([key]) => Object.hasOwn(binaryData, key))
    .map(([key]) => invalidValue(`data[${key}]`, key, "duplicate of key present in binaryData"));
}

function sizeCauses(object: Body, values: readonly Values[]): readonly StatusCause[] {
  let bytes = 0;
  for (const { field, encoded } of values) {
    for (const [, value] of entriesOf(object, field)) {
      const text = typeof value === "string" ? value : "";
      bytes += Buffer.byteLength(text, encoded ? "base64" : "utf8");
    }
  }
  if (bytes <= maxBytes) return [];
  const message = `Too long: may not be more than ${maxBytes} bytes`;
  return [{ reason: "FieldValueTooLong", message, field: "data" }];
}

/** What an immutable object may not change: its values, and being immutable. */
function immutableCauses(
  object: Body,
  before: AnyObject | undefined,
  values: readonly Values[],
): readonly StatusCause[] {
  if (before?.["immutable"] !== true) return [];
  const why = "field is immutable when `immutable` is set";
  const changed = values
    .filter(({ field }) => !equalJson(object[field] ?? {}, before[field] ?? {}))
    .map(({ field }) => forbiddenValue(field, why));
  return object["immutable"] === true ? changed : [forbiddenValue("immutable", why), ...changed];
}

function dataColumn(fields: readonly string[]): ReturnType<typeof column> {
  const count = (object: AnyObject): number =>
    fields.reduce((sum, field) => sum + entriesOf(object, field).length, 0);
  return column("Data", count, { type: "integer" });
}

/** core/v1 ConfigMap. */
export const configMapKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  namespaced: true,
  shortNames: ["cm"],
  definition: "io.k8s.api.core.v1.ConfigMap",
  columns: [nameColumn, dataColumn(["data", "binaryData"]), ageColumn],
  // Tells who reads but the metadata that the values changed, without telling anything of them.
  generation: { but: ["immutable"] },
  strategy: {
    validate: (object, before) => [
      ...configValues.flatMap((values) => keyCauses(object, values)),
      ...twiceCauses(object),
      ...sizeCauses(object, configValues),
      ...immutableCauses(object, before, configValues),
    ],
  },
};

/** `stringData` is for writing only: it lands in `data`, encoded. */
function mergeStringData(object: Body): void {
  const { stringData } = object;
  delete object["stringData"];
  if (!isObject(stringData)) return;
  const data: Record<string, unknown> = isObject(object["data"]) ? { ...object["data"] } : {};
  for (const [key, value] of Object.entries(stringData)) {
    data[key] = typeof value === "string" ? Buffer.from(value).toString("base64") : value;
  }
  object["data"] = data;
}

/** core/v1 Secret. */
export const secretKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "Secret",
  plural: "secrets",
  namespaced: true,
  definition: "io.k8s.api.core.v1.Secret",
  columns: [
    nameColumn,
    column("Type", (object) => textIn(object, "type")),
    dataColumn(["data"]),
    ageColumn,
  ],
  fields: { type: (object) => textIn(object, "type") },
  generation: { but: ["immutable"] },
  strategy: {
    setDefaults(object) {
      mergeStringData(object);
      if (textIn(object, "type") === "") object["type"] = "Opaque";
    },
    validate: (object, before) => [
      ...secretValues.flatMap((values) => keyCauses(object, values)),
      ...sizeCauses(object, secretValues),
      ...secretTypeCauses(object),
      ...immutableCauses(object, before, secretValues),
      ...(before === undefined || before["type"] === object["type"]
        ? []
        : [invalidValue("type", object["type"], "field is immutable")]),
    ],
  },
};

/** core/v1 ServiceAccount. */
export const serviceAccountKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  namespaced: true,
  shortNames: ["sa"],
  definition: "io.k8s.api.core.v1.ServiceAccount",
  subresources: [
    {
      name: "token",
      responseKind: { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" },
      verbs: ["create"],
    },
  ],
};
