import { styleText } from "node:util";
import type { Io } from "./command.ts";

/** How text is painted on terminals that show colours. */
export type Style = "red" | "green" | "yellow" | "cyan" | "bold" | "dim";

/** `text` in a colour, on terminals that show colours. */
export function paint(io: Io, style: Style, text: string): string {
  return io.color ? styleText(style, text, { validateStream: false }) : text;
}

/** `text` in a colour, where stderr is a terminal that shows colours. */
export function paintError(io: Io, style: Style, text: string): string {
  return paint({ ...io, color: io.errorColor ?? io.color }, style, text);
}

/** Columns two or more spaces apart, as kubectl prints them; the last one is not padded. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
        .join("   ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** A short human duration as kubectl shows ages: `45s`, `12m`, `3h20m`, `5d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

/** How long ago an RFC 3339 time was, or `<unknown>`. */
export function ageOf(io: Io, time: string | undefined): string {
  const at = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? "<unknown>" : age(io.clock.nowMs() - at);
}
