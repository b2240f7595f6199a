/**
 * `npm run faults`: the fault matrix, with its tables in docs/fault-matrix.md.
 */
import { type ChildProcess, fork } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { allCells, type Cell, nameOf, sampleOf, whyImpossible } from "./cell.ts";
import { dockerCells } from "./docker/cells.ts";
import { runLanes } from "./lanes.ts";
import type { Outcome } from "./run-cell.ts";
import { type Section, sectionOf, withSection } from "./table.ts";

const usage = `Usage: npm run faults -- [--only REGEX] [--sample SEED] [--processes N] [--lanes N]

  --only REGEX    cells whose name matches, e.g. 'start / .* / update'
  --sample SEED   one cell for each operation and fault, as CI runs them
  --docker        on real engines in network namespaces, a third of the matrix; needs root
  --processes N   default: the number of processors
  --lanes N       worlds in each process, default 6
A run of the whole matrix writes its table to docs/fault-matrix.md; one that is ended by Ctrl-C writes
how far it came. FAULTS_LOG=1 shows the parts' logs, FAULTS_HASTE=5 makes time go slower on a busy machine.
`;

const page = join(import.meta.dirname, "..", "..", "docs", "fault-matrix.md");

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    sample: { type: "string" },
    processes: { type: "string", default: String(availableParallelism()) },
    lanes: { type: "string", default: "6" },
    docker: { type: "boolean", default: false },
    shard: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function pickedCells(): readonly Cell[] {
  const pattern = new RegExp(values.only);
  const possible = allCells.filter((cell) => whyImpossible(cell) === undefined);
  // Sample by sample, so that a run that is ended early has seen something of everything.
  const seeds = values.sample === undefined ? [...Array(9).keys()] : [Number(values.sample)];
  const sampled = new Set(seeds.flatMap((seed) => sampleOf(possible, seed)));
  return [...sampled].filter((cell) => pattern.test(nameOf(cell)));
}

function show({ cell, problems, phases, tookMs }: Outcome): void {
  if (problems.length === 0) return;
  const lines = problems.map((problem) => `  ${problem}\n`).join("");
  const story = `  ${phases.join(" > ")}, ${Math.round(tookMs)} ms\n`;
  process.stdout.write(`FAIL ${nameOf(cell)}\n${lines}${story}`);
}

function untilEnd(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`a process of the matrix ended with ${code}`)),
    );
  });
}

async function runAll(cells: readonly Cell[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const count = Math.max(1, Number(values.processes));
  const children = Array.from({ length: count }, (_, index) => {
    const argv = [...process.argv.slice(2), `--shard=${index}/${count}`];
    const child = fork(import.meta.filename, argv);
    child.on("message", (outcome: Outcome) => {
      outcomes.push(outcome);
      show(outcome);
      if (outcomes.length % 50 === 0) process.stdout.write(`${outcomes.length}/${cells.length}\n`);
    });
    process.once("SIGINT", () => child.kill("SIGTERM"));
    process.once("SIGTERM", () => child.kill("SIGTERM"));
    return untilEnd(child);
  });
  await Promise.all(children);
  return outcomes;
}

async function runShard(shard: string): Promise<void> {
  const [index, count] = shard.split("/").map(Number);
  const own = pickedCells().filter((_, number) => number % (count ?? 1) === index);
  const end = new AbortController();
  process.once("SIGTERM", () => end.abort());
  process.on("SIGINT", () => undefined); // of the terminal; the parent tells us
  const report = (outcome: Outcome): void => void process.send?.(outcome);
  await runLanes(own, { lanes: Number(values.lanes), report, signal: end.signal });
  process.disconnect();
}

/** Puts the table of a run into the page. */
async function write(section: Section, outcomes: readonly Outcome[]): Promise<void> {
  const sorted = allCells.flatMap(
    (cell) => outcomes.find((one) => nameOf(one.cell) === nameOf(cell)) ?? [],
  );
  const text = sectionOf(section, sorted, new Date().toISOString().slice(0, 10));
  await writeFile(page, withSection(await readFile(page, "utf8"), section, text));
}

/** On real engines: one world, cell after cell. */
async function runDocker(cells: readonly Cell[]): Promise<readonly Outcome[]> {
  const { runOnDocker } = await import("./docker/run.ts");
  const outcomes: Outcome[] = [];
  await runOnDocker(cells, (outcome) => {
    outcomes.push(outcome);
    show(outcome);
    process.stdout.write(`${outcomes.length}/${cells.length}\n`);
  });
  return outcomes;
}

async function runParent(): Promise<void> {
  const pattern = new RegExp(values.only);
  const cells = values.docker
    ? dockerCells.filter((cell) => pattern.test(nameOf(cell)))
    : pickedCells();
  const start = performance.now();
  const outcomes = await (values.docker ? runDocker(cells) : runAll(cells));
  const failed = outcomes.filter(({ problems }) => problems.length > 0).length;
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  process.stdout.write(`${outcomes.length} cells, ${failed} failed, ${seconds} s\n`);
  const isWhole = values.only === "" && values.sample === undefined;
  if (isWhole) await write(values.docker ? "dockerd" : "simulated", outcomes);
  process.exitCode = failed === 0 && outcomes.length === cells.length ? 0 : 1;
}

if (values.help) process.stdout.write(usage);
else if (values.shard === undefined) await runParent();
else await runShard(values.shard);
