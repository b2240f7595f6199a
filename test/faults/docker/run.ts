import type { Cell } from "../cell.ts";
import { startObserver } from "../observer.ts";
import { type Outcome, runCell } from "../run-cell.ts";
import { openDockerWorld } from "./world.ts";

/** Runs cells one after the other on real engines; after one that went wrong in a new world. */
export async function runOnDocker(
  cells: readonly Cell[],
  report: (outcome: Outcome) => void,
): Promise<void> {
  const queue = cells.entries();
  for (let isOver = false; !isOver;) {
    await using world = await openDockerWorld();
    await using observer = startObserver(world.client);
    for (;;) {
      const { value, done } = queue.next();
      isOver = done === true;
      if (value === undefined) break;
      const [number, cell] = value as readonly [number, Cell];
      const outcome = await runCell({ world, observer }, cell, `c${number}`);
      report(outcome);
      if (outcome.problems.length > 0) break;
    }
  }
}
