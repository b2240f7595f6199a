/** What a line of the update stream is. `Progress` comes only to those who ask for it. */
export type RolloutLineStatus =
  "Starting" | "OK" | "Warning" | "Error" | "Complete" | "Finalized" | "Progress";

/**
 * How a rollout ended. `Succeeded` alone is a success; `Failed` means that it failed and was not
 * undone; `Superseded` that a newer one of the same Application took over.
 */
export type RolloutVerdict = "Succeeded" | "RolledBack" | "Failed" | "Superseded" | "Deleted";

/**
 * One line of `applications/NAME/rollout`, see docs/rollout-api.md. The fields are written in this
 * order, all of them always; `Verdict` is in `Finalized` alone.
 */
export type RolloutLine = {
  readonly Status: RolloutLineStatus;
  /** What the block does, e.g. `Replace`; empty in `Finalized`. */
  readonly Method: string;
  /** Name of the block, unique in the rollout, e.g. `batch-2-replace`; empty in `Finalized`. */
  readonly Endpoint: string;
  readonly Message: string;
  /** 200, 304 and 500 for `OK`, `Warning` and `Error`; the exit code in a `Progress` of an exit; else 0. */
  readonly Code: number;
  /** Name of the Node; empty where no single slot is meant, or it has none. */
  readonly Instance: string;
  /** Number of the slot, the same in every block; in `Complete` the number of lines about slots. */
  readonly Item: number;
  /** Slots in the block. */
  readonly Total: number;
  /** Which rollout: `REVISION@START`. */
  readonly Operation: string;
  /** RFC 3339, when it happened. */
  readonly Time: string;
  readonly Verdict?: RolloutVerdict;
};
