/** What a scalar may be; `untyped` is any of them. */
export type ScalarType = "string" | "numeric" | "boolean" | "untyped";

/** How a list is owned: as a whole, by value, or item by item. */
export type ListType = {
  readonly relation: "atomic" | "set" | "map";
  /** What tells the items of a `map` apart, in the order of the names. */
  readonly keys: readonly string[];
  readonly items: FieldType;
};

/** A declared field. */
export type FieldEntry = { readonly type: FieldType; readonly default?: unknown };

/** How an object is owned. */
export type MapType = {
  /** Owned as a whole: changes within are changes of it. */
  readonly atomic: boolean;
  readonly fields: ReadonlyMap<string, FieldEntry>;
  /** Type of fields that are not declared; absent: there must be none. */
  readonly element?: FieldType;
};

/**
 * What ownership needs to know of a type: more than one of the three where a value tells which it
 * is. Types may refer to themselves.
 */
export type FieldType = {
  readonly scalar?: ScalarType;
  readonly list?: ListType;
  readonly map?: MapType;
};

/** Which part of a type applies to a value. */
export type Shape = "scalar" | "list" | "map";

const noFields: ReadonlyMap<string, FieldEntry> = new Map();

function selfDescribing(atomic: boolean, items: FieldType | undefined): FieldType {
  const type: { scalar: ScalarType; list?: ListType; map?: MapType } = { scalar: "untyped" };
  type.list = { relation: "atomic", keys: [], items: items ?? type };
  type.map = { atomic, fields: noFields, element: type };
  return type;
}

/** A value about which nothing is known and that is owned as a whole. */
export const untyped: FieldType = selfDescribing(true, undefined);

/** A value about which nothing is known: objects are owned field by field, lists as a whole. */
export const deduced: FieldType = selfDescribing(false, untyped);

/** The part of `type` that applies to a value: the first that there is where none fits. */
export function shapeOf(type: FieldType, value: unknown): Shape {
  if (Array.isArray(value)) {
    if (type.list !== undefined) return "list";
  } else if (typeof value === "object") {
    if (value !== null && type.map !== undefined) return "map";
  } else if (type.scalar !== undefined) {
    return "scalar";
  }
  if (type.map !== undefined) return "map";
  return type.scalar === undefined ? "list" : "scalar";
}

/** The type of a field; unknown ones are owned as a whole. */
export function typeOfField({ fields, element }: MapType, name: string): FieldType {
  return fields.get(name)?.type ?? element ?? untyped;
}
