import type { AnyObject } from "../../machinery/object.ts";
import type { Cell, Column, Kind, RowCondition } from "../kinds/kind.ts";

/** How much of each object a table row carries. */
export type IncludeObject = "None" | "Metadata" | "Object";

/** One row of meta.k8s.io Table. */
type Row = {
  readonly cells: readonly Cell[];
  readonly conditions?: readonly RowCondition[];
  readonly object?: unknown;
};

/** What a table is made with. */
export type TableStyle = {
  /** Version of meta.k8s.io. */
  readonly version: "v1" | "v1beta1";
  readonly include: IncludeObject;
  readonly nowMs: number;
};

/** Metadata of a list, as it stands on the wire. */
export type ListMeta = {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
};

type Definition = Omit<Column, "cell">;

function definitionOf({ name, type, format, description, priority }: Column): Definition {
  return { name, type, format, description, priority };
}

/** What the columns of a table of this kind are. */
export function columnDefinitions({ columns }: Kind): readonly Definition[] {
  return columns.map(definitionOf);
}

/** The object reduced to its metadata: what a row carries by default. */
export function partialObject({ metadata }: AnyObject, version: "v1" | "v1beta1"): object {
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata };
}

/** One row. */
export function rowOf(kind: Kind, object: AnyObject, { include, nowMs, version }: TableStyle): Row {
  const cells = kind.columns.map((column) => column.cell(object, nowMs));
  const conditions = kind.rowConditions?.(object) ?? [];
  const whole = (): AnyObject => kind.view?.toShown(object) ?? object;
  return {
    cells,
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(include === "None"
      ? {}
      : { object: include === "Object" ? whole() : partialObject(object, version) }),
  };
}

/** A table of these objects. In a watch only the first one carries column definitions. */
export function tableOf(
  kind: Kind,
  objects: readonly AnyObject[],
  metadata: ListMeta,
  style: TableStyle & { readonly withDefinitions: boolean },
): object {
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${style.version}`,
    metadata,
    columnDefinitions: style.withDefinitions ? columnDefinitions(kind) : null,
    rows: objects.map((object) => rowOf(kind, object, style)),
  };
}
