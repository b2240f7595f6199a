import { isJsonObject } from "../equality.ts";
import type { ManagedFieldsEntry } from "../object.ts";
import { type FieldSet, isEmptySet, parseFieldSet, sortedSet, union } from "./field-set.ts";

/** One line of `metadata.managedFields`: who owns which fields, and how they came by them. */
export type Owner = {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  /** Version of the API in which the fields are named. */
  readonly apiVersion: string;
  /** Empty for the object's own endpoint. */
  readonly subresource: string;
  /** When it last changed something, RFC 3339 in UTC. */
  readonly time?: string;
  readonly fields: FieldSet;
  /** The line as it is stored, while it is unchanged. */
  readonly entry?: ManagedFieldsEntry;
};

/** The owners of an object's fields, by {@link ownerId}. */
export type Owners = ReadonlyMap<string, Owner>;

/**
 * What makes an owner the same one. Whoever applies is the same in every version of the API; the
 * time is no part of it.
 */
export function ownerId({
  manager,
  operation,
  apiVersion,
  subresource,
}: Pick<Owner, "manager" | "operation" | "apiVersion" | "subresource">): string {
  // Joined by a character that no name holds.
  return `${operation}\0${operation === "Apply" ? "" : apiVersion}\0${manager}\0${subresource}`;
}

/** Nobody. */
export const noOwners: Owners = new Map();

/** The owner with other fields; the same one for the same fields. */
export function withFields(owner: Owner, fields: FieldSet): Owner {
  if (fields === owner.fields) return owner;
  const { entry: _entry, ...rest } = owner;
  return { ...rest, fields };
}

/** The owner with another time. */
export function withTime(owner: Owner, time: string): Owner {
  if (time === owner.time) return owner;
  const { entry: _entry, ...rest } = owner;
  return { ...rest, time };
}

/** The owners as `change` makes them; those that own nothing then are left out. */
export function changeOwners(
  owners: Owners,
  change: (owner: Owner, id: string) => Owner | undefined,
): Owners {
  const after = new Map<string, Owner>();
  for (const [id, owner] of owners) {
    const next = change(owner, id);
    if (next !== undefined && !isEmptySet(next.fields)) after.set(id, next);
  }
  return after;
}

/**
 * Reads `metadata.managedFields`. `stored` lines were written by {@link encodeOwners} and are
 * taken as they are.
 * @throws Error for a line that cannot be read
 */
export function decodeOwners(
  entries: readonly ManagedFieldsEntry[] | undefined,
  stored: boolean,
): Owners {
  const owners = new Map<string, Owner>();
  for (const [index, entry] of (entries ?? []).entries()) {
    const owner = stored ? ofStored(entry) : ofClient(entry, index);
    owners.set(ownerId(owner), owner);
  }
  return owners;
}

function ofStored(entry: ManagedFieldsEntry): Owner {
  const { manager = "", operation = "Update", apiVersion = "", subresource = "", time } = entry;
  const fields = (entry.fieldsV1 ?? {}) as FieldSet;
  const owner = { manager, operation, apiVersion, subresource, fields, entry };
  return time === undefined ? owner : { ...owner, time };
}

/** Longest name of a manager, in characters. */
export const maxManagerLength = 128;
const maxSubresourceLength = 256;

function ofClient(raw: ManagedFieldsEntry, index: number): Owner {
  const { operation, apiVersion, fieldsType = "" } = raw;
  if (operation !== "Apply" && operation !== "Update") {
    throw new Error("operation must be `Apply` or `Update`");
  }
  if (typeof apiVersion !== "string" || apiVersion === "") {
    throw new Error("apiVersion must not be empty");
  }
  if (fieldsType === "") throw new Error(`missing fieldsType in managed fields entry ${index}`);
  if (fieldsType !== "FieldsV1") {
    throw new Error(`invalid fieldsType "${fieldsType}" in managed fields entry ${index}`);
  }
  const manager = shortText(raw.manager, maxManagerLength);
  const subresource = shortText(raw.subresource, maxSubresourceLength);
  const fields = parseFieldSet(raw.fieldsV1);
  const owner = { manager, operation, apiVersion, subresource, fields };
  return typeof raw.time === "string" ? { ...owner, time: raw.time } : owner;
}

