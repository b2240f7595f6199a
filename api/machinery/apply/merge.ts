import { equalJson, type JsonObject } from "../equality.ts";
import { asList, asObject, fieldOf, hasNoFields } from "./values.ts";
import { type FieldType, type ListType, type MapType, shapeOf, typeOfField } from "./field-type.ts";
import { itemElement } from "./list-items.ts";
import type { PathElement } from "./path-element.ts";

/**
 * Lays an applied configuration over the live object: nothing is removed, what both have is as the
 * configuration has it. Where that changes nothing, the live value itself is returned. Items of
 * granular lists follow the order of the configuration, others keep their places among them.
 * @throws UntellableItem for a list whose items have no identity
 */
export function mergeFields(live: unknown, config: unknown, type: FieldType): unknown {
  if (config === undefined || live === config) return live;
  if (live === undefined) return config;
  switch (shapeOf(type, config)) {
    case "scalar":
      return kept(live, config);
    case "list":
      return type.list === undefined ? kept(live, config) : mergeLists(live, config, type.list);
    case "map":
      return type.map === undefined ? kept(live, config) : mergeMaps(live, config, type.map);
  }
}

const kept = (live: unknown, config: unknown): unknown => (equalJson(live, config) ? live : config);

function mergeMaps(live: unknown, config: unknown, type: MapType): unknown {
  const [left, right] = [asObject(live), asObject(config)];
  if (type.atomic || (hasNoFields(left) && hasNoFields(right))) return kept(live, config);
  if (left === undefined) return config;
  const changes = changedFields(left, right ?? {}, type);
  return changes.length === 0 ? live : { ...left, ...Object.fromEntries(changes) };
}

function changedFields(left: JsonObject, right: JsonObject, type: MapType): [string, unknown][] {
  return Object.keys(right).flatMap((name): [string, unknown][] => {
    const before = fieldOf(left, name);
    const after = mergeFields(before, right[name], typeOfField(type, name));
    return after === before ? [] : [[name, after]];
  });
}

function mergeLists(live: unknown, config: unknown, type: ListType): unknown {
  const [left, right] = [asList(live) ?? [], asList(config) ?? []];
  if (type.relation === "atomic" || (left.length === 0 && right.length === 0)) {
    return kept(live, config);
  }
  const items = zip(numbered(left, type), numbered(right, type), type);
  const same = items.length === left.length && items.every((item, index) => item === left[index]);
  return same && left === live ? live : items;
}

/** A list with the elements of its items. */
type Numbered = {
  readonly elements: readonly PathElement[];
  readonly items: readonly unknown[];
  /** Items by element; one that is there twice has no single value to merge with. */
  readonly byElement: ReadonlyMap<PathElement, unknown>;
};

function numbered(items: readonly unknown[], type: ListType): Numbered {
  const elements = items.map((item) => itemElement(type, item));
  const byElement = new Map<PathElement, unknown>();
  for (const [index, element] of elements.entries()) {
    byElement.set(element, byElement.has(element) ? undefined : items[index]);
  }
  return { elements, items, byElement };
}

/** The next element of the configuration that the live list has too. */
type Cursor = { readonly shared: readonly PathElement[]; at: number };

const nextShared = ({ shared, at }: Cursor): PathElement | undefined => shared[at];

function zip(live: Numbered, config: Numbered, { items: type }: ListType): unknown[] {
  const out: unknown[] = [];
  const taken = new Set<PathElement>();
  const shared = config.elements.filter((element) => live.byElement.has(element));
  const cursor: Cursor = { shared, at: 0 };
  const take = (element: PathElement): void => {
    taken.add(element);
    const [before, after] = [live.byElement.get(element), config.byElement.get(element)];
    out.push(mergeFields(before, after, type));
    if (nextShared(cursor) === element) cursor.at += 1;
  };
  let [left, right] = [0, 0];
  while (left < live.elements.length || right < config.elements.length) {
    const [mine, theirs] = [live.elements[left], config.elements[right]];
    const step = nextStep({ mine, theirs, next: nextShared(cursor), config, taken });
    if (step === "keep") out.push(live.items[left]);
    const takes = step === "take" || step === "pass";
    if (takes && theirs !== undefined) take(theirs);
    if (step !== "take" || mine === theirs) left += 1;
    if (takes) right += 1;
  }
  return out;
}

type Place = {
  readonly mine: PathElement | undefined;
  readonly theirs: PathElement | undefined;
  readonly next: PathElement | undefined;
  readonly config: Numbered;
  readonly taken: ReadonlySet<PathElement>;
};

/**
 * `keep` the live item, `skip` one that stands elsewhere in the configuration, `take` the next of
 * the configuration, or `pass` the live item and take that.
 */
function nextStep({ mine, theirs, next, config, taken }: Place): "keep" | "skip" | "take" | "pass" {
  if (mine === undefined || mine === theirs) return "take";
  if (!config.byElement.has(mine)) return "keep";
  if (theirs === undefined || (next !== undefined && next !== mine)) return "skip";
  return taken.has(mine) ? "pass" : "take";
}
