// Speed and size against the machine's own limits, in interleaved rounds; docs/performance.md.
//   node hack/bench/main.ts [--rounds=N] [--only=TEXT] [SECTION...]
// Without a name: all sections but those that need minutes and root. Ends with 1 when a target is missed.
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { benchAccess } from "./access.ts";
import { benchAudit } from "./audit.ts";
import { benchBlocking } from "./blocking.ts";
import { benchApiReads } from "./api-reads.ts";
import { benchApply } from "./apply.ts";
import { benchCustomWrites } from "./custom-writes.ts";
import { benchEngine } from "./engine.ts";
import { benchEtcdWrites, benchLmdbWrites } from "./api-writes.ts";
import { type BenchOptions, type Figure, isMet, renderFigures, type Section } from "./figure.ts";
import { benchFanOut } from "./fan-out.ts";
import { benchFootprint } from "./footprint.ts";
import { benchLogins } from "./logins.ts";
import { benchMemory } from "./memory.ts";
import { benchRepair } from "./repair.ts";
import { benchRollout } from "./rollout.ts";
import { benchRollouts } from "./rollouts.ts";
import { benchScale } from "./scale.ts";
import { benchSwarm } from "./swarm.ts";
import { benchIdle } from "./idle.ts";
import { cleanUpWhenInterrupted } from "./interrupts.ts";
import { benchStore } from "./store.ts";
import { benchTunnel } from "./tunnel.ts";

const sections: Readonly<Record<string, Section>> = {
  engine: benchEngine,
  footprint: benchFootprint,
  store: benchStore,
  lmdb: benchLmdbWrites,
  etcd: benchEtcdWrites,
  custom: benchCustomWrites,
  apply: benchApply,
  blocking: benchBlocking,
  access: benchAccess,
  audit: benchAudit,
  logins: benchLogins,
  reads: benchApiReads,
  "fan-out": benchFanOut,
  memory: benchMemory,
  repair: benchRepair,
  rollout: benchRollout,
};

/** Minutes each; they run when they are named. */
const longSections: Readonly<Record<string, Section>> = {
  scale: benchScale,
  idle: benchIdle,
  swarm: benchSwarm,
  rollouts: benchRollouts,
  tunnel: benchTunnel,
};

const load = (): string => loadavg()[0]?.toFixed(1) ?? "?";

const all = { ...sections, ...longSections };

function optionsOf(rounds: string | undefined, only: string | undefined): BenchOptions {
  return {
    ...(rounds === undefined ? {} : { rounds: Number(rounds) }),
    ...(only === undefined ? {} : { only }),
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals: names } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { rounds: { type: "string" }, only: { type: "string" } },
  });
  const unknown = names.find((name) => !(name in all));
  if (unknown !== undefined) {
    console.error(`Cannot bench "${unknown}": choose from ${Object.keys(all).join(", ")}`);
    return 2;
  }
  cleanUpWhenInterrupted();
  const options = optionsOf(values.rounds, values.only);
  const chosen = Object.entries(names.length === 0 ? sections : all).filter(
    ([name]) => names.length === 0 || names.includes(name),
  );
  console.error(`Node.js ${process.versions.node}, ${cpus().length} CPUs, load ${load()}`);
  const figures: Figure[] = [];
  for (const [name, section] of chosen) {
    const begun = performance.now();
    figures.push(...(await section((line) => console.error(`${name}: ${line}`), options)));
    const seconds = (performance.now() - begun) / 1_000;
    console.error(`${name}: took ${seconds.toFixed(0)} s, load ${load()}`);
  }
  process.stdout.write(renderFigures(figures));
  return figures.every(isMet) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
