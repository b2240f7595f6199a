import type { Application, Revision } from "../../crds/types.gen.ts";
import type { Node, Pod } from "./resources.ts";

/** Everything that the plan of an Application rests on: all objects of these kinds, as they are stored. */
export type PlannedWorld = {
  /** Complete and valid; it need not be stored. */
  readonly application: Application;
  readonly applications: readonly Application[];
  readonly revisions: readonly Revision[];
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
};
