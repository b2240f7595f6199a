import { canonicalJson, equalJson } from "./equality.ts";
import type { Segments } from "./schema-path.ts";
import type { JsonSchemaProps } from "./schema-props.ts";
import { isJsonObject } from "./schema-value.ts";

/** A value after an update and the one that stood in its place before. */
type Pair = readonly [now: unknown, before: unknown];

const field = (value: unknown, name: string): unknown =>
  isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** The items of a list by their keys; the first of equal ones. */
type Index = ReadonlyMap<string, unknown>;

const identityOf = (item: unknown, keys: readonly string[]): string =>
  canonicalJson(keys.map((key) => field(item, key)));

/** Remembers the items of lists, for as long as one update is judged. */
export function itemFinder(): (list: readonly unknown[], keys: readonly string[]) => Index {
  const known = new Map<readonly unknown[], Index>();
  return (list, keys) => {
    const found = known.get(list);
    if (found !== undefined) return found;
    const index = new Map<string, unknown>();
    for (const item of list) {
      const identity = identityOf(item, keys);
      if (!index.has(identity)) index.set(identity, item);
    }
    known.set(list, index);
    return index;
  };
}

/** The items of a list can be paired only by their keys: positions shift. */
function itemPair(
  schema: JsonSchemaProps,
  index: number,
  [now, before]: Pair,
  find: ReturnType<typeof itemFinder>,
): Pair | undefined {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (schema["x-kubernetes-list-type"] !== "map" || keys === undefined) return undefined;
  if (!Array.isArray(now) || !Array.isArray(before)) return undefined;
  const item: unknown = now[index];
  return [item, find(before, keys).get(identityOf(item, keys))];
}

function fieldSchema(schema: JsonSchemaProps, name: string): JsonSchemaProps {
  const { properties = {}, additionalProperties: values } = schema;
  const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
  return known ?? (typeof values === "object" ? values : {});
}

/**
 * Whether the value at `path` is what it was before an update. Where the two cannot be paired, the
 * nearest value around them that can be is compared; a missing field counts as its object. Give `find` to
 * all calls for one update.
 */
export function isUnchanged(
  schema: JsonSchemaProps,
  path: Segments,
  whole: Pair,
  find = itemFinder(),
): boolean {
  let here = schema;
  let pair = whole;
  for (const segment of path) {
    const [now, before] = pair;
    const inner: Pair | undefined =
      typeof segment === "number"
        ? itemPair(here, segment, pair, find)
        : [field(now, segment), field(before, segment)];
    if (inner === undefined || inner[0] === undefined) break;
    here = typeof segment === "number" ? (here.items ?? {}) : fieldSchema(here, segment);
    pair = inner;
  }
  return equalJson(...pair);
}
