import { setTimeout as sleep } from "node:timers/promises";
import { applications } from "../../api/machinery/resources.ts";
import { podName, revisionName } from "../../controllers/application/names.ts";
import type { RolloutPhase } from "../../crds/types.gen.ts";
import { eventually } from "../kit/eventually.ts";
import { type Arena, hostOf, runningIn } from "./arena.ts";
import { type Cell, endingOf, indexOf } from "./cell.ts";
import { type EndState, type Expected, lookAt, problemsOf } from "./end-state.ts";
import { applicationOf, batch } from "./manifest.ts";
import type { Observer } from "./observer.ts";
import { strike } from "./strike.ts";
import type { Host, World } from "./stage.ts";

/** How a cell came out. */
export type Outcome = {
  readonly cell: Cell;
  /** Guarantees that did not hold, each with its number; empty when all did. */
  readonly problems: readonly string[];
  /** Phases that were seen, for whoever looks into a problem. */
  readonly phases: readonly RolloutPhase[];
  /** Real milliseconds. */
  readonly tookMs: number;
};

const slotIds = ["0", "1", "2"];
/** Milliseconds by the world's clock: a multiple of what the slowest cell takes on an idle machine. */
const limits = { baseMs: 150_000, strikeMs: 400_000, settleMs: 300_000, deleteMs: 150_000 };
/** For so long everything must stay as it must be. Likewise. */
const steadyMs = 2_500;

/** Where cells are played, and who watches. */
export type Place = { readonly world: World; readonly observer: Observer };

async function waitFor(
  { world, observer }: Place,
  name: string,
  phases: readonly RolloutPhase[],
  from = 0,
): Promise<void> {
  const patience = AbortSignal.timeout(world.pace.patienceMs(limits.baseMs));
  await observer.story(name).until(phases, from, patience);
}

async function apply(world: World, name: string, version: number, cell: Cell): Promise<void> {
  const application = applicationOf(world, cell, name, version);
  if (version === 1) {
    await world.client.create(applications, application);
    return;
  }
  const body = { spec: application.spec };
  await world.client.patch(applications, { namespace: "default", name }, { type: "merge", body });
}

/** Makes the version fail that is being watched: a container of another slot ends by itself. */
async function makeItFail(arena: Arena): Promise<void> {
  await arena.story.until(["Verifying"], arena.from, arena.signal);
  arena.world.ledger.forgetCreates();
  const other = slotIds[(indexOf(arena.cell) + 1) % slotIds.length] ?? "";
  const { host, container } = runningIn(arena, other);
  host.engine.exit(container.id, 1);
}

function expectedOf({ world, cell, application: name }: Arena, version: number): Expected {
  const [first, second] = [revisionName(name, 1), revisionName(name, 2)];
  return {
    ending: endingOf(cell),
    completed: cell.kind === "first rollout" ? first : second,
    rolledBack: cell.kind === "first rollout" ? undefined : first,
    slots: slotIds,
    spec: applicationOf(world, cell, name, version).spec,
  };
}

/** Looks until everything is as it must be and stays so; what is not is the answer. */
async function settle(world: World, name: string, expected: Expected): Promise<readonly string[]> {
  const look = async (): Promise<readonly string[]> => {
    try {
      const state: EndState = await lookAt(world.client, name, world.containers());
      return problemsOf(state, expected);
    } catch (err) {
      return [`the API server does not answer: ${String(err)}`];
    }
  };
  const endMs = performance.now() + world.pace.patienceMs(limits.settleMs);
  let goodSinceMs: number | undefined;
  for (;;) {
    const problems = await look();
    const nowMs = performance.now();
    if (problems.length > 0 && nowMs > endMs) return problems;
    goodSinceMs = problems.length > 0 ? undefined : (goodSinceMs ?? nowMs);
    if (goodSinceMs !== undefined && nowMs - goodSinceMs >= world.pace.realMs(steadyMs)) return [];
    await sleep(30);
  }
}

const backward: readonly RolloutPhase[] = ["RollingBack", "RollbackPaused", "RolledBack"];

/** G4: nothing but the way back follows the way back, and nothing follows the end. */
function phaseProblems(phases: readonly RolloutPhase[]): readonly string[] {
  const turn = phases.indexOf("RollingBack");
  const after = turn < 0 ? [] : phases.slice(turn).filter((phase) => !backward.includes(phase));
  const end = phases.findIndex((phase) => phase === "Completed" || phase === "RolledBack");
  const later = end < 0 ? [] : phases.slice(end + 1);
  return [
    ...after.map((phase) => `G4: ${phase} after RollingBack`),
    ...later.map((phase) => `G2: ${phase} after the end`),
  ];
}

