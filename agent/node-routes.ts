import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { StatusError } from "../api/machinery/errors.ts";
import type { NodeHandler } from "../api/tunnel/node-link.ts";
import type { Log } from "../controllers/runtime/reconciler.ts";
import type { ServedHost } from "./host.ts";

/** What is at hand for those that answer for a Node. */
export type RouteWorld = {
  readonly nodeName: string;
  readonly host: ServedHost;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the host ceases to be served: what was begun for it ends. */
  readonly signal: AbortSignal;
};

/** Makes the handler of everything below one first segment of the path. */
export type NodeRoute = (world: RouteWorld) => NodeHandler;

/** Who answers for a Node, by the first segment of the path. */
const nodeRoutes: Readonly<Record<string, NodeRoute>> = {};

/** Everything that the API server may ask of one Node; each call reaches the handler of its first segment. */
export function createNodeHandler(
  world: RouteWorld,
  routes: Readonly<Record<string, NodeRoute>> = nodeRoutes,
): NodeHandler {
  const handlers = new Map(Object.entries(routes).map(([name, route]) => [name, route(world)]));
  return async (call, signal) => {
    const [, first = ""] = call.path.split(/[/?]/, 2);
    const handler = handlers.get(first);
    if (handler !== undefined) return handler(call, AbortSignal.any([signal, world.signal]));
    const known = [...handlers.keys()].map((name) => `/${name}`).join(", ");
    throw new StatusError(
      "NotFound",
      `Cannot answer ${call.method} /${first} for node "${world.nodeName}": its agent knows ${known === "" ? "no paths" : known}`,
    );
  };
}
