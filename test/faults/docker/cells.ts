import { allCells, type Cell, faults, operations, slots, whyImpossible } from "../cell.ts";

/** What real engines are not asked for, beside what cannot be. */
function isLeftOut({ operation, fault, kind }: Cell): boolean {
  if (operation === "pull" || kind === "first rollout") return true;
  // A process that was killed behind the agent's back may have gone with its host.
  return operation === "crash while watched" && fault === "agent killed";
}

/**
 * A third of the pairs of operation and fault, each on update and rollback, the slots in turn: every
 * operation and every fault is among them.
 */
export const dockerCells: readonly Cell[] = allCells.filter((cell) => {
  const [row, column] = [operations.indexOf(cell.operation), faults.indexOf(cell.fault)];
  const turn = row + column;
  const slot = slots[(row + Math.floor(column / 3)) % slots.length];
  return (
    turn % 3 === 0 && cell.slot === slot && whyImpossible(cell) === undefined && !isLeftOut(cell)
  );
});

/** What CI runs of it: about a minute. */
export const dockerSample: readonly Cell[] = [
  { operation: "start", fault: "agent killed", slot: "middle", kind: "update" },
  { operation: "stop old", fault: "host cut off", slot: "first", kind: "update" },
  { operation: "start", fault: "API server killed", slot: "first", kind: "rollback" },
  { operation: "become ready", fault: "engine hang", slot: "first", kind: "rollback" },
];
