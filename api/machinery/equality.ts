/** A JSON object as it came from the wire: any own key, any JSON value. */
export type JsonObject = { readonly [field: string]: unknown };

/** Whether `value` is a JSON object: neither null, nor an array, nor a scalar. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const present = (object: JsonObject): string[] =>
  Object.keys(object).filter((field) => object[field] !== undefined);

function equalObjects(left: JsonObject, right: JsonObject): boolean {
  const fields = present(left);
  if (fields.length !== present(right).length) return false;
  return fields.every(
    (field) => Object.hasOwn(right, field) && equalJson(left[field], right[field]),
  );
}

/**
 * Whether two JSON values say the same. The order of an object's fields does not count, that of
 * an array does; a field that is `undefined` equals an absent one, as it does on the wire.
 */
export function equalJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return (
      left.length === right.length && left.every((item, index) => equalJson(item, right[index]))
    );
  }
  return isJsonObject(left) && isJsonObject(right) && equalObjects(left, right);
}

/** JSON text with sorted fields: equal values have equal text, so that it can be hashed. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_field, inner: unknown) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );
}
