import { isJsonObject } from "../equality.ts";
import {
  canonicalElement,
  compareElements,
  sortElements,
  type PathElement,
} from "./path-element.ts";

/**
 * A set of field paths, in the very form in which `fieldsV1` is stored, so that what nobody changes
 * needs neither decoding nor encoding. A node without entries is a member and has nothing below
 * it; `.` marks a member that has. No node is left that neither is a member nor leads to one; the
 * root is never a member: nobody owns a whole object.
 */
export type FieldSet = { readonly [element: PathElement]: FieldSet };

type Node = FieldSet | undefined;
type MutableSet = { [element: PathElement]: FieldSet };

const self = ".";

/** The node of a member with nothing below it. Shared: never changed. */
export const leaf: FieldSet = {};

/** The set without members. */
export const emptySet: FieldSet = {};

/** Whether a set has no member. */
export function isEmptySet(set: FieldSet): boolean {
  for (const _element in set) return false;
  return true;
}

/** Whether the place of a node belongs to the set, and not only something below it. */
export const isMember = (node: FieldSet): boolean => self in node || isEmptySet(node);

/** The node of a member, with what lies below it. */
export function asMember(node: Node): FieldSet {
  if (node === undefined) return leaf;
  // The cheap question first: the engine lists all fields of a large object to find one.
  if (self in node) return node;
  return isEmptySet(node) ? leaf : { ".": leaf, ...node };
}

/** What lies directly below a node. */
export function childrenOf(node: FieldSet): readonly (readonly [PathElement, FieldSet])[] {
  const children: (readonly [PathElement, FieldSet])[] = [];
  for (const element in node) {
    const child = node[element];
    if (element !== self && child !== undefined) children.push([element, child]);
  }
  return children;
}

/** Collects a node child by child. */
type Draft = { readonly children: MutableSet; size: number };

const newDraft = (): Draft => ({ children: {}, size: 0 });

function put(draft: Draft, element: PathElement, child: Node): void {
  if (child === undefined) return;
  draft.children[element] = child;
  draft.size += 1;
}

/** `undefined` when there is neither a member nor anything below it. */
function finish({ children, size }: Draft, member: boolean): Node {
  if (size === 0) return member ? leaf : undefined;
  return member ? { ".": leaf, ...children } : children;
}

/**
 * Reads `fieldsV1` from the wire. Elements of unknown types are dropped.
 * @throws Error when it is no field set
 */
export function parseFieldSet(value: unknown): FieldSet {
  const node = parseNode(value ?? {});
  return withoutSelf(isEmptySet(node) ? emptySet : node);
}

/** The children of a node as a set of their own: the root of a set is no member. */
export function withoutSelf(node: FieldSet): FieldSet {
  if (!(self in node)) return node;
  const { [self]: _self, ...children } = node;
  return children;
}

function parseNode(value: unknown): FieldSet {
  if (!isJsonObject(value)) throw new Error("fields must be an object");
  const draft = newDraft();
  for (const [text, inner] of Object.entries(value)) {
    const element = text === self ? undefined : canonicalElement(text);
    if (element !== undefined) put(draft, element, parseNode(inner));
  }
  return finish(draft, Object.hasOwn(value, self)) ?? leaf;
}

/** The set with its elements in the order in which Kubernetes writes them. */
export function sortedSet(set: FieldSet): FieldSet {
  const elements = Object.keys(set).filter((element) => element !== self);
  if (elements.length === 0) return set;
  const sorted: MutableSet = self in set ? { ".": leaf } : {};
  for (const element of sortElements(elements)) {
    const child = set[element];
    if (child !== undefined) sorted[element] = sortedSet(child);
  }
  return sorted;
}

/** What is in either set. */
export function union(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right || isEmptySet(right)) return left;
  if (isEmptySet(left)) return right;
  return unionNodes(left, right, false) ?? emptySet;
}

