import { badRequest, conflict, invalid } from "../../machinery/errors.ts";
import { invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import { setCondition } from "../../machinery/conditions.ts";
import type { Pod } from "../../machinery/resources.ts";
import { formatTime } from "../../machinery/time.ts";
import type { Item } from "../../store/item.ts";
import { isObject, objectIn, textIn } from "../kinds/fill.ts";
import type { Body, JsonObject } from "../kinds/kind.ts";
import { type Answer, type Call, isDryRun } from "../objects/call.ts";
import { changeItem, type Next, write } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";

const bindingKind = { group: "", kind: "Binding" };

/** The answer to a request that created no object: it was done. */
export const createdStatus = JSON.stringify({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
  code: 201,
});

/**
 * POST pods/NAME/binding: puts a Pod on a Node, once. Only the scheduler calls it.
 * @throws StatusError `Conflict` when the Pod is bound, is going, or is another incarnation.
 */
export async function bindPod(call: Call): Promise<Answer> {
  const { value } = call.body();
  if (!isObject(value)) throw badRequest("Cannot read the Binding: the body must be an object");
  const node = targetOf(call, value);
  await changeItem(
    call.storage,
    keyOfCall(call),
    (current) => bound(call, value, existing(call, current), node),
    { dryRun: isDryRun(call) },
  );
  return { code: 201, body: createdStatus };
}

function targetOf({ name: pod }: Call, binding: JsonObject): string {
  const target = objectIn(binding, "target");
  const kind = textIn(target, "kind");
  const name = textIn(target, "name");
  const causes = [
    ...(kind === "" || kind === "Node"
      ? []
      : [invalidValue("target.kind", kind, 'must be "Node"')]),
    ...(name === "" ? [requiredValue("target.name")] : []),
  ];
  if (causes.length > 0) throw invalid(bindingKind, pod, causes);
  return name;
}

function bound(call: Call, binding: JsonObject, current: Item, node: string): Next {
  const about = { group: "", plural: "pods/binding" };
  const before = current.object as Pod;
  const { uid, deletionTimestamp } = before.metadata;
  const wantedUid = textIn(objectIn(binding, "metadata"), "uid");
  if (wantedUid !== "" && wantedUid !== uid) {
    const why = `Precondition failed: UID in precondition: ${wantedUid}, UID in object meta: ${uid}`;
    throw conflict(about, call.name, why);
  }
  const { nodeName = "" } = before.spec;
  if (nodeName !== "") {
    throw conflict(about, call.name, `pod ${call.name} is already assigned to node "${nodeName}"`);
  }
  if (deletionTimestamp !== undefined) {
    throw conflict(
      about,
      call.name,
      `pod ${call.name} is being deleted, cannot be assigned to a host`,
    );
  }
  const object = JSON.parse(current.bytes.toString()) as Body;
  const spec = objectIn(object, "spec") ?? {};
  spec["nodeName"] = node;
  object["status"] = { ...before.status, conditions: scheduled(call, before) };
  copyAnnotations(object, binding);
  return write("put", object);
}

function scheduled({ clock }: Call, { status }: Pod): unknown {
  const conditions = status?.conditions as Parameters<typeof setCondition>[0];
  const draft = { type: "PodScheduled", status: "True", reason: "Scheduled", message: "" } as const;
  return setCondition(conditions, draft, formatTime(clock.nowMs()));
}

function copyAnnotations(object: Body, binding: JsonObject): void {
  const annotations = objectIn(objectIn(binding, "metadata") ?? {}, "annotations");
  if (annotations === undefined) return;
  const texts = Object.entries(annotations).flatMap(([key, value]) =>
    typeof value === "string" ? [[key, value] as const] : [],
  );
  object.metadata.annotations = { ...object.metadata.annotations, ...Object.fromEntries(texts) };
}
