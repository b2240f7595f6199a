import { allCells, type Cell, type FaultName, faults, operations, whyImpossible } from "./cell.ts";
import { dockerCells } from "./docker/cells.ts";

/** What the table needs of an outcome. */
export type Result = { readonly cell: Cell; readonly problems: readonly string[] };

/** Part of the page that one run writes; the other parts stay. */
export type Section = "simulated" | "dockerd";

const row = (fields: readonly string[]): string => `| ${fields.join(" | ")} |`;

function fieldOf(results: readonly Result[], operation: string, fault: FaultName): string {
  const own = results.filter(({ cell }) => cell.operation === operation && cell.fault === fault);
  const passed = own.filter(({ problems }) => problems.length === 0);
  return own.length === 0 ? "–" : `${passed.length}/${own.length}`;
}

/** Operations down, faults across, in each field how many of its cells passed. */
function matrixOf(results: readonly Result[]): string {
  return [
    row(["at", ...faults]),
    row(["---", ...faults.map(() => "---:")]),
    ...operations.map((operation) =>
      row([operation, ...faults.map((fault) => fieldOf(results, operation, fault))]),
    ),
  ].join("\n");
}

function impossibleOf(): string {
  const reasons = new Map<string, number>();
  for (const cell of allCells) {
    const why = whyImpossible(cell);
    if (why === undefined) continue;
    const what = `${cell.operation}, ${cell.kind}: ${why}`;
    reasons.set(what, (reasons.get(what) ?? 0) + 1);
  }
  return [...reasons].map(([what, count]) => `- ${what} (${count} cells)`).join("\n");
}

function failuresOf(results: readonly Result[]): string {
  const failed = results.filter(({ problems }) => problems.length > 0);
  if (failed.length === 0) return "Every cell passed.";
  const lines = failed.map(({ cell, problems }) => {
    const { operation, fault, slot, kind } = cell;
    return `- ${operation} / ${fault} / ${slot} / ${kind}: ${problems.join("; ")}`;
  });
  return `Cells that did not pass:\n\n${lines.join("\n")}`;
}

/** The text of a section. `date` is e.g. `2026-11-21`. */
export function sectionOf(section: Section, results: readonly Result[], date: string): string {
  const possible = allCells.filter((cell) => whyImpossible(cell) === undefined);
  const all = section === "simulated" ? possible : dockerCells;
  const head = `${results.length} of ${all.length} cells were run, on ${date}.`;
  const parts = [head, matrixOf(results), failuresOf(results)];
  if (section === "simulated")
    parts.push(`Combinations that cannot be, and why:\n\n${impossibleOf()}`);
  return parts.join("\n\n");
}

/** The page with one section replaced. @throws Error when the page has no such section */
export function withSection(page: string, section: Section, text: string): string {
  const [begin, end] = [`<!-- ${section} -->`, `<!-- end of ${section} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`Cannot write the page: it has no ${begin}`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}
