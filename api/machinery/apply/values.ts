import { isJsonObject, type JsonObject } from "../equality.ts";

/** The value as an object; nulls and other types count as none. */
export const asObject = (value: unknown): JsonObject | undefined =>
  isJsonObject(value) ? value : undefined;

/** The value as a list; nulls and other types count as none. */
export const asList = (value: unknown): readonly unknown[] | undefined =>
  Array.isArray(value) ? value : undefined;

/** Whether there is no field. */
export function hasNoFields(object: JsonObject | undefined): boolean {
  for (const _field in object) return false;
  return true;
}

/** A field of an object that may be absent. */
export function fieldOf(object: JsonObject | undefined, name: string): unknown {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}
