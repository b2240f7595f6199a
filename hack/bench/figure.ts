import { renderTable } from "./table.ts";

/** One measured figure of a bench. Ratios travel between machines, absolute figures do not. */
export type Figure = {
  readonly what: string;
  readonly value: number;
  /** `x` for a ratio, empty for a count, else the unit of `value`. */
  readonly unit: "x" | "s" | "ms" | "us" | "MB" | "KiB" | "%" | "";
  /** What it was made of, e.g. `5.2 s / 4.9 s`. */
  readonly from?: string;
  /** The value must be at most (or at least) this; without it the figure only informs. */
  readonly atMost?: number;
  readonly atLeast?: number;
};

/** What the command line asks of the sections; each heeds what it knows. */
export type BenchOptions = {
  /** How often everything is measured; absent: as often as the section holds right. */
  readonly rounds?: number;
  /** Only the parts whose name contains this. */
  readonly only?: string;
};

/** A part of the bench: measures and resolves to its figures. `note` tells what it is doing. */
export type Section = (
  note: (line: string) => void,
  options: BenchOptions,
) => Promise<readonly Figure[]>;

/** Whether the figure is on the right side of its target, or has none. */
export function isMet({ value, atMost = Infinity, atLeast = -Infinity }: Figure): boolean {
  return value <= atMost && value >= atLeast;
}

function shown(value: number, unit: Figure["unit"]): string {
  const digits = unit === "MB" || unit === "ms" || unit === "" ? 0 : 2;
  if (unit === "") return value.toFixed(digits);
  return unit === "x" ? `${value.toFixed(digits)} x` : `${value.toFixed(digits)} ${unit}`;
}

function target({ atMost, atLeast, unit }: Figure): string {
  if (atMost !== undefined) return `<= ${shown(atMost, unit)}`;
  return atLeast === undefined ? "-" : `>= ${shown(atLeast, unit)}`;
}

function verdict(figure: Figure): string {
  if (figure.atMost === undefined && figure.atLeast === undefined) return "-";
  return isMet(figure) ? "met" : "MISSED";
}

/** The figures as a table of text; its last line ends with a line feed. */
export function renderFigures(figures: readonly Figure[]): string {
  const rows = [
    ["WHAT", "MEASURED", "TARGET", "VERDICT", "FROM"],
    ...figures.map((figure) => [
      figure.what,
      shown(figure.value, figure.unit),
      target(figure),
      verdict(figure),
      figure.from ?? "",
    ]),
  ];
  return renderTable(rows);
}
