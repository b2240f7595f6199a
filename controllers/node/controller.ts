import type { ObjectKey } from "../../api/machinery/object.ts";
import { type Lease, leases, type Node, nodes } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import type { BuildController, Context } from "../runtime/reconciler.ts";
import { each, source } from "../runtime/sources.ts";
import { createHeartbeats, type Heartbeats } from "./heartbeats.ts";
import { planNode, type Step } from "./plan.ts";

/** Where agents renew one Lease per Node, named as the Node. */
const leaseNamespace = "kube-node-lease";

/** When our cache is behind the server: soon. Milliseconds. */
const recheckMs = 1_000;

/** The agent's own last word on readiness; `undefined` where the last word is ours. */
function verdictOf({ status }: Node): string | undefined {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "Unknown" ? undefined : JSON.stringify(ready);
}

async function perform(node: Node, step: Step, { client, recorder }: Context): Promise<void> {
  const { name, resourceVersion } = node.metadata;
  const metadata = { resourceVersion }; // lists are replaced whole, and others write them too
  if (step.kind === "setTaints") {
    const taints = step.taints.length === 0 ? null : step.taints;
    await client.patch(nodes, { name }, { type: "merge", body: { metadata, spec: { taints } } });
    return;
  }
  const body = { metadata, status: { conditions: step.conditions } };
  await client.patch(nodes, { name }, { type: "merge", body }, { subresource: "status" });
  recorder.event(node, {
    type: "Warning",
    reason: "NodeNotReady",
    message: `Node ${name} is silent: its agent renewed no lease in time`,
  });
}

/** For how long the agent vouches; without a word, the grace decides. */
function leaseMsOf(lease: Lease | undefined): number {
  return (lease?.spec?.leaseDurationSeconds ?? Number.POSITIVE_INFINITY) * 1_000;
}

/** Watches over the heartbeats of Nodes. */
export const buildNodeController: BuildController = (context) => {
  const { caches, client, clock } = context;
  const nodeCache = caches.of(nodes);
  const leaseCache = caches.of(leases);
  const versionOf = (lease: Lease | undefined): string => lease?.metadata.resourceVersion ?? "none";
  // Per term of leadership: before it, the silence may have been our own.
  const terms = new WeakMap<AbortSignal, Heartbeats>();
  const heartbeatsOf = (signal: AbortSignal): Heartbeats => {
    const heartbeats = terms.get(signal) ?? createHeartbeats();
    terms.set(signal, heartbeats);
    return heartbeats;
  };
  /** Asks the server itself before the cache's word is taken for a death. */
  const isAlive = async (key: Required<ObjectKey>, signal: AbortSignal): Promise<boolean> =>
    versionOf(await client.get(leases, key, signal)) !== versionOf(leaseCache.get(key));
  return {
    name: "node",
    owns: ["nodes/status.conditions[Unknown]", "nodes/spec.taints[node.kubernetes.io]"],
    sources: [
      each(nodes),
      source(leases, ({ metadata: { namespace = "", name } }) =>
        namespace === leaseNamespace ? [{ name }] : [],
      ),
    ],
    reconciler: {
      async reconcile({ name }, signal) {
        const heartbeats = heartbeatsOf(signal);
        const node = nodeCache.get({ name });
        if (node === undefined) {
          heartbeats.forget(name);
          return {};
        }
        const key = { namespace: leaseNamespace, name };
        const nowMs = clock.nowMs();
        const lease = leaseCache.get(key);
        const signs = [versionOf(lease), verdictOf(node)];
        const seen = {
          conditions: node.status?.conditions ?? [],
          taints: node.spec?.taints ?? [],
          unschedulable: node.spec?.unschedulable === true,
          silentMs: heartbeats.silentMs(name, signs, nowMs),
          leaseMs: leaseMsOf(lease),
        };
        const { step, requeueAfterMs } = planNode(seen, formatTime(nowMs));
        if (step?.kind === "setConditions" && (await isAlive(key, signal))) {
          return { requeueAfterMs: recheckMs };
        }
        if (step !== undefined) await perform(node, step, context);
        return requeueAfterMs === undefined ? {} : { requeueAfterMs };
      },
    },
  };
};
