import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { type Condition, findCondition, setCondition } from "../../api/machinery/conditions.ts";
import { isConflict, isNotFound } from "../../api/machinery/errors.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import { type Pod, pods, type Resource } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import type { Recorder } from "../runtime/reconciler.ts";
import type { Assumption, Assumptions } from "./assumptions.ts";

/** core/v1 Binding: posted to a pod, it sets the pod's Node. */
type BindingObject = KubeObject & {
  readonly target: { readonly apiVersion: "v1"; readonly kind: "Node"; readonly name: string };
};
// A Binding has no collection of its own: it is addressed as a subresource of its pod.
const bindings = pods as unknown as Resource<BindingObject>;

/** What the scheduler touches. */
export type PerformDeps = {
  readonly client: Pick<Client, "get" | "create" | "patch">;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly assumptions: Assumptions;
};

/** The pod was changed or bound by somebody else: what is true decides, not what we asked for. */
async function settleConflict(
  { key, uid }: Assumption,
  { client, assumptions }: PerformDeps,
): Promise<void> {
  const live = await client.get(pods, key);
  const node = live?.spec.nodeName ?? "";
  if (live?.metadata.uid === uid && node !== "") assumptions.assume({ key, uid, node, sure: true });
  else assumptions.drop(uid);
}

/**
 * Binds one pod. Assumed before it is asked for: when the answer is lost, the Node's room stays
 * taken until the outcome is known.
 */
export async function bind(pod: Pod, node: string, deps: PerformDeps): Promise<void> {
  const { name, namespace = "", uid } = pod.metadata;
  const assumption = { key: { namespace, name }, uid, node, sure: false };
  deps.assumptions.assume(assumption);
  try {
    await deps.client.create(
      bindings,
      {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, uid },
        target: { apiVersion: "v1", kind: "Node", name: node },
      },
      { subresource: "binding" },
    );
  } catch (err) {
    if (isConflict(err)) return settleConflict(assumption, deps);
    if (!isNotFound(err)) throw err;
    deps.assumptions.drop(uid); // deleted meanwhile
    return;
  }
  deps.assumptions.assume({ ...assumption, sure: true });
  deps.recorder.event(pod, {
    type: "Normal",
    reason: "Scheduled",
    message: `Successfully assigned ${namespace}/${name} to ${node}`,
  });
}

/** Tells why a pod has no Node, in its PodScheduled condition and in an Event, once per reason. */
export async function refuse(pod: Pod, message: string, deps: PerformDeps): Promise<void> {
  const conditions = pod.status?.conditions as readonly Condition[] | undefined;
  const before = findCondition(conditions, "PodScheduled");
  if (before?.status === "False" && before.message === message) return;
  const draft = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
  } as const;
  const now = formatTime(deps.clock.nowMs());
  const { name, namespace = "", resourceVersion } = pod.metadata;
  const body = {
    // Lists are replaced whole: the version guards what others wrote into this one.
    metadata: { resourceVersion },
    status: { conditions: setCondition(conditions, draft, now) },
  };
  const patch = { type: "merge", body } as const;
  try {
    await deps.client.patch(pods, { namespace, name }, patch, { subresource: "status" });
  } catch (err) {
    // A newer version is on its way to our cache, and with it the next pass.
    if (isConflict(err) || isNotFound(err)) return;
    throw err;
  }
  deps.recorder.event(pod, { type: "Warning", reason: "FailedScheduling", message });
}
