import { openEngine } from "../../agent/engine/dockerode.ts";
import { makeImage, type Recipe } from "../docker/example-images.ts";
import type { Section } from "./figure.ts";
import { type BenchHosts, startHosts } from "./hosts.ts";
import { startLighthouseMode } from "./lighthouse-mode.ts";
import { type Outcome, type Scenario, type Stage, scenarios } from "./scenarios.ts";
import { inParallel } from "./raw-engine.ts";
import { startSwarm } from "./swarm-mode.ts";
import { type System, type Version, versions } from "./system.ts";
import { renderTable } from "./table.ts";
import { scratchDir } from "./world.ts";

const hosts = 3;
/** A scenario that takes longer has failed; it holds up the others no more. */
const scenarioMs = 180_000;
/** Scenarios at once: most of them wait. */
const sideBySide = 3;

/** Script of containers that wait to be stopped. */
export const waits = 'trap "exit 0" TERM INT\nsleep 1000000 &\nwait $!';
const recipes: Readonly<Record<Exclude<Version, "absent">, Recipe>> = {
  v1: { script: waits, version: "v1" },
  v2: { script: waits, version: "v2" },
  v3: { script: waits, version: "v3" },
  crash: { script: 'echo "cannot open configuration" >&2\nexit 1', version: "crash" },
  crash2: { script: 'echo "cannot find its data" >&2\nexit 1', version: "crash2" },
  mortal: { script: 'trap "exit 0" TERM\nsleep 12 &\nwait $!\nexit 1', version: "mortal" },
};

/** Puts the images of all versions on every host; no registry is needed for them. */
export async function makeVersions({ hosts: all }: BenchHosts): Promise<void> {
  for (const { dockerd } of all) {
    await using engine = openEngine(dockerd.url);
    for (const [version, recipe] of Object.entries(recipes)) {
      await makeImage(engine.images, versions[version as Version], recipe);
    }
  }
}

/** Moments for several that wait for each other. */
function meetings(count: number): Stage["together"] {
  let here = 0;
  let meeting = Promise.withResolvers<void>();
  return async (act) => {
    here += 1;
    const mine = meeting;
    if (here === count) {
      here = 0;
      meeting = Promise.withResolvers<void>();
      await act().then(mine.resolve, mine.reject);
    }
    return mine.promise;
  };
}

/** One that failed before a meeting must not leave the other waiting for ever. */
async function play(scenario: Scenario, system: System, stage: Stage): Promise<Outcome> {
  const late = Promise.withResolvers<Outcome>();
  const timer = setTimeout(
    () => late.resolve({ says: `no end within ${scenarioMs / 1_000} s`, right: false }),
    scenarioMs,
  );
  const failed = (err: unknown): Outcome => ({
    says: err instanceof Error ? err.message : String(err),
    right: false,
  });
  try {
    return await Promise.race([scenario.run(system, stage).catch(failed), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function playBoth(
  scenario: Scenario,
  systems: readonly System[],
  site: BenchHosts,
): Promise<readonly Outcome[]> {
  if (scenario.apart !== true) {
    const stage = { site, together: meetings(systems.length) };
    return Promise.all(systems.map((system) => play(scenario, system, stage)));
  }
  const outcomes: Outcome[] = [];
  for (const system of systems) {
    outcomes.push(await play(scenario, system, { site, together: meetings(1) }));
  }
  return outcomes;
}

const cellsOf = ({ says, right, seconds }: Outcome): readonly string[] => [
  says,
  seconds === undefined ? "-" : `${seconds.toFixed(1)} s`,
  right ? "right" : "WRONG",
];

/** Plays those that leave others alone side by side, and then the others one by one. */
async function playAll(
  chosen: readonly Scenario[],
  act: (scenario: Scenario) => Promise<void>,
): Promise<void> {
  await inParallel(
    chosen.filter(({ alone }) => alone !== true),
    sideBySide,
    act,
  );
  for (const scenario of chosen) if (scenario.alone === true) await act(scenario);
}

/** Docker Swarm and Lighthouse in the same situations on the same engines, at the same time. */
export const benchSwarm: Section = async (note, { only = "" }) => {
  await using dir = await scratchDir();
  await using site = await startHosts(hosts);
  await makeVersions(site);
  const swarm = await startSwarm(site);
  await using lighthouse = await startLighthouseMode(site, dir.path);
  const systems: readonly System[] = [swarm, lighthouse];
  const chosen = scenarios.filter(({ name }) => name.includes(only));
  const results = new Map<Scenario, readonly Outcome[]>();
  await playAll(chosen, async (scenario) => {
    const outcomes = await playBoth(scenario, systems, site);
    results.set(scenario, outcomes);
    const told = outcomes.map(({ says, right }) => `${right ? "right" : "WRONG"}: ${says}`);
    note(`${scenario.name}: ${told.join(" | ")}`);
    // One that is broken for good has said so above; the others have their turn all the same.
    await Promise.allSettled(systems.map((system) => system.remove(scenario.app)));
  });
  const head = ["SCENARIO", "WANTED", "SWARM", "TIME", "IS", "LIGHTHOUSE", "TIME", "IS"];
  const rows = chosen.map((scenario) => [
    scenario.name,
    scenario.wanted,
    ...(results.get(scenario) ?? []).flatMap(cellsOf),
  ]);
  process.stdout.write(renderTable([head, ...rows]));
  const wrong = [...results.values()].filter(([, ours]) => ours?.right !== true).length;
  return [{ what: "scenarios that Lighthouse gets wrong", value: wrong, unit: "", atMost: 0 }];
};
