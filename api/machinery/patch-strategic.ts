import { canonicalJson, isJsonObject, type JsonObject } from "./equality.ts";
import { badRequest, StatusError } from "./errors.ts";
import type { PatchField, PatchType } from "./patch-field.ts";
import { patchTypeOf, typeBelow } from "./patch-strategic-table.ts";

const directive = "$patch";
const retainKeys = "$retainKeys";
const orderPrefix = "$setElementOrder/";
const deletePrefix = "$deleteFromPrimitiveList/";

const noMergeKey = (item: unknown, key: string): StatusError =>
  new StatusError(
    "Invalid",
    `Cannot apply strategic merge patch: map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`,
  );

const badDirective = (value: unknown): StatusError =>
  badRequest(
    `Cannot apply strategic merge patch: unknown patch type: ${JSON.stringify(value)}, expected "delete", "replace" or "merge"`,
  );

function listOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw badRequest(`Cannot apply strategic merge patch: ${name} must be a list`);
}

const ownField = (type: PatchType, field: string): PatchField | undefined =>
  Object.hasOwn(type, field) ? type[field] : undefined;

/** A value that meets nothing in the original: nulls delete nothing, directives mean nothing. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => !isJsonObject(item) || item[directive] === undefined)
      .map(withoutDirectives);
  }
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([field, inner]) => inner !== null && !isDirective(field))
      .map(([field, inner]) => [field, withoutDirectives(inner)]),
  );
}

function isDirective(field: string): boolean {
  return (
    field === directive ||
    field === retainKeys ||
    field.startsWith(orderPrefix) ||
    field.startsWith(deletePrefix)
  );
}

/** The identity of an item in a merged list, as text: its merge key's value, or a scalar itself. */
function identity(item: unknown, key: string | undefined): string {
  if (key === undefined) return canonicalJson(item);
  const value = isJsonObject(item) && Object.hasOwn(item, key) ? item[key] : undefined;
  if (value === undefined) throw noMergeKey(item, key);
  return canonicalJson(value);
}

/** Where each identity stands. */
function placesOf(list: readonly unknown[], key: string | undefined): Map<string, number> {
  return new Map(list.map((item, index) => [identity(item, key), index]));
}

function mergeScalars(original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const seen = new Set(original.map(canonicalJson));
  const added = patch.filter((item) => {
    const text = canonicalJson(item);
    return !seen.has(text) && seen.add(text);
  });
  return reorder([...original, ...added], { wanted: patch, before: original, key: undefined });
}

/** What the patch's items ask for, by their directives. */
function sortItems(patch: readonly unknown[], key: string) {
  const merged: JsonObject[] = [];
  const deleted = new Set<string>();
  let replaces = false;
  for (const item of patch) {
    if (!isJsonObject(item)) throw noMergeKey(item, key);
    const action = item[directive];
    if (action === undefined) merged.push(item);
    else if (action === "delete") deleted.add(identity(item, key));
    else if (action === "replace") replaces = true;
    else throw badDirective(action);
  }
  return { merged, deleted, replaces };
}

function mergeItems(
  original: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  type: PatchType,
): unknown[] {
  const { merged, deleted, replaces } = sortItems(patch, key);
  const list = replaces ? [] : original.filter((item) => !deleted.has(identity(item, key)));
  const places = placesOf(list, key);
  for (const item of merged) {
    const id = identity(item, key);
    const at = places.get(id);
    if (at !== undefined) list[at] = mergeObjects(list[at] as JsonObject, item, type);
    else places.set(id, list.push(withoutDirectives(item)) - 1);
  }
  return replaces ? list : reorder(list, { wanted: merged, before: original, key });
}

function mergeLists(original: unknown, patch: readonly unknown[], field?: PatchField): unknown {
  if (field?.strategy === undefined || !Array.isArray(original)) return withoutDirectives(patch);
  return field.mergeKey === undefined
    ? mergeScalars(original, patch)
    : mergeItems(original, patch, field.mergeKey, typeBelow(field));
}

type Ordering = {
  /** What the patch's author wants to see, in order: `$setElementOrder`, else the patch's items. */
  readonly wanted: readonly unknown[];
  /** The list before the patch. */
  readonly before: readonly unknown[];
  readonly key: string | undefined;
};

type Placed = { readonly item: unknown; readonly wanted?: number; readonly before: number };

/**
 * Items that the author knows stand in the wanted order; items only the server knows keep their
 * place before the item they preceded.
 */
