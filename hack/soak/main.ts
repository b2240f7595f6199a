// The tunnel under everything that happens to tunnels; docs/tunnel-performance.md.
//   node hack/soak/main.ts [--execs=2000] [--logs=10000] [--rounds=3] [--only=TEXT] [--minutes=N]
// Real processes: an API server, an agent that joined it and stands behind a gateway (needs root, iptables), a
// simulated engine. With --minutes it goes on until so many have passed. Ends with 1 when a bound is broken.
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { type Figure, isMet, renderFigures } from "../bench/figure.ts";
import { cleanUpWhenInterrupted } from "../bench/interrupts.ts";
import { type Amounts, openSoakRig } from "./rig.ts";
import { runTrial, trials, warmUp } from "./soak.ts";

const load = (): string => loadavg()[0]?.toFixed(1) ?? "?";
const note = (line: string): void => console.error(line);

type Wish = { readonly amounts: Amounts; readonly only: string; readonly minutes: number };

function wishOf(argv: readonly string[]): Wish {
  const text = { type: "string" } as const;
  const options = { execs: text, logs: text, rounds: text, only: text, minutes: text };
  const { values } = parseArgs({ args: [...argv], options });
  const { execs = "2000", logs = "10000", rounds = "3", only = "", minutes = "0" } = values;
  const amounts = { execs: Number(execs), logs: Number(logs), rounds: Number(rounds) };
  return { amounts, only, minutes: Number(minutes) };
}

async function once({ amounts, only }: Wish): Promise<readonly Figure[]> {
  await using rig = await openSoakRig(amounts, (line) => note(`  ${line}`));
  await warmUp(rig);
  const figures: Figure[] = [];
  for (const [name, trial] of Object.entries(trials)) {
    if (!name.includes(only)) continue;
    const begun = performance.now();
    note(`${name}: begins, load ${load()}`);
    figures.push(...(await runTrial(rig, name, trial)));
    note(`${name}: took ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
  }
  return figures;
}

async function main(argv: readonly string[]): Promise<number> {
  const wish = wishOf(argv);
  cleanUpWhenInterrupted();
  note(`Node.js ${process.versions.node}, ${cpus().length} CPUs, load ${load()}`);
  const end = performance.now() + wish.minutes * 60_000;
  let met = true;
  do {
    const figures = await once(wish);
    process.stdout.write(renderFigures(figures));
    met &&= figures.every(isMet);
  } while (performance.now() < end);
  return met ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