function shortText(value: unknown, max: number): string {
  const text = value ?? "";
  if (typeof text === "string" && text.length <= max) return text;
  throw new Error(`names in managed fields must be texts of at most ${max} characters`);
}

/** Whether a client asks to forget who owns what: `[]`, or one line with nothing in it. */
export function isReset(entries: readonly unknown[] | undefined): boolean {
  if (entries === undefined) return false;
  const [only] = entries;
  return entries.length === 0 || (entries.length === 1 && isJsonObject(only) && isBlank(only));
}

const isBlank = (entry: Readonly<Record<string, unknown>>): boolean =>
  Object.values(entry).every((value) => value === null || value === undefined || value === "");

/** The owners as `metadata.managedFields`: appliers first, then by time; `undefined` for nobody. */
export function encodeOwners(owners: Owners): readonly ManagedFieldsEntry[] | undefined {
  if (owners.size === 0) return undefined;
  return [...owners.values()].sort(byPlace).map((owner) => owner.entry ?? toEntry(owner));
}

function toEntry({
  manager,
  operation,
  apiVersion,
  subresource,
  time,
  fields,
}: Owner): ManagedFieldsEntry {
  return {
    ...(manager === "" ? {} : { manager }),
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: "FieldsV1",
    fieldsV1: sortedSet(fields),
    ...(subresource === "" ? {} : { subresource }),
  };
}

const compareText = (left = "", right = ""): number => (left === right ? 0 : left < right ? -1 : 1);

function byPlace(left: Owner, right: Owner): number {
  return (
    compareText(left.operation, right.operation) ||
    compareText(left.time, right.time) ||
    compareText(left.manager, right.manager) ||
    compareText(left.apiVersion, right.apiVersion) ||
    compareText(left.subresource, right.subresource)
  );
}

/** How many owners may have come by their fields through updates. */
const maxUpdaters = 10;

/**
 * Merges the oldest updaters into `ancient-changes`, one for each version of the API, until there
 * are no more than ten.
 */
export function capUpdaters(owners: Owners): Owners {
  const updaters = [...owners].filter(([, { operation }]) => operation === "Update");
  if (updaters.length <= maxUpdaters) return owners;
  const capped = new Map(owners);
  const firstOf = new Map<string, string>();
  const oldest = updaters.sort(
    ([one, left], [other, right]) => compareText(left.time, right.time) || compareText(one, other),
  );
  let count = updaters.length;
  for (const [id, owner] of oldest) {
    if (count <= maxUpdaters) break;
    const first = firstOf.get(owner.apiVersion);
    if (first === undefined) firstOf.set(owner.apiVersion, id);
    else count -= bury(capped, { first, id, owner });
  }
  return capped;
}

type Burial = { readonly first: string; readonly id: string; readonly owner: Owner };

/** Returns how many owners there are less. */
function bury(capped: Map<string, Owner>, { first, id, owner }: Burial): number {
  const { apiVersion, time } = owner;
  const bucket = { manager: "ancient-changes", operation: "Update", apiVersion } as const;
  const bucketId = ownerId({ ...bucket, subresource: "" });
  if (id === bucketId) return 0;
  const before = capped.get(bucketId) ?? capped.get(first);
  if (!capped.has(bucketId)) capped.delete(first);
  capped.delete(id);
  const fields = before === undefined ? owner.fields : union(before.fields, owner.fields);
  const buried = { ...bucket, subresource: "", fields };
  capped.set(bucketId, time === undefined ? buried : { ...buried, time });
  return 1;
}
