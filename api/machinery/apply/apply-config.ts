import {
  deepDifference,
  difference,
  emptySet,
  equalSets,
  type FieldSet,
  intersection,
  isEmptySet,
  pathsOf,
  union,
} from "./field-set.ts";
import type { FieldType } from "./field-type.ts";
import { appliedFields } from "./fields-of.ts";
import { mergeFields } from "./merge.ts";
import { type Owner, ownerId, type Owners, changeOwners } from "./owners.ts";
import type { PathElement } from "./path-element.ts";
import { withNamedFields } from "./reconcile.ts";
import { removeFields } from "./remove.ts";
import {
  type Change,
  changed,
  comparer,
  disowned,
  reconciled,
  type Rules,
  withoutUnowned,
  type Writer,
} from "./update-owners.ts";

/** A field that an applied configuration would change although somebody else owns it. */
export type Conflict = { readonly owner: Owner; readonly path: readonly PathElement[] };

/** What becomes of an object to which a configuration is applied. */
export type Applied = {
  /** The live object with the configuration in it; the live one itself when nothing changed. */
  readonly object: unknown;
  readonly owners: Owners;
  /** The id of who applied. */
  readonly id: string;
  /** Not empty: nothing may be stored unless the writer insists. */
  readonly conflicts: readonly Conflict[];
};

/** Who applies, and by which rules. */
export type Applier = { readonly writer: Writer; readonly rules: Rules };

/**
 * Applies `config` to `live`: what it names is set, what the writer applied before, names no more
 * and nobody else owns is removed. Owners of fields that change conflict; the result is what it
 * would be if they lost them. Times are not touched.
 *
 * The configuration must be valid in the type of the writer's version.
 * @throws UntellableItem when the live object has list items without identity
 */
export function applyConfig(
  owners: Owners,
  { live, config }: { readonly live: unknown; readonly config: unknown },
  { writer, rules }: Applier,
): Applied {
  const known = reconciled(owners, rules);
  const type = rules.typeOf(writer.apiVersion);
  if (type === undefined) throw new Error(`no corresponding type for ${writer.apiVersion}`);
  const fields = deepDifference(appliedFields(config, type), rules.ignored);
  const mine: Owner = { ...writer, operation: "Apply", fields };
  const id = ownerId(mine);
  const last = known.get(id);
  const all = new Map(known).set(id, mine);
  const merged = mergeFields(live, config, type);
  const object = last === undefined ? merged : prune(merged, { all, last, rules });
  const change: Change = { before: live, after: object };
  const compare = comparer(change, rules);
  const conflicts = [...known].flatMap(([other, owner]) => {
    const found = other === id ? undefined : compare(owner.apiVersion);
    if (found === undefined) return [];
    return pathsOf(intersection(owner.fields, changed(found))).map((path) => ({ owner, path }));
  });
  const rest = disowned(new Map(known).set(id, mine), compare, id);
  const settled = changeOwners(rest, (owner, other) =>
    other === id ? settledOwner(mine, last) : owner,
  );
  return { object, owners: settled, id, conflicts };
}

/** The applier as it is to be stored: unchanged when it applied the same fields before. */
function settledOwner(mine: Owner, last: Owner | undefined): Owner {
  const fields = withoutUnowned(mine.fields);
  const same = last?.apiVersion === mine.apiVersion && equalSets(last.fields, fields);
  return same ? last : { ...mine, fields };
}

type Pruning = { readonly all: Owners; readonly last: Owner; readonly rules: Rules };

/** Removes what `last` owned and nobody owns any more. */
function prune(merged: unknown, { all, last, rules }: Pruning): unknown {
  const type = rules.typeOf(last.apiVersion);
  if (type === undefined || isEmptySet(last.fields)) return merged;
  const owned = withNamedFields(last.fields, type);
  if (isEmptySet(difference(owned, ownedIn(all, last.apiVersion, type)))) return merged;
  let pruned = removeFields(merged, owned, type);
  for (const version of versionsOf(all, last.apiVersion)) {
    const versioned = rules.typeOf(version);
    if (versioned === undefined) continue;
    const lost = difference(
      named(merged, versioned),
      union(named(pruned, versioned), ownedIn(all, version, versioned)),
    );
    pruned = removeFields(merged, lost, versioned);
  }
  // What nobody owns stays, even inside of what goes.
  const gone = difference(named(merged, type), named(pruned, type));
  return removeFields(merged, intersection(gone, owned), type);
}

const named = (value: unknown, type: FieldType): FieldSet =>
  withNamedFields(appliedFields(value, type), type);

/** The version of the last configuration first: what it lost is known best there. */
function versionsOf(owners: Owners, first: string): ReadonlySet<string> {
  return new Set([first, ...[...owners.values()].map(({ apiVersion }) => apiVersion)]);
}

function ownedIn(owners: Owners, version: string, type: FieldType): FieldSet {
  const sets = [...owners.values()].filter(({ apiVersion }) => apiVersion === version);
  return withNamedFields(
    sets.reduce((all, { fields }) => union(all, fields), emptySet),
    type,
  );
}
