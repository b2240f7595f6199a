import { parseTime } from "../../machinery/time.ts";
import { ageColumn, ageText, nameColumn } from "./columns.ts";
import { compileJsonPath, scalarText } from "./json-path.ts";
import type { Cell, Column } from "./kind.ts";

/** A column as a CRD describes it. */
export type PrinterColumn = {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
};

/** The columns of a custom resource: its name, then its own ones, or its age when it has none. */
export function printerColumns(columns: readonly PrinterColumn[] | undefined): readonly Column[] {
  if (columns === undefined || columns.length === 0) return [nameColumn, ageColumn];
  return [nameColumn, ...columns.map(toColumn)];
}

function toColumn(column: PrinterColumn): Column {
  const { name, jsonPath, format = "", description = "", priority = 0 } = column;
  const read = compileJsonPath(jsonPath);
  const type = columnType(column.type);
  return {
    name,
    type,
    format,
    description,
    priority,
    cell: (object, nowMs) => toCell(read(object)[0], type, nowMs),
  };
}

const types = ["string", "integer", "number", "boolean", "date"] as const;

function columnType(text: string): Column["type"] {
  return types.find((type) => type === text) ?? "string";
}

/** A value that does not have the column's type shows as nothing. */
function toCell(value: unknown, type: Column["type"], nowMs: number): Cell {
  if (value === undefined || value === null) return null;
  if (type === "string") return scalarText(value) ?? JSON.stringify(value);
  if (type === "date") return typeof value === "string" ? dateCell(value, nowMs) : null;
  if (type === "boolean") return typeof value === "boolean" ? value : null;
  if (typeof value !== "number") return null;
  return type === "integer" ? Math.trunc(value) : value;
}

function dateCell(text: string, nowMs: number): string {
  if (text === "") return "<unknown>";
  const ms = parseTime(text);
  // A second of the future is a clock that is off; more is no age.
  if (ms === undefined || ms > nowMs + 2_000) return "<invalid>";
  return ageText(text, nowMs);
}
