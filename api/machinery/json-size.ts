import { StatusError } from "./errors.ts";

/**
 * Most values (fields and list items, at all levels) of one object, its `managedFields` aside.
 * Everything that happens to an object takes time by its values, and nothing else is done
 * meanwhile; this many have room for 1.5 MiB, what Kubernetes can store, of 24 bytes each.
 */
export const maxObjectValues = 65_536;

/** Most values of a request body: an object as large as may be, and who owns its fields. */
export const maxBodyValues = 2 * maxObjectValues;

/** The refusal of more values than `limit`. */
export function tooManyParts(limit: number): StatusError {
  return new StatusError(
    "RequestEntityTooLarge",
    `Request entity too large: limit is ${limit} fields and list items`,
  );
}

/** How many values are in `value`, at all levels; it stops counting soon after `limit`. */
export function countValues(value: unknown, limit: number): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    count = value.length;
    for (let i = 0; i < value.length && count <= limit; i += 1) {
      count += countValues(value[i], limit - count);
    }
    return count;
  }
  for (const field in value) {
    count += 1 + countValues((value as Readonly<Record<string, unknown>>)[field], limit - count);
    if (count > limit) break;
  }
  return count;
}

/**
 * Refuses an object of too many values.
 * @throws StatusError `RequestEntityTooLarge`
 */
export function checkObjectSize(object: Readonly<Record<string, unknown>>): void {
  const { metadata } = object;
  let count = 0;
  for (const field in object) {
    if (field !== "metadata") count += 1 + countValues(object[field], maxObjectValues);
  }
  const meta = (metadata ?? {}) as Readonly<Record<string, unknown>>;
  for (const field in meta) {
    if (field !== "managedFields") count += 1 + countValues(meta[field], maxObjectValues);
  }
  if (count > maxObjectValues) throw tooManyParts(maxObjectValues);
}
