import type { Endpoint } from "./objects/routes.ts";
import { finalizeNamespace } from "./objects/finalize-namespace.ts";
import { bindPod } from "./pods/binding.ts";
import { evictPod } from "./pods/eviction.ts";
import { podLogs } from "./pods/logs.ts";
import type { NodeStreams } from "./pods/pod-streams.ts";
import { requestToken } from "./tokens/token-request.ts";

/**
 * The endpoints of subresources that only some kinds have, by `plural/subresource`. A further
 * one is a line here and an entry in its kind's descriptor.
 */
export function subresourceEndpoints(
  nodes: NodeStreams,
  stopping: AbortSignal,
): ReadonlyMap<string, Endpoint> {
  return new Map<string, Endpoint>([
    ["namespaces/finalize", { update: finalizeNamespace }],
    ["serviceaccounts/token", { create: requestToken }],
    ["pods/binding", { create: bindPod }],
    ["pods/eviction", { create: evictPod }],
    ["pods/log", { get: podLogs(nodes, stopping) }],
  ]);
}
