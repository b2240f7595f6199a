import { type Comparison, compareFields } from "./compare.ts";
import {
  deepDifference,
  difference,
  emptySet,
  type FieldSet,
  isEmptySet,
  union,
} from "./field-set.ts";
import type { FieldType } from "./field-type.ts";
import { changeOwners, type Owner, ownerId, type Owners, withFields } from "./owners.ts";
import { reconcileSet } from "./reconcile.ts";

/** What ownership follows from: the types of all versions, and what an endpoint leaves alone. */
export type Rules = {
  /** Type of the object in a version of its API; `undefined` when that is not served any more. */
  readonly typeOf: (apiVersion: string) => FieldType | undefined;
  /** Fields that nobody comes to own here, with all that is in them. */
  readonly ignored: FieldSet;
};

/** An object before and after a write. */
export type Change = { readonly before: unknown; readonly after: unknown };

/** Compares an object with its former state in the terms of one version. */
export type Comparer = (apiVersion: string) => Comparison | undefined;

/** Compares once for each version that is asked for. */
export function comparer({ before, after }: Change, { typeOf, ignored }: Rules): Comparer {
  const known = new Map<string, Comparison | undefined>();
  const compare = (apiVersion: string): Comparison | undefined => {
    const type = typeOf(apiVersion);
    if (type === undefined) return undefined;
    const { added, removed, modified } = compareFields(before, after, type);
    return {
      added: deepDifference(added, ignored),
      removed: deepDifference(removed, ignored),
      modified: deepDifference(modified, ignored),
    };
  };
  return (apiVersion) => {
    if (!known.has(apiVersion)) known.set(apiVersion, compare(apiVersion));
    return known.get(apiVersion);
  };
}

/** What a comparison found to be there that was not, or not so. */
export const changed = ({ added, modified }: Comparison): FieldSet => union(modified, added);

/** The owners with sets as the schemas of today have them; versions that are gone drop out. */
export function reconciled(owners: Owners, { typeOf }: Rules): Owners {
  return changeOwners(owners, (owner) => {
    const type = typeOf(owner.apiVersion);
    return type === undefined ? undefined : withFields(owner, reconcileSet(owner.fields, type));
  });
}

/** Takes what changed and what vanished from all owners but `self`. */
export function disowned(owners: Owners, compare: Comparer, self?: string): Owners {
  return changeOwners(owners, (owner, id) => {
    if (id === self) return owner;
    const found = compare(owner.apiVersion);
    if (found === undefined) return undefined;
    const kept = difference(owner.fields, changed(found));
    return withFields(owner, difference(kept, found.removed));
  });
}

// Nobody owns what the server alone writes, or what names the object.
const unowned: FieldSet = {
  "f:apiVersion": {},
  "f:kind": {},
  "f:metadata": {
    ".": {},
    "f:name": {},
    "f:namespace": {},
    "f:creationTimestamp": {},
    "f:selfLink": {},
    "f:uid": {},
    "f:clusterName": {},
    "f:generation": {},
    "f:managedFields": {},
    "f:resourceVersion": {},
  },
};

/** The set without what nobody can own. */
export const withoutUnowned = (set: FieldSet): FieldSet => difference(set, unowned);

/** Who writes, through which endpoint and in which version. */
export type Writer = Pick<Owner, "manager" | "apiVersion" | "subresource">;

/**
 * The owners after an update: every changed field is the writer's. Times are not touched; the
 * second part tells whether the writer came to own anything.
 */
export function updateOwners(
  owners: Owners,
  change: Change,
  { writer, rules }: { readonly writer: Writer; readonly rules: Rules },
): { readonly owners: Owners; readonly id: string; readonly gained: boolean } {
  const known = reconciled(owners, rules);
  const compare = comparer(change, rules);
  const rest = disowned(known, compare);
  const found = compare(writer.apiVersion);
  const gains = found === undefined ? emptySet : withoutUnowned(changed(found));
  const fresh: Owner = { ...writer, operation: "Update", fields: gains };
  const id = ownerId(fresh);
  if (isEmptySet(gains)) return { owners: rest, id, gained: false };
  const old = rest.get(id);
  const mine = old === undefined ? fresh : withFields(old, union(old.fields, gains));
  return { owners: new Map(rest).set(id, mine), id, gained: true };
}
