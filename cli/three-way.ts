type Json = unknown;
type JsonMap = Readonly<Record<string, Json>>;

const isMap = (value: Json): value is JsonMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function same(a: Json, b: Json): boolean {
  if (isMap(a) && isMap(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
    );
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  }
  return a === b;
}

/**
 * The JSON merge patch (RFC 7386) that brings `live` to what the file says, as client-side apply
 * does: fields of the file are set, fields that were in the file before and are not any more are
 * removed, fields that others set stay. Lists are one value. `undefined`: nothing to do.
 */
export function threeWayPatch(
  before: JsonMap,
  wanted: JsonMap,
  live: JsonMap,
): JsonMap | undefined {
  const patch: Record<string, Json> = {};
  for (const [key, value] of Object.entries(wanted)) {
    const now = live[key];
    if (isMap(value) && isMap(now)) {
      const old = before[key];
      const inner = threeWayPatch(isMap(old) ? old : {}, value, now);
      if (inner !== undefined) patch[key] = inner;
    } else if (!Object.hasOwn(live, key) || !same(value, now)) {
      patch[key] = value;
    }
  }
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(wanted, key) && Object.hasOwn(live, key)) patch[key] = null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
