import { randomBytes } from "node:crypto";
import {
  alreadyExists,
  badRequest,
  invalid,
  isConflict,
  noFreeName,
} from "../../machinery/errors.ts";
import { generatedName, generatedNameBytes } from "../../machinery/names.ts";
import { formatTime } from "../../machinery/time.ts";
import { encodeObject, type Item, itemOf } from "../../store/item.ts";
import { storeKey } from "../../store/keys.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { Body } from "../kinds/kind.ts";
import { checkManager } from "../fields/field-manager.ts";
import { type Tracking, trackUpdate } from "../fields/tracking.ts";
import { type Call, isDryRun, newUid, reviewOf } from "./call.ts";
import { metadataCauses, nameCauses } from "./metadata.ts";
import { type Draft, judgeFields, readObject } from "./read-object.ts";
import { dropRepeatedOwners } from "./owner-references.ts";
import { storedForm } from "./versions.ts";
import { readItem } from "./storage.ts";

const maxNameAttempts = 8;

/** POST to a collection. @throws StatusError `AlreadyExists`, `Invalid`, `BadRequest` */
export async function createObject(call: Call): Promise<Item> {
  return createDraft(call, readObject(call));
}

/** Creates an object that was read already. */
export async function createDraft(call: Call, draft: Draft): Promise<Item> {
  const { object } = draft;
  const dryRun = isDryRun(call);
  if ((object.metadata.resourceVersion ?? "") !== "") {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  const base = nameBase(object);
  if (base !== undefined) rename(object, base);
  checkManager(call, "CreateOptions");
  await newObject(call, draft, trackUpdate);
  for (let attempt = 1; ; attempt++) {
    try {
      return await insert(call, object, dryRun);
    } catch (err) {
      if (!isConflict(err)) throw err;
      if (base === undefined) throw alreadyExists(call.kind, object.metadata.name ?? "");
      if (attempt === maxNameAttempts) throw noFreeName(call.kind, object.metadata.name ?? "");
      rename(object, base);
    }
  }
}

/** What a name shall be generated from, when the client gave none. */
function nameBase({ metadata }: Body): string | undefined {
  const { name = "", generateName = "" } = metadata;
  return name === "" && generateName !== "" ? generateName : undefined;
}

function rename({ metadata }: Body, base: string): void {
  metadata.name = generatedName(base, randomBytes(generatedNameBytes));
}

/**
 * Everything between a draft of a new object, which is changed, and what is stored.
 * @throws StatusError `Invalid`, `BadRequest`, and what admission refuses
 */
export async function newObject(call: Call, draft: Draft, track: Tracking): Promise<Body> {
  const { kind } = call;
  const { object } = draft;
  const sent = object.metadata.managedFields;
  stamp(call, object);
  dropRepeatedOwners(call, object.metadata);
  for (const path of kind.strategy.prune(object)) draft.unknown.push(path);
  judgeFields(call, draft);
  kind.strategy.setDefaults(object);
  const managedFields = track(call, { before: undefined, object, sent });
  if (managedFields !== undefined) object.metadata.managedFields = managedFields;
  kind.strategy.prepareCreate(object);
  const { name = "" } = object.metadata;
  const review = { ...reviewOf(call), operation: "CREATE", name } as const;
  await call.admission.admit({ ...review, object });
  const causes = [
    ...nameCauses(object.metadata, kind.nameProblems),
    ...metadataCauses(object.metadata),
    ...kind.strategy.validate(object),
  ];
  if (causes.length > 0) throw invalid(kind, name, causes);
  const whole = object as unknown as AnyObject;
  await call.admission.judge({ ...review, object: whole });
  return object;
}

function stamp(call: Call, { metadata }: Body): void {
  metadata.uid = newUid();
  metadata.creationTimestamp = formatTime(call.clock.nowMs());
  delete metadata.resourceVersion;
  delete metadata.generation;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.managedFields;
  if (call.kind.generation !== false) metadata.generation = 1;
}

async function insert(call: Call, object: Body, dryRun: boolean): Promise<Item> {
  const { name = "", namespace } = object.metadata;
  const key = storeKey(call.kind, namespace === undefined ? { name } : { namespace, name });
  const value = encodeObject(storedForm(call.kind, object));
  const { store, cache } = call.storage;
  if (!dryRun) {
    const item = itemOf(key, value, await store.put(key, value, 0));
    cache.wrote(item);
    return item;
  }
  if ((await readItem(call.storage, key)) !== undefined) throw alreadyExists(call.kind, name);
  return itemOf(key, value, 0);
}
