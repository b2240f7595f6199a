import type { Endpoint } from "./objects/routes.ts";
import { finalizeNamespace } from "./objects/finalize-namespace.ts";
import { bindPod } from "./pods/binding.ts";
import { podAttach, podExec } from "./pods/command.ts";
import { evictPod } from "./pods/eviction.ts";
import { podFiles } from "./pods/files.ts";
import { podLogs } from "./pods/logs.ts";
import type { NodeStreams } from "./pods/pod-streams.ts";
import { podPortForward } from "./pods/port-forward.ts";
import type { Watches } from "./objects/watches.ts";
import { approveRollout } from "./rollouts/approve.ts";
import { planSent, planStored } from "./rollouts/plan-endpoint.ts";
import { rolloutStream } from "./rollouts/stream.ts";
import { requestToken } from "./tokens/token-request.ts";

const planning: Endpoint = { get: planStored, create: planSent, update: planSent };

const approval: Endpoint = {
  create: approveRollout,
  patch: approveRollout,
  update: approveRollout,
};

/**
 * The endpoints of subresources that only some kinds have, by `plural/subresource`. A further
 * one is a line here and an entry in its kind's descriptor.
 */
export function subresourceEndpoints(
  nodes: NodeStreams,
  watches: Watches,
): ReadonlyMap<string, Endpoint> {
  return new Map<string, Endpoint>([
    ["applications/approve", approval],
    ["applications/plan", planning],
    ["applications/rollout", { get: rolloutStream(watches) }],
    ["namespaces/finalize", { update: finalizeNamespace }],
    // Streams into a container are authorised and served as `create`, also when asked for by GET.
    ["pods/attach", { create: podAttach(nodes) }],
    ["serviceaccounts/token", { create: requestToken }],
    ["pods/binding", { create: bindPod }],
    ["pods/eviction", { create: evictPod }],
    ["pods/exec", { create: podExec(nodes) }],
    ["pods/log", { get: podLogs(nodes) }],
    ...podFiles(nodes),
    ["pods/portforward", { create: podPortForward(nodes) }],
  ]);
}
