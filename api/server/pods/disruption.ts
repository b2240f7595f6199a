import { type Condition, isConditionTrue } from "../../machinery/conditions.ts";
import { StatusError } from "../../machinery/errors.ts";
import { isDeleting } from "../../machinery/finalizer.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { controllerOf } from "../../machinery/owner.ts";
import type { Node, Pod } from "../../machinery/resources.ts";
import { formatTime, parseTime } from "../../machinery/time.ts";
import { storeKey } from "../../store/keys.ts";
import { annotation, evictionHoldsMs, label } from "../../../crds/labels.ts";
import type { Application } from "../../../crds/types.gen.ts";
import type { Body } from "../kinds/kind.ts";
import type { Call } from "../objects/call.ts";
import { changeItem, write } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";

/** A mark is made anew when this much of its life is over: `kubectl drain` asks every 5 s. */
const renewAfterMs = evictionHoldsMs / 4;

type Named = Pick<Call, "storage">;

function applicationOf({ storage }: Named, pod: Pod): Application | undefined {
  const owner = controllerOf(pod);
  if (owner?.kind !== "Application" || !owner.apiVersion.startsWith("lighthouse.dev/")) return;
  const { namespace = "" } = pod.metadata;
  const kind = { group: "lighthouse.dev", plural: "applications" };
  const found = storage.cache.newest(storeKey(kind, { namespace, name: owner.name }))?.object;
  return found?.metadata.uid === owner.uid ? (found as unknown as Application) : undefined;
}

/** Whether the pod's host says that it is well: what is known of a silent one is old. */
function isOnLivingNode({ storage }: Named, { spec: { nodeName = "" } }: Pod): boolean {
  if (nodeName === "") return false;
  const item = storage.cache.newest(storeKey({ group: "", plural: "nodes" }, { name: nodeName }));
  const node = item?.object as Node | undefined;
  return isConditionTrue(node?.status?.conditions as readonly Condition[] | undefined, "Ready");
}

/**
 * The Application whose slot the pod serves, and which must be asked before it is evicted.
 * `undefined`: the pod is nobody's, or it serves nobody: it is ended or not yet started, it was told
 * to stop, it is going already, or its host does not answer.
 */
export function servedApplication(call: Named, object: AnyObject): Application | undefined {
  const pod = object as Pod;
  if (isDeleting(pod) || pod.status?.phase !== "Running") return undefined;
  const desired = pod.metadata.annotations?.[annotation.desiredState] ?? "Running";
  if (desired !== "Running" || !isOnLivingNode(call, pod)) return undefined;
  const application = applicationOf(call, pod);
  return application === undefined || isDeleting(application) ? undefined : application;
}

/** Notes on the pod that it is asked to leave its Node: its Application sees to the rest. */
export async function markForEviction(call: Call): Promise<void> {
  const nowMs = call.clock.nowMs();
  await changeItem(
    call.storage,
    keyOfCall(call),
    (current) => {
      const found = existing(call, current);
      const { annotations = {} } = found.object.metadata;
      const markedMs = parseTime(annotations[annotation.evict] ?? "") ?? 0;
      if (nowMs - markedMs < renewAfterMs) return { does: "keep", item: found };
      const object = JSON.parse(found.bytes.toString()) as Body;
      object.metadata.annotations = { ...annotations, [annotation.evict]: formatTime(nowMs) };
      return write("put", object);
    },
    { dryRun: false },
  );
}

/** What its Application says about the slot, if it waits for something. */
function waitOf({ status }: Application, object: AnyObject): string {
  const slot =
    object.metadata.annotations?.[annotation.slotNode] ?? object.metadata.labels?.[label.slot];
  const wait = status?.rollout?.waits?.find((one) => one.slot === slot);
  return wait === undefined ? "" : `; ${wait.message}`;
}

/**
 * The 429 that tells `kubectl drain` to ask again, in Kubernetes' words and then ours. Without a
 * Retry-After: clients that see one repeat the request themselves, unseen by their user.
 */
export function mustWait(application: Application, object: AnyObject): StatusError {
  const { name } = application.metadata;
  const why = `application "${name}" takes its slots off the Node within its batch`;
  const said = `Cannot evict pod as it would violate the pod's disruption budget: ${why}`;
  const cause = { reason: "DisruptionBudget", message: why };
  return new StatusError("TooManyRequests", `${said}${waitOf(application, object)}`, {
    details: { causes: [cause] },
  });
}
