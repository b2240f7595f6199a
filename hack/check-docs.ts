/**
 * Fails when an exported symbol has no docstring. Reads text, not syntax trees: our formatter
 * puts every export at the start of a line, and TypeScript 7 has no compiler API to ask.
 */
import { readFile } from "node:fs/promises";
import { ownFiles } from "./gate/checks.ts";

const exported =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|type|interface) (\w+)/;

/** One-line declarations whose name and type say all: predicates in a row, type aliases of a schema. */
function isDocumented(lines: readonly string[], index: number): boolean {
  const before = lines[index - 1]?.trim() ?? "";
  if (before.endsWith("*/")) return true;
  // A run of one-line exports shares the comment above its first.
  const previous = lines[index - 1] ?? "";
  return exported.test(previous) && previous.trimEnd().endsWith(";")
    ? isDocumented(lines, index - 1)
    : false;
}

const missing: string[] = [];
let symbols = 0;
for (const file of await ownFiles("*.ts")) {
  if (/\.(test|gen)\.ts$|\.config\.ts$/.test(file)) continue;
  const lines = (await readFile(file, "utf8")).split("\n");
  lines.forEach((line, index) => {
    const name = exported.exec(line)?.[1];
    if (name === undefined) return;
    symbols += 1;
    if (!isDocumented(lines, index)) missing.push(`${file}:${index + 1} ${name}`);
  });
}
process.stdout.write(`${symbols} exported symbols, ${missing.length} without a docstring\n`);
if (missing.length > 0) process.stdout.write(`${missing.join("\n")}\n`);
process.exitCode = missing.length === 0 ? 0 : 1;