function reorder(merged: readonly unknown[], { wanted, before, key }: Ordering): unknown[] {
  const wantedPlaces = placesOf(wanted, key);
  const places = placesOf(before, key);
  const placed = merged.map((item): Placed => {
    const id = identity(item, key);
    const at = wantedPlaces.get(id);
    return { item, before: places.get(id) ?? -1, ...(at === undefined ? {} : { wanted: at }) };
  });
  const known = placed
    .filter((one) => one.wanted !== undefined)
    .sort((left, right) => Number(left.wanted) - Number(right.wanted));
  const out: unknown[] = [];
  let taken = 0;
  // These all come from `before`: the patch's own items must be named in its order.
  for (const unknown of placed.filter((one) => one.wanted === undefined)) {
    for (let next = known[taken]; next !== undefined; next = known[taken]) {
      if (unknown.before < next.before) break;
      out.push(next.item);
      taken += 1;
    }
    out.push(unknown.item);
  }
  for (const { item } of known.slice(taken)) out.push(item);
  return out;
}

/** The patch's items must stand in its own `$setElementOrder`, in the same order. */
function checkOrder(patch: readonly unknown[], { wanted, key }: Ordering, name: string): void {
  const places = placesOf(wanted, key);
  let last = -1;
  for (const item of patch) {
    if (isJsonObject(item) && item[directive] !== undefined) continue;
    const at = places.get(identity(item, key)) ?? -1;
    if (at <= last) {
      throw badRequest(
        `Cannot apply strategic merge patch: the order in the patch's ${name} does not match ${orderPrefix}${name}`,
      );
    }
    last = at;
  }
}

type Fields = Map<string, unknown>;

function applyOrders(fields: Fields, patch: Fields, type: PatchType): void {
  for (const [directiveField, value] of patch) {
    if (!directiveField.startsWith(orderPrefix)) continue;
    const name = directiveField.slice(orderPrefix.length);
    const field = ownField(type, name);
    const original = fields.get(name);
    const before = Array.isArray(original) ? original : [];
    const ordering = { wanted: listOf(value, directiveField), before, key: field?.mergeKey };
    const items = patch.get(name);
    if (Array.isArray(items)) {
      checkOrder(items, ordering, name);
      fields.set(name, reorder(listOf(mergeLists(before, items, field), name), ordering));
      patch.delete(name);
    } else if (before.length > 0 && items === undefined) {
      fields.set(name, reorder(before, ordering));
    }
  }
}

function applyRetainKeys(fields: Fields, patch: Fields): void {
  if (!patch.has(retainKeys)) return;
  const kept = new Set(listOf(patch.get(retainKeys), retainKeys));
  for (const field of patch.keys()) {
    if (!isDirective(field) && patch.get(field) !== null && !kept.has(field)) {
      throw badRequest(
        `Cannot apply strategic merge patch: ${retainKeys} must name every field of the patch, and "${field}" is missing`,
      );
    }
  }
  for (const field of fields.keys()) if (!kept.has(field)) fields.delete(field);
}

function deleteScalars(fields: Fields, directiveField: string, value: unknown): void {
  const name = directiveField.slice(deletePrefix.length);
  const gone = new Set(listOf(value, directiveField).map(canonicalJson));
  const original = fields.get(name);
  if (!Array.isArray(original)) return;
  fields.set(
    name,
    original.filter((item) => !gone.has(canonicalJson(item))),
  );
}

function mergeField(fields: Fields, name: string, value: unknown, field?: PatchField): void {
  const original = fields.get(name);
  if (value === null) fields.delete(name);
  else if (Array.isArray(value)) fields.set(name, mergeLists(original, value, field));
  else if (isJsonObject(value) && isJsonObject(original)) {
    fields.set(name, mergeObjects(original, value, typeBelow(field)));
  } else fields.set(name, withoutDirectives(value));
}

function mergeObjects(original: JsonObject, patch: JsonObject, type: PatchType): unknown {
  const action = patch[directive];
  if (action === "replace") return withoutDirectives(patch);
  if (action === "delete") return {};
  if (action !== undefined && action !== "merge") throw badDirective(action);
  const fields: Fields = new Map(Object.entries(original));
  const changes: Fields = new Map(Object.entries(patch));
  applyRetainKeys(fields, changes);
  applyOrders(fields, changes, type);
  for (const [name, value] of changes) {
    if (name.startsWith(deletePrefix)) deleteScalars(fields, name, value);
    else if (!isDirective(name)) mergeField(fields, name, value, ownField(type, name));
  }
  return Object.fromEntries(fields);
}

/**
 * Kubernetes' strategic merge patch on an object of a built-in kind: like a merge patch, but
 * lists with a merge key are merged item by item. Knows `$patch`, `$retainKeys`,
 * `$setElementOrder/FIELD` and `$deleteFromPrimitiveList/FIELD`. Changes neither argument.
 *
 * @throws StatusError `BadRequest` for a malformed patch, `Invalid` for an item without its key.
 */
export function applyStrategicPatch(kind: string, target: JsonObject, patch: unknown): unknown {
  if (!isJsonObject(patch)) {
    throw badRequest("Cannot read strategic merge patch: expected an object");
  }
  return mergeObjects(target, patch, patchTypeOf(kind));
}
