import { StatusError } from "../api/machinery/errors.ts";
import type { NodeHandler } from "../api/tunnel/node-link.ts";
import { dockerRoute } from "./docker/docker-route.ts";
import type { NodeRoute, RouteWorld } from "./node-route.ts";
import { podRoute } from "./pod-route.ts";
import { filesRoute } from "./files/files-route.ts";
import { statsRoute } from "./stats/stats-route.ts";

/** Who answers for a Node, by the first segment of the path. */
const nodeRoutes: Readonly<Record<string, NodeRoute>> = {
  docker: dockerRoute,
  pods: podRoute,
  files: filesRoute,
  stats: statsRoute,
};

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
