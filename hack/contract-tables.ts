import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { gaps } from "../test/contract/kit/gaps.ts";
import { assertions } from "../test/contract/kit/test-script.ts";
import { linesOf, parseTxtar } from "../test/contract/kit/txtar.ts";

const folder = path.join(import.meta.dirname, "..", "test", "contract");

type Part = { readonly name: string; readonly text: string };

async function partsOf(place: string, ending: string): Promise<readonly Part[]> {
  const names = (await readdir(path.join(folder, place))).filter((name) => name.endsWith(ending));
  return Promise.all(
    names.toSorted().map(async (file) => ({
      name: file.slice(0, -ending.length),
      text: await readFile(path.join(folder, place, file), "utf8"),
    })),
  );
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** What every kubectl plays, one line for each suite. */
async function scenarios(): Promise<string> {
  const rows = (await partsOf("kubectl", ".test.ts")).flatMap(({ name, text }) => {
    const titles = [...text.matchAll(/\bscenario\(\s*"((?:[^"\\]|\\.)*)"/g)].map(
      ([, one]) => one ?? "",
    );
    return titles.length === 0 ? [] : [{ name, titles }];
  });
  const count = rows.reduce((sum, { titles }) => sum + titles.length, 0);
  const lines = rows.map(({ name, titles }) => [name, `${titles.length}`, titles.join("; ")]);
  return `${count} scenarios:\n\n${table(["suite", "scenarios", "what"], lines)}`;
}

/** What each script in test/cmd's form does and asserts. */
async function scripts(): Promise<string> {
  const rows = (await partsOf("cmd", ".txtar")).map(({ name, text }) => {
    const lines = [...linesOf(parseTxtar(text).script, {})];
    const calls = lines.filter(({ words: [command] }) => command === "kubectl");
    // A command that must fail asserts that, as much as a pattern does.
    const checks = lines.filter(
      ({ words: [command = ""], negated }) =>
        assertions.includes(command) || (negated && command === "kubectl"),
    );
    return { name, calls: calls.length, checks: checks.length };
  });
  const sum = (field: "calls" | "checks"): number =>
    rows.reduce((total, row) => total + row[field], 0);
  const lines = rows.map(({ name, calls, checks }) => [name, `${calls}`, `${checks}`]);
  return `${rows.length} scripts, ${sum("calls")} calls of kubectl, ${sum("checks")} assertions:\n\n${table(["script", "calls", "assertions"], lines)}`;
}

/** The thirty pitfalls by rank. */
async function pitfalls(): Promise<string> {
  const parts = await partsOf("", ".test.ts");
  const rows = parts.flatMap(({ text }) =>
    [...text.matchAll(/\bpitfall\(\s*(\d+),\s*"((?:[^"\\]|\\.)*)"|"pitfall (\d+) ([^"]+)"/g)].map(
      ([, rank, title, otherRank, otherTitle]) => ({
        rank: Number(rank ?? otherRank),
        title: title ?? otherTitle ?? "",
      }),
    ),
  );
  const ranks = new Set(rows.map(({ rank }) => rank));
  const missing = Array.from({ length: 30 }, (_, at) => at + 1).filter((rank) => !ranks.has(rank));
  if (missing.length > 0) throw new Error(`No test of the pitfalls ${missing.join(", ")}`);
  const lines = rows
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ rank, title }) => [`${rank}`, title]);
  return table(["rank", "what a test holds"], lines);
}

function knownGaps(): string {
  const lines = Object.entries(gaps).map(([name, { reason, minors }]) => [
    name,
    minors === undefined ? "all" : minors.map((minor) => `1.${minor}`).join(", "),
    reason,
  ]);
  return lines.length === 0 ? "None." : table(["scenario", "kubectl", "why"], lines);
}

/** Puts the present tables between `<!-- NAME -->` and `<!-- /NAME -->` of a page. */
export async function withContractTables(page: string): Promise<string> {
  const tables = {
    scenarios: await scenarios(),
    scripts: await scripts(),
    pitfalls: await pitfalls(),
    gaps: knownGaps(),
  };
  let text = page;
  for (const [name, content] of Object.entries(tables)) {
    const block = new RegExp(`(<!-- ${name} -->)[^]*?(<!-- /${name} -->)`);
    if (!block.test(text)) throw new Error(`docs/compatibility.md has no place for ${name}`);
    text = text.replace(
      block,
      (_all, begin: string, end: string) => `${begin}\n\n${content}\n\n${end}`,
    );
  }
  return text;
}
