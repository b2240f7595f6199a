import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import type { NodeHandler } from "../api/tunnel/node-link.ts";
import type { Metrics } from "../controllers/runtime/metrics.ts";
import type { Log, Recorder } from "../controllers/runtime/reconciler.ts";
import type { ServedHost } from "./served-host.ts";

/** What is at hand for those that answer for a Node. */
export type RouteWorld = {
  readonly nodeName: string;
  readonly host: ServedHost;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** What the agent itself counts. */
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  /** Aborts when the host ceases to be served: what was begun for it ends. */
  readonly signal: AbortSignal;
};

/** Makes the handler of everything below one first segment of the path. */
export type NodeRoute = (world: RouteWorld) => NodeHandler;
