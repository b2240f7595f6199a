import type { StatusCause } from "./errors.ts";

/**
 * Builders of the causes of an Invalid error, in the words of Kubernetes' field errors: clients
 * and people search for them. `field` is a path such as `spec.containers[0].image`.
 */

/** A value as Kubernetes quotes it: strings and structures as JSON, the rest bare. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return String(value);
}

/** A wrong value; `detail` says what is wanted. */
export function invalidValue(field: string, value: unknown, detail: string): StatusCause {
  const message = `Invalid value: ${shown(value)}: ${detail}`;
  return { reason: "FieldValueInvalid", message, field };
}

/** A value of a wrong JSON type or format. */
export function wrongType(field: string, value: unknown, detail: string): StatusCause {
  const message = `Invalid value: ${shown(value)}: ${detail}`;
  return { reason: "FieldValueTypeInvalid", message, field };
}

/** A missing value; `detail` may say why it is needed. */
export function requiredValue(field: string, detail = ""): StatusCause {
  const message = detail === "" ? "Required value" : `Required value: ${detail}`;
  return { reason: "FieldValueRequired", message, field };
}

/** A value that must not be there. */
export function forbiddenValue(field: string, detail: string): StatusCause {
  return { reason: "FieldValueForbidden", message: `Forbidden: ${detail}`, field };
}

/** A value outside of an enumeration. */
export function unsupportedValue(
  field: string,
  value: unknown,
  supported: readonly unknown[],
): StatusCause {
  const list = supported.map((item) => JSON.stringify(item)).join(", ");
  const message = `Unsupported value: ${shown(value)}: supported values: ${list}`;
  return { reason: "FieldValueNotSupported", message, field };
}

/** A value that occurs twice where each may occur once. */
export function duplicateValue(field: string, value: unknown): StatusCause {
  return { reason: "FieldValueDuplicate", message: `Duplicate value: ${shown(value)}`, field };
}

/** A text longer than `max` characters (Kubernetes says bytes). */
export function tooLongValue(field: string, max: number): StatusCause {
  const message = `Too long: may not be more than ${max} bytes`;
  return { reason: "FieldValueTooLong", message, field };
}

/** A list or map with more than `max` entries. */
export function tooManyValues(field: string, have: number, max: number): StatusCause {
  const message = `Too many: ${have}: must have at most ${max} items`;
  return { reason: "FieldValueTooMany", message, field };
}
