import type { ObjectKey } from "../../api/machinery/object.ts";
import { applications, nodes, type Pod, pods } from "../../api/machinery/resources.ts";
import type { BuildController } from "../runtime/reconciler.ts";
import { createRests } from "../runtime/rests.ts";
import { source } from "../runtime/sources.ts";
import { createAssumptions } from "./assumptions.ts";
import { createCatchUp } from "./catch-up.ts";
import { observe, pendingIndex } from "./observe.ts";
import { bind, refuse } from "./perform.ts";
import { type Plan, planScheduling } from "./plan.ts";

/** The one key: each pass looks at all pods that wait, so that they do not compete for a Node. */
const everything: ObjectKey = { name: "all" };
const theOneKey = (): readonly ObjectKey[] => [everything];

const nothing: Plan = { bindings: [], refusals: [] };

/** While our cache is behind the server at the beginning of a term: soon. Milliseconds. */
const recheckMs = 50;

/** Calls at once. The server's latency is hidden, the server is not flooded. */
const concurrency = 16;

/** Works on all items, some at once, whatever becomes of the others; what failed is the answer. */
async function forAll<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<readonly unknown[]> {
  const queue = [...items];
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      await work(item).catch((err: unknown) => failures.push(err));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return failures;
}

/** Gives pods without a Node one, or says why there is none. */
export const buildScheduler: BuildController = ({ client, caches, clock, recorder }) => {
  const podCache = caches.of(pods, pendingIndex);
  const view = {
    pods: podCache,
    nodes: caches.of(nodes),
    applications: caches.of(applications),
  };
  const assumptions = createAssumptions();
  const rests = createRests(clock);
  const catchUp = createCatchUp(client, podCache);
  const think = (): Plan => {
    const seen = observe(view, assumptions.nodes());
    return seen === undefined ? nothing : planScheduling(seen);
  };
  const deps = { client, clock, recorder, assumptions };
  const podOf = ({ namespace, name, uid }: { namespace: string; name: string; uid: string }) => {
    const pod = podCache.get({ namespace, name });
    return pod?.metadata.uid === uid ? pod : undefined;
  };
  const ifThere = async (pod: Pod | undefined, act: (pod: Pod) => Promise<void>): Promise<void> => {
    if (pod !== undefined) await act(pod);
  };
  return {
    name: "scheduler",
    owns: ["pods/spec.nodeName", "pods/status.conditions[PodScheduled=False]"],
    sources: [
      source(pods, theOneKey),
      source(nodes, theOneKey),
      // spec.placement may have been loosened.
      source(applications, theOneKey),
    ],
    workers: 1,
    reconciler: {
      async reconcile(_key, signal) {
        if (!(await catchUp.isDone(signal))) return { requeueAfterMs: recheckMs };
        const restMs = rests.leftMs(everything.name);
        if (restMs > 0) return { requeueAfterMs: restMs };
        assumptions.settle((key) => podCache.get(key));
        const failures = [
          ...(await forAll(assumptions.unsure(), ({ key, node }) =>
            ifThere(podCache.get(key), (pod) => bind(pod, node, deps)),
          )),
        ];
        const plan = rests.after(everything.name, think);
        failures.push(
          ...(await forAll(plan.bindings, ({ pod, node }) =>
            ifThere(podOf(pod), (live) => bind(live, node, deps)),
          )),
          ...(await forAll(plan.refusals, ({ pod, message }) =>
            ifThere(podOf(pod), (live) => refuse(live, message, deps)),
          )),
        );
        if (failures.length > 0) throw failures[0];
        return {};
      },
    },
  };
};
