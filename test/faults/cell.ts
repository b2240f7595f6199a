/** What the engine, the container or the controller is about when the fault strikes. */
export const operations = [
  "pull",
  "create",
  "stop old",
  "start",
  "become ready",
  "crash while watched",
  "remove old",
  "delete parked",
] as const;
/** One of {@link operations}. */
export type OperationName = (typeof operations)[number];

/** What goes wrong. */
export const faults = [
  "engine error",
  "engine hang",
  "engine dies",
  "host cut off",
  "agent killed",
  "controller killed",
  "API server killed",
  "leader change",
] as const;
/** One of {@link faults}. */
export type FaultName = (typeof faults)[number];

/** In which slot of three. */
export const slots = ["first", "middle", "last"] as const;
/** One of {@link slots}. */
export type SlotName = (typeof slots)[number];

/** On which way: that of a first version, of the next one, or back from it. */
export const kinds = ["first rollout", "update", "rollback"] as const;
/** One of {@link kinds}. */
export type KindName = (typeof kinds)[number];

/** One field of the fault matrix. */
export type Cell = {
  readonly operation: OperationName;
  readonly fault: FaultName;
  readonly slot: SlotName;
  readonly kind: KindName;
};

/** How the rollout of a cell may end; `any` where both ends are right. */
export type Ending = "Completed" | "RolledBack" | "any";

/** Every cell, in the order of the table. */
export const allCells: readonly Cell[] = operations.flatMap((operation) =>
  faults.flatMap((fault) =>
    kinds.flatMap((kind) => slots.map((slot) => ({ operation, fault, slot, kind }))),
  ),
);

/** `start / agent killed / last / update`. */
export const nameOf = ({ operation, fault, slot, kind }: Cell): string =>
  [operation, fault, slot, kind].join(" / ");

/** Why the combination cannot be, or `undefined` when it can. */
export function whyImpossible({ operation, kind }: Cell): string | undefined {
  if (kind === "first rollout") {
    if (operation === "stop old") return "a first rollout finds nothing that runs";
    if (operation === "remove old") return "a first rollout leaves nothing to remove";
    if (operation === "delete parked") return "a first rollout parks nothing";
  }
  if (kind === "rollback") {
    if (operation === "pull") return "the way back needs no pull (G10; each cell counts them)";
    if (operation === "create") return "the way back needs no create (G10; each cell counts them)";
  }
  return undefined;
}

/** Position of the slot, 0 to 2. */
export const indexOf = ({ slot }: Pick<Cell, "slot">): number => slots.indexOf(slot);

/** Whether the engine refuses the operation for good, rather than now and then. */
export const isLasting = ({ fault, slot }: Cell): boolean =>
  fault === "engine error" && slot === "last";

/**
 * How the cell must end. What only interrupts must not turn a rollout back (G11); a container that
 * crashes while it is watched must; on the way back there is only one end (G4).
 */
export function endingOf(cell: Cell): Ending {
  const { operation, fault, kind } = cell;
  if (kind === "rollback") return "RolledBack";
  if (operation === "crash while watched") {
    // Whether a host that went down with the container took it along cannot be told afterwards.
    return fault === "engine dies" || fault === "host cut off" ? "any" : "RolledBack";
  }
  if (operation === "remove old" || operation === "delete parked") return "Completed";
  if (isLasting(cell)) return operation === "become ready" ? "any" : "RolledBack";
  return "Completed";
}

/**
 * A share of the matrix that holds every operation, fault and kind, each pair of operation and fault
 * once, with the slot and kind that come round: the same cells for the same `seed`, an integer.
 */
export function sampleOf(cells: readonly Cell[], seed: number): readonly Cell[] {
  return operations.flatMap((operation, row) =>
    faults.flatMap((fault, column) => {
      const own = cells.filter((cell) => cell.operation === operation && cell.fault === fault);
      const picked = own[(seed + row * 5 + column * 4) % own.length];
      return picked === undefined ? [] : [picked];
    }),
  );
}
