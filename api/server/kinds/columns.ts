import type { AnyObject } from "../../machinery/object.ts";
import { humanDuration, parseTime } from "../../machinery/time.ts";
import type { Column } from "./kind.ts";

/** How long ago a time was, as `kubectl get` shows it; `<unknown>` for none. */
export function ageText(time: string | undefined, nowMs: number): string {
  const ms = time === undefined ? undefined : parseTime(time);
  return ms === undefined ? "<unknown>" : humanDuration(nowMs - ms);
}

type Options = Partial<Pick<Column, "type" | "priority" | "description">>;

/** A column of text unless `options` say otherwise. */
export function column(name: string, cell: Column["cell"], options: Options = {}): Column {
  const { type = "string", priority = 0, description = "" } = options;
  return { name, type, format: "", description, priority, cell };
}

/** The first column of every table. */
export const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description:
    "Name must be unique within a namespace. It is required when creating resources and cannot be changed.",
  priority: 0,
  cell: (object) => object.metadata.name,
};

/** Time since the creation. */
export const ageColumn: Column = {
  name: "Age",
  type: "string",
  format: "",
  description: "Time since the creation of the object.",
  priority: 0,
  cell: ({ metadata }, nowMs) => ageText(metadata.creationTimestamp, nowMs),
};

/** When the object was created, as it stands in its metadata. */
export const createdAtColumn: Column = column("Created At", createdAt, {
  description: "Time of the creation of the object.",
});

function createdAt({ metadata }: AnyObject): string {
  return metadata.creationTimestamp;
}

/** What a kind without columns of its own shows. */
export const defaultColumns: readonly Column[] = [nameColumn, ageColumn];
