import { equalJson, isJsonObject, type JsonObject } from "./equality.ts";

/**
 * RFC 7386: objects are merged, null removes a field, everything else (arrays too) replaces.
 * Neither argument is changed. A field called `__proto__` is a field like any other.
 */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const fields = new Map(Object.entries(isJsonObject(target) ? target : {}));
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) fields.delete(field);
    else fields.set(field, applyMergePatch(fields.get(field), value));
  }
  // fromEntries defines own fields: an assignment to `__proto__` would change the prototype.
  return Object.fromEntries(fields);
}

/**
 * The smallest merge patch that turns `before` into `after`; `{}` when they are equal. `after`
 * must hold no null: a merge patch cannot say it.
 */
export function createMergePatch(before: JsonObject, after: JsonObject): JsonObject {
  const patch = new Map<string, unknown>();
  for (const field of Object.keys({ ...before, ...after })) {
    const old = Object.hasOwn(before, field) ? before[field] : undefined;
    const value = Object.hasOwn(after, field) ? after[field] : undefined;
    if (equalJson(old, value)) continue;
    const nested = isJsonObject(old) && isJsonObject(value);
    patch.set(field, nested ? createMergePatch(old, value) : (value ?? null));
  }
  return Object.fromEntries(patch);
}
