import type { ObjectKey } from "../api/machinery/object.ts";
import type { Pod } from "../api/machinery/resources.ts";
import type { Engine, EngineEvent } from "./engine/engine.ts";
import type { FarPorts } from "./far/far-ports.ts";
import type { Inventory } from "./pods/inventory.ts";

/** What those need that answer for a Node. */
export type ServedHost = {
  readonly engine: Engine;
  readonly inventory: Inventory;
  /** Ports of containers on an engine elsewhere; absent: published ones alone. */
  readonly far?: FarPorts | undefined;
  /** metadata.uid of the Namespace kube-system: containers of others are foreign. */
  readonly cluster: string;
  /** A pod that is bound to the host, as last heard; `undefined` also for one that was bound just now. */
  pod(key: ObjectKey): Pod | undefined;
  /** Tells each event of the engine from now on. */
  onEvent(listener: (event: EngineEvent) => void): void;
};
