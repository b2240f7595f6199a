import { conflict } from "../../machinery/errors.ts";
import { foregroundFinalizer, orphanFinalizer } from "../../machinery/finalizer.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { deletedStatus } from "../../machinery/status.ts";
import { formatTime, parseTime } from "../../machinery/time.ts";
import type { Item } from "../../store/item.ts";
import { parseStoreKey } from "../../store/keys.ts";
import type { Body } from "../kinds/kind.ts";
import { type Answer, type Call, reviewOf } from "./call.ts";
import { type DeleteOptions, type Policy, readDeleteOptions } from "./delete-options.ts";
import { type Changed, changeItem, type Next } from "./storage.ts";
import { decideWrite, existing, keyOfCall } from "./update.ts";
import { shownForm } from "./versions.ts";

/** How long an answer waits for the server's own cache, in milliseconds. */
const settleMs = 5_000;

/** DELETE of one object. @throws StatusError `NotFound`, `Conflict` on preconditions */
export async function deleteObject(call: Call): Promise<Answer> {
  const { does, item } = await removeObject(call, readDeleteOptions(call));
  if (call.kind.settles === true) await call.storage.cache.reach(item.at, settleMs);
  if (does !== "delete") return { code: 200, body: shownForm(call.kind, item).bytes };
  const { group, plural } = call.kind;
  const { name, uid } = item.object.metadata;
  const details = { name, kind: plural, uid, ...(group === "" ? {} : { group }) };
  return { code: 200, body: JSON.stringify(deletedStatus(details)) };
}

/** The same with options that were read already. */
export async function removeObject(call: Call, options: DeleteOptions): Promise<Changed> {
  return changeItem(
    call.storage,
    keyOfCall(call),
    async (current) => {
      const found = existing(call, current);
      checkPreconditions(call, options, found.object);
      const { dryRun } = options;
      const review = {
        ...reviewOf(call),
        operation: "DELETE",
        before: found.object,
        dryRun,
      } as const;
      await call.admission.admit(review);
      return doomed(call, options, found);
    },
    options,
  );
}

/** @throws StatusError `Conflict` when it is not the object, or the version, that is meant */
export function checkPreconditions(
  { kind, name }: Call,
  { uid, resourceVersion }: DeleteOptions,
  { metadata }: AnyObject,
): void {
  const differs = (what: string, wanted: string, have: string): Error =>
    conflict(
      kind,
      name,
      `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${have}`,
    );
  if (uid !== undefined && uid !== metadata.uid) throw differs("UID", uid, metadata.uid);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw differs("ResourceVersion", resourceVersion, metadata.resourceVersion);
  }
}

/** What becomes of an object whose deletion is asked for, perhaps not for the first time. */
function doomed(call: Call, options: DeleteOptions, current: Item): Next {
  const object = JSON.parse(current.bytes.toString()) as Body;
  const { metadata } = object;
  const finalizers = finalizersFor(options.policy, metadata.finalizers ?? []);
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  const first = metadata.deletionTimestamp === undefined;
  const wanted = graceFor(call, options, current.object);
  // A second request may only shorten the time that the first one gave.
  const grace = first ? wanted : Math.min(wanted, metadata.deletionGracePeriodSeconds ?? 0);
  if (first || grace !== (metadata.deletionGracePeriodSeconds ?? 0)) {
    metadata.deletionTimestamp = deadline(call, current.object, grace);
    metadata.deletionGracePeriodSeconds = grace;
  }
  if (first) {
    if (metadata.generation !== undefined) metadata.generation += 1;
    call.kind.prepareDelete?.(object);
  }
  return decideWrite(call.kind, object, current);
}

function deadline({ clock }: Call, { metadata }: AnyObject, grace: number): string {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata;
  const old = deletionTimestamp === undefined ? undefined : parseTime(deletionTimestamp);
  const asked = old === undefined ? clock.nowMs() : old - deletionGracePeriodSeconds * 1_000;
  return formatTime(asked + grace * 1_000);
}

function graceFor({ kind }: Call, options: DeleteOptions, object: AnyObject): number {
  const own = kind.graceSeconds?.(object) ?? 0;
  const { gracePeriodSeconds } = options;
  if (own === 0 || gracePeriodSeconds === undefined) return own;
  return gracePeriodSeconds < 0 ? 1 : gracePeriodSeconds;
}

function finalizersFor(policy: Policy | undefined, have: readonly string[]): readonly string[] {
  if (policy === undefined) return have;
  const others = have.filter((name) => name !== foregroundFinalizer && name !== orphanFinalizer);
  if (policy === "Foreground") return [...others, foregroundFinalizer];
  return policy === "Orphan" ? [...others, orphanFinalizer] : others;
}

/** The call that deletes one object of a collection. */
export function callFor(call: Call, { key }: Item): Call {
  const { namespace = "", name } = parseStoreKey(key)?.key ?? { name: "" };
  return { ...call, namespace, name };
}
