import type { JsonObject } from "./kind.ts";

/** Whether a value is a JSON object, which may then be changed. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Sets the fields that are absent or null. */
export function fill(object: JsonObject, defaults: JsonObject): void {
  for (const [field, value] of Object.entries(defaults)) object[field] ??= value;
}

/** The object in a field, made if there is none. */
export function childOf(object: JsonObject, field: string): JsonObject {
  const child = object[field];
  if (isObject(child)) return child;
  const made: JsonObject = {};
  object[field] = made;
  return made;
}

/** The object in a field, if there is one. */
export function objectIn(object: JsonObject, field: string): JsonObject | undefined {
  const child = object[field];
  return isObject(child) ? child : undefined;
}

/** The objects of a list in a field; empty for anything else. */
export function objectsIn(object: JsonObject | undefined, field: string): readonly JsonObject[] {
  const list = object?.[field];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** A field's text; empty for anything else. */
export function textIn(object: JsonObject | undefined, field: string): string {
  const value = object?.[field];
  return typeof value === "string" ? value : "";
}
