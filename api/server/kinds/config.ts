import { equalJson } from "../../machinery/equality.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import { forbiddenValue, invalidValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { isObject, textIn } from "./fill.ts";
import type { Body } from "./kind.ts";

/** Largest sum of all values, in bytes. */
const maxBytes = 1024 * 1024;
const keyPattern = /^[-._a-zA-Z0-9]{1,253}$/;
const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

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

function valueCauses(object: Body, { field, encoded }: Values): readonly StatusCause[] {
  return entriesOf(object, field).flatMap(([key, value]) => {
    const path = `${field}[${key}]`;
    const wrongKey =
      keyPattern.test(key) && key !== "." && key !== ".." ? [] : [keyCause(path, key)];
    if (typeof value !== "string")
      return [...wrongKey, invalidValue(path, value, "must be a string")];
    if (!encoded || base64Pattern.test(value)) return wrongKey;
    return [...wrongKey, invalidValue(path, "<redacted>", "must be base64")];
  });
}

function keyCause(path: string, key: string): StatusCause {
  const detail =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' and have at most 253 characters";
  return invalidValue(path, key, detail);
}

function sizeCauses(object: Body, values: readonly Values[]): readonly StatusCause[] {
  let bytes = 0;
  for (const { field, encoded } of values) {
    for (const [key, value] of entriesOf(object, field)) {
      const length = typeof value === "string" ? Buffer.byteLength(value) : 0;
      bytes += key.length + (encoded ? (length * 3) / 4 : length);
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
  strategy: {
    validate: (object, before) => [
      ...configValues.flatMap((values) => valueCauses(object, values)),
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
  strategy: {
    setDefaults(object) {
      mergeStringData(object);
      if (textIn(object, "type") === "") object["type"] = "Opaque";
    },
    validate: (object, before) => [
      ...secretValues.flatMap((values) => valueCauses(object, values)),
      ...sizeCauses(object, secretValues),
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
};
