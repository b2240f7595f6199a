import { type Cell } from "./cell.ts";
import { startObserver } from "./observer.ts";
import { type Outcome, type Place, runCell } from "./run-cell.ts";
import { openWorld } from "./world.ts";

type OwnedPlace = AsyncDisposable & Place;

async function openPlace(): Promise<OwnedPlace> {
  const world = await openWorld();
  const observer = startObserver(world.client);
  return {
    world,
    observer,
    async [Symbol.asyncDispose]() {
      await observer[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** Cells that one world serves before it makes room for a new one: its history grows. */
const cellsPerWorld = 12;

/** Runs cells one after the other, in a world that is replaced when one of them went wrong in it. */
async function runLane(
  cells: IterableIterator<readonly [number, Cell]>,
  { report, signal }: Pick<LaneOptions, "report" | "signal">,
): Promise<void> {
  let place: OwnedPlace | undefined;
  let served = 0;
  try {
    for (const [number, cell] of cells) {
      if (signal?.aborted === true) return;
      place ??= await openPlace();
      const outcome = await runCell(place, cell, `c${number}`);
      report(outcome);
      served += 1;
      if (outcome.problems.length === 0 && served < cellsPerWorld) continue;
      served = 0;
      const old = place;
      place = undefined;
      await old[Symbol.asyncDispose]();
    }
  } finally {
    await place?.[Symbol.asyncDispose]();
  }
}

/** How cells are run side by side. */
export type LaneOptions = {
  /** Worlds; they mostly wait. Integer, 1 or more. */
  readonly lanes: number;
  readonly report: (outcome: Outcome) => void;
  /** Aborted: no further cell is begun. */
  readonly signal?: AbortSignal;
};

/** Runs cells in several worlds side by side. */
export async function runLanes(cells: readonly Cell[], options: LaneOptions): Promise<void> {
  const queue = cells.entries();
  await Promise.all(Array.from({ length: options.lanes }, () => runLane(queue, options)));
}
