import type { StatusCause } from "../../machinery/errors.ts";
import {
  duplicateValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../machinery/field-causes.ts";
import { labelNameProblems } from "../../machinery/names.ts";
import { objectIn, textIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

/** What is wrong with one value, as causes. */
export type Causes = readonly StatusCause[];

/** Turns sentences about a value into causes. */
export function problemCauses(path: string, value: unknown, problems: readonly string[]): Causes {
  return problems.map((problem) => invalidValue(path, value, problem));
}

/** A reference that names nothing. */
export function notFoundValue(path: string, value: string): StatusCause {
  return {
    reason: "FieldValueNotFound",
    message: `Not found: ${JSON.stringify(value)}`,
    field: path,
  };
}

/** A value of a closed set; an absent one is no error. */
export function oneOf(path: string, value: unknown, supported: readonly string[]): Causes {
  if (value === undefined || supported.some((known) => known === value)) return [];
  return [unsupportedValue(path, value, supported)];
}

/** The name of an item among its siblings: a DNS label that occurs once. `seen` grows. */
export function itemName(name: string, path: string, seen: Set<string>): Causes {
  if (name === "") return [requiredValue(path)];
  if (seen.has(name)) return [duplicateValue(path, name)];
  seen.add(name);
  return problemCauses(path, name, labelNameProblems(name));
}

/** A number, if there is one, that must not be below zero. */
export function notNegative(object: JsonObject, field: string, path: string): Causes {
  const { [field]: value } = object;
  if (value === undefined || (typeof value === "number" && value >= 0)) return [];
  return [invalidValue(`${path}.${field}`, value, "must be greater than or equal to 0")];
}

/** A text that must be there. */
export function needsText(object: JsonObject, field: string, path: string): Causes {
  return textIn(object, field) === "" ? [requiredValue(`${path}.${field}`)] : [];
}

/** A number of a port, or with `named` also the name of one. */
export function portCauses(value: unknown, path: string, named = false): Causes {
  if (named && typeof value === "string")
    return problemCauses(path, value, portNameProblems(value));
  const isPort =
    typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535;
  return isPort ? [] : [invalidValue(path, value ?? 0, "must be between 1 and 65535, inclusive")];
}

/** What is wrong with a name of a port. */
export function portNameProblems(name: string): readonly string[] {
  return [
    ...(name.length > 15 ? ["must be no more than 15 characters"] : []),
    ...(/^[-a-z0-9]+$/.test(name)
      ? []
      : ["must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"]),
    ...(/[a-z]/.test(name) ? [] : ["must contain at least one letter (a-z)"]),
    ...(name.includes("--") ? ["must not contain consecutive hyphens"] : []),
    ...(/^-|-$/.test(name) ? ["must not begin or end with a hyphen"] : []),
  ];
}

/** A path below a directory: one that climbs would name what the directory does not hold. */
export function descendingPath(value: string, path: string): Causes {
  if (value.startsWith("/")) return [invalidValue(path, value, "must be a relative path")];
  if (value.split("/").includes("..")) return [invalidValue(path, value, "must not contain '..'")];
  return [];
}

/** Which of the named objects an object has; exactly one is wanted in most places. */
export function present(object: JsonObject, fields: readonly string[]): readonly string[] {
  return fields.filter((field) => objectIn(object, field) !== undefined);
}
