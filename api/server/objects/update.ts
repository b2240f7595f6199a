import { conflict, invalid, notFound, type StatusCause } from "../../machinery/errors.ts";
import { equalJson } from "../../machinery/equality.ts";
import { forbiddenValue, invalidValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { type Item, itemOf, storedLength } from "../../store/item.ts";
import { storeKey } from "../../store/keys.ts";
import type { Body, Kind, PartialUpdate, WritableMeta } from "../kinds/kind.ts";
import { checkManager } from "../fields/field-manager.ts";
import { hasStatus, type Tracking, trackUpdate } from "../fields/tracking.ts";
import { type Call, isDryRun, reviewOf } from "./call.ts";
import { metadataCauses } from "./metadata.ts";
import { dropRepeatedOwners } from "./owner-references.ts";
import { type Draft, judgeFields, readObject } from "./read-object.ts";
import { shownForm, storedForm } from "./versions.ts";
import { changeItem, type Next, write } from "./storage.ts";

/** The store key of the object a call names. */
export function keyOfCall({ kind, namespace, name }: Call): string {
  return storeKey(kind, kind.namespaced ? { namespace, name } : { name });
}

/** PUT of an object or its status. @throws StatusError `NotFound`, `Conflict`, `Invalid` */
export async function replaceObject(call: Call): Promise<Item> {
  checkManager(call, "UpdateOptions");
  const { item } = await changeItem(
    call.storage,
    keyOfCall(call),
    (current) => {
      const draft = readObject(call); // anew each time: an attempt changes what it read
      const found = existing(call, current);
      checkVersion(call, draft.object, found.object);
      return nextState(call, draft, found);
    },
    { dryRun: isDryRun(call) },
  );
  return item;
}

/** The item, or the 404 that names it. */
export function existing({ kind, name }: Call, item: Item | undefined): Item {
  if (item === undefined) throw notFound(kind, name);
  return item;
}

function checkVersion({ kind, name }: Call, { metadata }: Body, before: AnyObject): void {
  const { resourceVersion = "", uid = "" } = metadata;
  if (uid !== "" && uid !== before.metadata.uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`,
    );
  }
  if (resourceVersion === "" && kind.custom) {
    throw invalid(kind, name, [
      {
        reason: "FieldValueInvalid",
        message: "Invalid value: 0x0: must be specified for an update",
        field: "metadata.resourceVersion",
      },
    ]);
  }
  if (resourceVersion !== "" && resourceVersion !== before.metadata.resourceVersion) {
    throw conflict(kind, name);
  }
}

/**
 * Checks that a patched object is still the one that its author saw, if the patch says which.
 * @throws StatusError `Conflict` for another version, `Invalid` for another uid
 */
export function checkUnmoved(
  { kind, name }: Call,
  { resourceVersion = "", uid = "" }: Body["metadata"],
  found: Item,
): void {
  if (resourceVersion !== "" && resourceVersion !== String(found.at)) throw conflict(kind, name);
  if (uid === "" || uid === found.object.metadata.uid) return;
  throw invalid(kind, name, [invalidValue("metadata.uid", uid, "field is immutable")]);
}

/**
 * What is to be stored when `draft` replaces `current`: the part that the endpoint may change
 * from the draft, everything else as it was. A draft that changes nothing is not written. `track`
 * decides who owns what afterwards.
 */
export async function nextState(
  call: Call,
  draft: Draft,
  current: Item,
  track: Tracking = trackUpdate,
): Promise<Next> {
  const before = shownForm(call.kind, current).object;
  const parts = { draft, before, track };
  const ofStatus = call.subresource === "status" || partOf(call)?.part === "status";
  const object = ofStatus ? withStatus(call, parts) : withSpec(call, parts);
  judgeFields(call, draft);
  const { kind, name } = call;
  const review = { ...reviewOf(call), operation: "UPDATE", before } as const;
  await call.admission.admit({ ...review, object });
  const causes = causesOf(call, object, before);
  if (causes.length > 0) throw invalid(kind, name, causes);
  const whole = object as unknown as AnyObject;
  await call.admission.judge({ ...review, object: whole });
  return decideWrite(kind, object, current);
}

/** Removes an object whose last hold is gone, skips a write that changes nothing. */
export function decideWrite(kind: Kind, draft: Body, current: Item): Next {
  const object = storedForm(kind, draft);
  if (isFinished(kind, object)) return write("delete", object);
  const next = write("put", object);
  return isSame(next, object, current) ? { does: "keep", item: current } : next;
}

/** Whether a deletion that was asked for has nothing left to wait for. */
function isFinished(kind: Kind, object: Body): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds > 0) return false;
  return finalizers.length === 0 && kind.holdsDeletion?.(object as unknown as AnyObject) !== true;
}

function isSame(next: Next, object: Body, current: Item): boolean {
  // Fields in another order have the same length: only then is a closer look due.
  if (next.does !== "put" || storedLength(current) !== next.value.length) return false;
  if (itemOf(current.key, next.value, current.at).bytes.equals(current.bytes)) return true;
  const { resourceVersion } = current.object.metadata;
  const stored = { ...object, metadata: { ...object.metadata, resourceVersion } };
  return equalJson(withoutTimes(stored), withoutTimes(current.object));
}

/** The object but for when its owners last wrote: that alone is no reason to write. */
function withoutTimes(object: Pick<Body, "metadata">): unknown {
  const { managedFields } = object.metadata;
  if (managedFields === undefined) return object;
  const timeless = managedFields.map(({ time: _time, ...entry }) => entry);
  return { ...object, metadata: { ...object.metadata, managedFields: timeless } };
}

type Parts = { readonly draft: Draft; readonly before: AnyObject; readonly track: Tracking };

function setOwners(object: Body, managedFields: ReturnType<Tracking>): void {
  delete object.metadata.managedFields;
  if (managedFields !== undefined) object.metadata.managedFields = managedFields;
}

function withStatus(call: Call, { draft, before, track }: Parts): Body {
  const { kind } = call;
  const sent = partOf(call)?.take(draft.object, before) ?? draft.object;
  const { apiVersion, kind: kindName, status, metadata: sentMeta } = sent;
  const part: Body = { apiVersion, kind: kindName, metadata: {} };
  if (status !== undefined) part["status"] = status;
  for (const path of kind.strategy.prune(part)) draft.unknown.push(path);
  kind.strategy.setDefaults(part);
  const object: Body = { ...before, metadata: statusMeta(kind, sentMeta, before) };
  if (part["status"] === undefined) delete object["status"];
  else object["status"] = part["status"];
  setOwners(object, track(call, { before, object, sent: undefined }));
  return object;
}

/** Built-in kinds take labels and annotations through the status endpoint too, custom ones not. */
function statusMeta({ custom }: Kind, sent: WritableMeta, { metadata }: AnyObject): WritableMeta {
  if (custom) return { ...metadata };
  const { labels: _labels, annotations: _annotations, ...kept } = metadata;
  const { labels, annotations } = sent;
  return {
    ...kept,
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

const partOf = ({ kind, subresource }: Call): PartialUpdate | undefined =>
  kind.subresources.find(({ name }) => name === subresource)?.updates;

function withSpec(call: Call, { draft, before, track }: Parts): Body {
  const { kind } = call;
  const object = partOf(call)?.take(draft.object, before) ?? draft.object;
  const sent = object.metadata.managedFields;
  keepServerFields(object, before);
  dropRepeatedOwners(call, object.metadata);
  const isolated = hasStatus(kind);
  if (isolated) delete object["status"];
  for (const path of kind.strategy.prune(object)) draft.unknown.push(path);
  kind.strategy.setDefaults(object);
  if (isolated) {
    if (before["status"] === undefined) delete object["status"];
    else object["status"] = before["status"];
  }
  setOwners(object, track(call, { before, object, sent }));
  kind.strategy.prepareUpdate(object, before);
  if (isCounted(call) && !sameDesire(object, before, uncounted(kind))) {
    object.metadata.generation = (before.metadata.generation ?? 0) + 1;
  }
  return object;
}

/**
 * Whether a change of what is asked for counts. Kubernetes does not count values: what a diff shows of
 * them must look as it does there, without lines around a change that nobody made.
 */
function isCounted(call: Call): boolean {
  const { generation } = call.kind;
  return generation === true || (generation !== false && !isDryRun(call));
}

const serverFields = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generation",
  "generateName",
  "managedFields",
] as const;

function keepServerFields({ metadata }: Body, before: AnyObject): void {
  for (const field of serverFields) {
    delete metadata[field];
    if (before.metadata[field] !== undefined) {
      Object.assign(metadata, { [field]: before.metadata[field] });
    }
  }
}

/** Top-level fields whose change is no change of what is asked for. */
function uncounted(kind: Kind): readonly string[] {
  const always = ["metadata", "apiVersion", ...(hasStatus(kind) ? ["status"] : [])];
  return typeof kind.generation === "boolean" ? always : [...always, ...kind.generation.but];
}

/** Whether nothing differs but these fields. */
function sameDesire(object: Body, before: AnyObject, but: readonly string[]): boolean {
  const fields = new Set([...Object.keys(object), ...Object.keys(before)]);
  for (const field of but) fields.delete(field);
  return [...fields].every((field) => equalJson(object[field], before[field]));
}

function causesOf(call: Call, object: Body, before: AnyObject): readonly StatusCause[] {
  const part = partOf(call);
  const { strategy } = call.kind;
  const causes =
    part === undefined ? strategy.validate(object, before) : part.validate(object, before);
  if (call.subresource === "status") {
    // Who writes the status cannot repair a spec that a newer schema refuses.
    return causes.filter(({ field = "status" }) => field.startsWith("status"));
  }
  return [...metadataCauses(object.metadata), ...finalizerCauses(object, before), ...causes];
}

function finalizerCauses(object: Body, before: AnyObject): readonly StatusCause[] {
  if (before.metadata.deletionTimestamp === undefined) return [];
  const old = before.metadata.finalizers ?? [];
  const added = (object.metadata.finalizers ?? []).filter((name) => !old.includes(name));
  if (added.length === 0) return [];
  return [
    forbiddenValue(
      "metadata.finalizers",
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(", ")}}`,
    ),
  ];
}
