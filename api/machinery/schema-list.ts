import { canonicalJson } from "./equality.ts";
import { duplicateValue, invalidValue, tooManyValues } from "./field-causes.ts";
import type { JsonSchemaProps } from "./schema-props.ts";
import { isJsonObject } from "./schema-value.ts";
import { type Check, descend, here, report } from "./schema-walk.ts";

const reportDuplicate: Check = (value, walk) => {
  report(walk, duplicateValue(here(walk), value));
};

/** Blames the first item whose identity an earlier item has, of each identity. */
function uniqueBy(identity: (item: unknown) => string, shown: (item: unknown) => unknown): Check {
  return (value, walk) => {
    if (!Array.isArray(value) || value.length < 2) return;
    const seen = new Map<string, number>();
    for (let i = 0; i < value.length; i += 1) {
      const id = identity(value[i]);
      const times = seen.get(id) ?? 0;
      if (times === 1) descend(walk, i, shown(value[i]), reportDuplicate);
      seen.set(id, times + 1);
    }
  };
}

/** The keys of a list item in the order of the schema; a missing key has its default. */
function keysOf(schema: JsonSchemaProps): (item: unknown) => Record<string, unknown> {
  const names = schema["x-kubernetes-list-map-keys"] ?? [];
  const fields = schema.items?.properties ?? {};
  return (item) => {
    const own = (name: string): unknown =>
      isJsonObject(item) && Object.hasOwn(item, name) ? item[name] : fields[name]?.default;
    return Object.fromEntries(names.map((name) => [name, own(name)]));
  };
}

function listType(schema: JsonSchemaProps): Check | undefined {
  const type = schema["x-kubernetes-list-type"];
  if (type === "set") return uniqueBy(canonicalJson, (item) => item);
  if (type !== "map") return undefined;
  const keys = keysOf(schema);
  // Texts and numbers only, in the order of the schema: that text is the same for equal keys.
  return uniqueBy((item) => JSON.stringify(keys(item)), keys);
}

function isUnique(value: readonly unknown[]): boolean {
  return new Set(value.map(canonicalJson)).size === value.length;
}

/** The checks of the keywords for lists, but for `items`; other values pass. */
export function listChecks(schema: JsonSchemaProps): Check[] {
  const { minItems, maxItems } = schema;
  const checks: Check[] = [];
  if (maxItems !== undefined)
    checks.push((value, walk) => {
      if (Array.isArray(value) && value.length > maxItems)
        report(walk, tooManyValues(here(walk), value.length, maxItems));
    });
  if (minItems !== undefined)
    checks.push((value, walk) => {
      if (!Array.isArray(value) || value.length >= minItems) return;
      const path = here(walk);
      const detail = `${path} in body should have at least ${minItems} items`;
      report(walk, invalidValue(path, value.length, detail));
    });
  if (schema.uniqueItems === true)
    checks.push((value, walk) => {
      if (!Array.isArray(value) || isUnique(value)) return;
      const path = here(walk);
      report(walk, invalidValue(path, "array", `${path} in body shouldn't contain duplicates`));
    });
  const typed = listType(schema);
  return typed === undefined ? checks : [...checks, typed];
}