/** G8: containers that are not ours are where they were. Those that ended with their host start again. */
async function foreignProblems({ hosts }: World, crashed: boolean): Promise<readonly string[]> {
  return hosts.flatMap(({ engine, name, foreign }) => {
    const found = engine.containers().find(({ id }) => id === foreign);
    if (found === undefined) return [`G8: the foreign container of ${name} is gone`];
    if (!found.running && !crashed) return [`G8: the foreign container of ${name} was stopped`];
    const touched = engine.requests.filter(
      (request) => !request.startsWith("GET") && request.includes(foreign),
    );
    // One start was ours.
    return touched.length > 1 ? [`G8: somebody asked for ${touched.join(", ")}`] : [];
  });
}

function arenaOf({ world, observer }: Place, cell: Cell, name: string): Arena {
  const slot = slotIds[indexOf(cell)] ?? "";
  const pod = (version: number): string => podName(revisionName(name, version), slot);
  const story = observer.story(name);
  const to = cell.kind === "update" ? 2 : 1;
  return {
    world,
    cell,
    story,
    application: name,
    slot,
    target: pod(to),
    old: pod(to === 2 ? 1 : 2),
    image: world.imageOf(name, to),
    from: story.phases.length,
    away: new Set<Host>(),
    missed: new Set<Host>(),
    signal: AbortSignal.timeout(world.pace.patienceMs(limits.strikeMs)),
  };
}

function watch(arena: Arena): void {
  const { world, application, cell, away, missed } = arena;
  const isOn = (hosts: ReadonlySet<Host>, slot: string): boolean => {
    try {
      return hosts.has(hostOf(arena, slot));
    } catch {
      return hosts.size > 0; // none has anything of the slot: it may be the one
    }
  };
  world.ledger.watch(
    cell.kind === "first rollout"
      ? undefined // nothing runs that could be missed
      : {
          application,
          slots: slotIds,
          batch,
          isAway: (slot) => isOn(away, slot),
          wasAway: (slot) => isOn(missed, slot),
          containers: () => world.containers(),
          ...(cell.kind === "update" ? { preparedFirst: revisionName(application, 2) } : {}),
        },
  );
}

async function tidy(world: World, name: string): Promise<readonly string[]> {
  world.ledger.watch(undefined);
  const isGone = async (): Promise<boolean> => {
    const { application, pods, containers } = await lookAt(world.client, name, world.containers());
    return application === undefined && pods.length + containers.length === 0;
  };
  const key = { namespace: "default", name };
  await world.client.delete(applications, key);
  try {
    await eventually("all is gone", isGone, { timeoutMs: world.pace.patienceMs(limits.deleteMs) });
    return [];
  } catch {
    const { pods, containers } = await lookAt(world.client, name, world.containers());
    return [`G5: a delete left ${pods.length} pods and ${containers.length} containers`];
  }
}

async function play(arena: Arena, place: Place): Promise<readonly string[]> {
  const { world, cell, application: name } = arena;
  const version = cell.kind === "first rollout" ? 1 : 2;
  watch(arena);
  if (cell.kind === "rollback") {
    await apply(world, name, version, cell);
    await waitFor(place, name, ["Verifying"], arena.from);
  }
  const struck = strike(arena).then(
    () => [],
    (err: unknown) => [err instanceof Error ? err.message : String(err)],
  );
  if (cell.kind === "rollback") await makeItFail(arena);
  else await apply(world, name, version, cell);
  const missed = await struck;
  const problems = await settle(world, name, expectedOf(arena, version));
  const creates = cell.kind === "rollback" ? world.ledger.creates() : 0;
  return [
    ...missed,
    ...problems,
    ...world.ledger.breaches,
    ...(creates > 0 ? [`G10: ${creates} containers were made on the way back`] : []),
    ...phaseProblems(arena.story.phases.slice(arena.from)),
    ...(await foreignProblems(world, true)),
  ];
}

/** Runs one cell in a world. Never rejects: what goes wrong is a problem of the cell. */
export async function runCell(place: Place, cell: Cell, name: string): Promise<Outcome> {
  const { world, observer } = place;
  const startMs = performance.now();
  const problems: string[] = [];
  try {
    if (cell.kind !== "first rollout") {
      await apply(world, name, 1, cell);
      await waitFor(place, name, ["Completed"]);
    }
    const arena = arenaOf(place, cell, name);
    problems.push(...(await play(arena, place)));
    problems.push(...(await tidy(world, name)));
  } catch (err) {
    problems.push(err instanceof Error ? err.message : String(err));
  }
  const phases = observer.story(name).phases;
  return { cell, problems, phases, tookMs: performance.now() - startMs };
}
