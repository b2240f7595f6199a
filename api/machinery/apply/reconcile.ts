import { asMember, childrenOf, type FieldSet, isEmptySet, isMember, leaf } from "./field-set.ts";
import { deduced, type FieldType, type ListType, type MapType } from "./field-type.ts";
import { fieldName, isKeyElement, type PathElement } from "./path-element.ts";

/**
 * A field set that was written under an older schema, brought to this one: of what has become
 * atomic since, the whole is owned by whoever owned a part. The set itself when nothing changed.
 */
export function reconcileSet(set: FieldSet, type: FieldType): FieldSet {
  return reconcile(set, type);
}

function reconcile(node: FieldSet, type: FieldType): FieldSet {
  if (isEmptySet(node)) return node;
  if (type.map !== undefined) return reconcileMap(node, type.map);
  return type.scalar === undefined && type.list !== undefined
    ? reconcileList(node, type.list)
    : node;
}

function reconcileMap(node: FieldSet, type: MapType): FieldSet {
  // What is deduced from values has no schema that could have changed.
  if (type.element === deduced && type.fields.size === 0) return node;
  if (type.atomic) return leaf;
  return replaced(node, (element, child) => {
    const name = fieldName(element);
    const inner = (name === undefined ? undefined : type.fields.get(name)?.type) ?? type.element;
    return inner === undefined ? child : reconcile(child, inner);
  });
}

function reconcileList(node: FieldSet, { relation, items }: ListType): FieldSet {
  return relation === "atomic"
    ? leaf
    : replaced(node, (_element, child) => reconcile(child, items));
}

/** The node with other children; the same node when all are the same. */
function replaced(
  node: FieldSet,
  replace: (element: PathElement, child: FieldSet) => FieldSet,
): FieldSet {
  const changes: { [element: PathElement]: FieldSet } = {};
  let changed = false;
  for (const [element, child] of childrenOf(node)) {
    const next = replace(element, child);
    if (next === child) continue;
    changes[element] = next;
    changed = true;
  }
  return changed ? { ...node, ...changes } : node;
}

/**
 * The set together with the declared fields on the way to its members: `a.b` makes `a` a member
 * when `a` is a field of the schema, and not when it is a key of a free map.
 */
export function withNamedFields(set: FieldSet, type: FieldType | undefined): FieldSet {
  return replaced(set, (element, child) => {
    const inner = withNamedFields(child, typeBelow(element, type));
    const name = fieldName(element);
    const named = name !== undefined && type?.map?.fields.has(name) === true;
    return named && !isMember(inner) ? asMember(inner) : inner;
  });
}

function typeBelow(element: PathElement, type: FieldType | undefined): FieldType | undefined {
  const name = fieldName(element);
  if (name !== undefined) return type?.map?.fields.get(name)?.type ?? type?.map?.element;
  return isKeyElement(element) ? type?.list?.items : undefined;
}
