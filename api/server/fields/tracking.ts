import { emptySet, type FieldSet, leaf } from "../../machinery/apply/field-set.ts";
import { UntellableItem } from "../../machinery/apply/list-items.ts";
import {
  capUpdaters,
  decodeOwners,
  encodeOwners,
  isReset,
  noOwners,
  type Owners,
  withTime,
} from "../../machinery/apply/owners.ts";
import {
  type Change,
  type Rules,
  updateOwners,
  type Writer,
} from "../../machinery/apply/update-owners.ts";
import { equalJson } from "../../machinery/equality.ts";
import { apiVersionOf, parseApiVersion } from "../../machinery/gvk.ts";
import type { AnyObject, ManagedFieldsEntry } from "../../machinery/object.ts";
import { formatTime } from "../../machinery/time.ts";
import type { Body, Kind } from "../kinds/kind.ts";
import type { Call } from "../objects/call.ts";
import { writerOf } from "./field-manager.ts";

/** A write whose outcome is known, but for who owns what. */
export type Written = {
  /** Absent on a creation. */
  readonly before: AnyObject | undefined;
  /** Pruned and with defaults. Its `metadata.managedFields` do not count. */
  readonly object: Body;
  /** `metadata.managedFields` as the writer sent them. */
  readonly sent: readonly ManagedFieldsEntry[] | undefined;
};

/** Decides `metadata.managedFields` of what is written; `undefined`: there are none. */
export type Tracking = (call: Call, written: Written) => readonly ManagedFieldsEntry[] | undefined;

/** Whether a kind's status has an endpoint of its own. */
export const hasStatus = (kind: Kind): boolean =>
  kind.subresources.some(({ name }) => name === "status");

const statusOnly: FieldSet = { "f:status": leaf };

/** The types of all versions of a kind, and what its own endpoint leaves alone. */
export function rulesOf(call: Call): Rules {
  const { kind, kinds, fieldTypes } = call;
  return {
    ignored: call.subresource === "" && hasStatus(kind) ? statusOnly : emptySet,
    typeOf(apiVersion) {
      if (apiVersion === apiVersionOf(kind)) return fieldTypes.of(kind);
      const parsed = parseApiVersion(apiVersion);
      if (parsed === undefined) return undefined;
      const other = kinds.find(parsed.group, parsed.version, kind.plural);
      return other === undefined ? undefined : fieldTypes.of(other);
    },
  };
}

/** What a kind's object is before it exists; the parts of built-in kinds are always there. */
export function blankOf({ custom }: Kind, { apiVersion, kind }: Body | AnyObject): unknown {
  const type = { apiVersion, kind };
  return custom ? type : { ...type, metadata: {}, spec: {}, status: {} };
}

/** Every changed field becomes the writer's, as it is with all writes but server-side apply. */
export const trackUpdate: Tracking = (call, written) => trackAs(writerOf(call), call, written);

/** The same for a given writer. */
export function trackAs(
  writer: Writer,
  call: Call,
  { before, object, sent }: Written,
): readonly ManagedFieldsEntry[] | undefined {
  const live = before?.metadata.managedFields;
  const owners = ownersBefore(writer, live, sent);
  // Of an object that nobody owns, the fields are owned only from the first apply on.
  if (before !== undefined && owners.size === 0) return undefined;
  const change = { before: before ?? blankOf(call.kind, object), after: object };
  try {
    return encodeOwners(capUpdaters(ownersAfter(owners, change, { writer, call })));
  } catch (err) {
    if (!(err instanceof UntellableItem)) throw err;
    return live; // validation refuses such a list; where it does not, ownership stays as it was
  }
}

/**
 * The owners of the live object; of the object as it was sent when the writer rewrites or resets
 * them, which only the object's own endpoint can.
 */
function ownersBefore(
  { subresource }: Writer,
  live: readonly ManagedFieldsEntry[] | undefined,
  sent: readonly ManagedFieldsEntry[] | undefined,
): Owners {
  // Most who send them send back what they read: that needs no reading.
  if (subresource !== "" || sent === undefined || equalJson(sent, live)) {
    return decodeOwners(live, true);
  }
  if (isReset(sent)) return noOwners;
  try {
    return decodeOwners(sent, false);
  } catch {
    return decodeOwners(live, true); // nobody loses what they own by somebody else's mistake
  }
}

type Writing = { readonly writer: Writer; readonly call: Call };

/** The owners after an update, with the writer's time. */
export function ownersAfter(owners: Owners, change: Change, { writer, call }: Writing): Owners {
  const after = updateOwners(owners, change, { writer, rules: rulesOf(call) });
  return after.gained ? stamped(after.owners, after.id, call) : after.owners;
}

/** The owners with the time of this moment at one of them. */
export function stamped(owners: Owners, id: string, { clock }: Pick<Call, "clock">): Owners {
  const owner = owners.get(id);
  if (owner === undefined) return owners;
  return new Map(owners).set(id, withTime(owner, formatTime(clock.nowMs())));
}