function unionNodes(left: FieldSet, right: FieldSet, member: boolean): Node {
  const draft = newDraft();
  for (const [element, child] of childrenOf(left)) {
    const other = right[element];
    put(draft, element, other === undefined ? child : unionBelow(child, other));
  }
  for (const [element, child] of childrenOf(right)) {
    if (left[element] === undefined) put(draft, element, child);
  }
  return finish(draft, member);
}

const unionBelow = (left: FieldSet, right: FieldSet): Node =>
  left === right ? left : unionNodes(left, right, isMember(left) || isMember(right));

/** What is in both sets. */
export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  return intersectNodes(left, right, false) ?? emptySet;
}

function intersectNodes(left: FieldSet, right: FieldSet, member: boolean): Node {
  const draft = newDraft();
  for (const [element, child] of childrenOf(left)) {
    const other = right[element];
    if (other === undefined) continue;
    put(draft, element, intersectNodes(child, other, isMember(child) && isMember(other)));
  }
  return finish(draft, member);
}

/** What is in `left` and not in `right`; a member above or below one of `right` stays. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  if (isEmptySet(left) || isEmptySet(right)) return left;
  return differNodes(left, right, { member: false, deep: false }) ?? emptySet;
}

/** What is in `left`, and neither in `right` nor below a member of it. */
export function deepDifference(left: FieldSet, right: FieldSet): FieldSet {
  if (isEmptySet(left) || isEmptySet(right)) return left;
  return differNodes(left, right, { member: false, deep: true }) ?? emptySet;
}

type Differing = { readonly member: boolean; readonly deep: boolean };

function differNodes(left: FieldSet, right: FieldSet, { member, deep }: Differing): Node {
  if (isEmptySet(left)) return member ? left : undefined;
  const draft = newDraft();
  let changed = false;
  for (const [element, child] of childrenOf(left)) {
    const rest = differBelow(child, right[element], deep);
    changed ||= rest !== child;
    put(draft, element, rest);
  }
  // What loses nothing stays the same object: callers see at a glance that it did not change.
  return !changed && member === self in left ? left : finish(draft, member);
}

function differBelow(child: FieldSet, other: Node, deep: boolean): Node {
  if (other === undefined) return child;
  const owned = isMember(other);
  if (deep && owned) return undefined;
  return differNodes(child, other, { member: isMember(child) && !owned, deep });
}

/** Whether both sets have the same members. */
export function equalSets(left: FieldSet, right: FieldSet): boolean {
  if (left === right) return true;
  const elements = Object.keys(left);
  if (elements.length !== Object.keys(right).length) return false;
  return elements.every((element) => {
    const [one, other] = [left[element], right[element]];
    return one !== undefined && other !== undefined && equalSets(one, other);
  });
}

/** Whether a path is in the set. */
export function hasPath(set: FieldSet, path: readonly PathElement[]): boolean {
  let node: Node = set;
  for (const element of path) node = node?.[element];
  return path.length > 0 && node !== undefined && isMember(node);
}

/** The set of these paths. */
export function setOf(...paths: readonly (readonly PathElement[])[]): FieldSet {
  return paths.reduce<FieldSet>((set, path) => union(set, singleton(path)), emptySet);
}

function singleton(path: readonly PathElement[]): FieldSet {
  return path.reduceRight<FieldSet>((node, element) => ({ [element]: node }), leaf);
}

/** All paths of the set, a member before what lies below it. */
export function pathsOf(set: FieldSet): readonly (readonly PathElement[])[] {
  return [...walk(set, [])];
}

function* walk(
  node: FieldSet,
  path: readonly PathElement[],
): Generator<readonly PathElement[], void> {
  const children = childrenOf(node).toSorted(([left], [right]) => compareElements(left, right));
  for (const [element, child] of children) {
    if (isMember(child)) yield [...path, element];
  }
  for (const [element, child] of children) yield* walk(child, [...path, element]);
}
