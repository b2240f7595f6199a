import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Check, commandCheck, type Outcome, runCommand, verdict } from "./check.ts";

const bin = (name: string): string => join("node_modules", ".bin", name);

/** Our own files of some endings, as git knows them: tracked, or new and not ignored. */
export async function ownFiles(...patterns: readonly string[]): Promise<readonly string[]> {
  const { output } = await runCommand([
    "git",
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
    "--deduplicate",
    "--",
    ...patterns,
  ]);
  return output.split("\n").filter((line) => line !== "");
}

type Cruise = {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
};

/**
 * The import rules. With an unsupported TypeScript, dependency-cruiser reads nothing and reports
 * success, so every file of ours must be among the modules that it read.
 */
const imports: Check = {
  name: "imports",
  async run() {
    const { code, output } = await runCommand([
      bin("depcruise"),
      "--config",
      ".dependency-cruiser.mjs",
      "--output-type",
      "json",
      ".",
    ]);
    const start = output.indexOf("{");
    if (start < 0) return verdict(false, output);
    const end = output.lastIndexOf("}");
    const { modules, summary } = JSON.parse(output.slice(start, end + 1)) as Cruise;
    const read = new Set(modules.map(({ source }) => source));
    const unread = (await ownFiles("*.ts")).filter((file) => !read.has(file));
    const lines = [
      ...summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
      ...unread.map((file) => `not read by dependency-cruiser: ${file}`),
    ];
    return verdict(code === 0 && lines.length === 0, `${lines.join("\n")}\n`);
  },
};

/** A note without an owner is lost: each one names the issue or ADR that will settle it. */
const notes: Check = {
  name: "notes",
  async run() {
    const found: string[] = [];
    for (const file of await ownFiles("*.ts", "*.sh", "hack/*")) {
      const lines = (await readFile(file, "utf8")).split("\n");
      lines.forEach((line, index) => {
        if (/\b(TO[D]O|FIX[M]E|XX[X])\b(?!\(#?\w)/.test(line)) found.push(`${file}:${index + 1}`);
      });
    }
    return verdict(found.length === 0, `Notes without an issue:\n${found.join("\n")}\n`);
  },
};

type Report = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
};

/** A Vitest project; its tests are counted one by one, and a run without any is a failure. */
export function vitest(project: string, ...args: readonly string[]): Check {
  return {
    name: `tests: ${project}`,
    async run(): Promise<Outcome> {
      const file = join(tmpdir(), `lighthouse-${project}-${process.pid}.json`);
      const { code, output } = await runCommand([
        bin("vitest"),
        "run",
        "--project",
        project,
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${file}`,
        ...args,
      ]);
      const text = await readFile(file, "utf8").catch(() => undefined);
      await rm(file, { force: true });
      if (text === undefined) return verdict(false, output);
      const report = JSON.parse(text) as Report;
      const passed = report.numPassedTests;
      const skipped = report.numPendingTests + report.numTodoTests;
      // A file that cannot be loaded fails the run without failing a test.
      const broken = (code !== 0 || !report.success || passed === 0) && report.numFailedTests === 0;
      return { passed, failed: report.numFailedTests + (broken ? 1 : 0), skipped, output };
    },
  };
}

/** Fast checks, cheapest first. None needs a daemon, root or the network. */
export const fastChecks: readonly Check[] = [
  commandCheck("format", bin("prettier"), "--check", "."),
  commandCheck("lint", bin("oxlint"), "--deny-warnings"),
  commandCheck("types", bin("tsc")),
  imports,
  commandCheck("generated types", process.execPath, "hack/update-types.ts", "--check"),
  commandCheck("generated docs", process.execPath, "hack/update-docs.ts", "--check"),
  commandCheck("generated schemas", process.execPath, "hack/update-builtin-schemas.ts", "--check"),
  commandCheck("lockfile", process.execPath, "hack/update-lock.ts", "--check"),
  commandCheck("docs", process.execPath, "hack/check-docs.ts"),
  notes,
  commandCheck("dead code", bin("knip")),
];
