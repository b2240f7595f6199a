import type { AnyObject } from "../../machinery/object.ts";
import { type CountedType, type QuotaSpec, usageFor } from "../../machinery/quota/object-usage.ts";
import { unspecified } from "../../machinery/quota/pod-usage.ts";
import {
  readReservations,
  type Reservations,
  reservationsAnnotation,
  withoutExpired,
  writeReservations,
} from "../../machinery/quota/reservations.ts";
import { isInScope } from "../../machinery/quota/scopes.ts";
import {
  only,
  plus,
  type RawUsage,
  readUsage,
  type Usage,
  usageText,
  writeUsage,
} from "../../machinery/quota/usage.ts";
import type { Pod } from "../../machinery/resources.ts";
import { isObject, objectIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";

/** An object that is about to be stored. */
export type Candidate = {
  readonly type: CountedType;
  readonly object: AnyObject;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
};

/** What a quota says to a candidate: nothing, no, or yes and what it is afterwards. */
export type QuotaVerdict =
  | { readonly is: "unconcerned" }
  | { readonly is: "refused"; readonly why: string }
  | { readonly is: "reserved"; readonly state: QuotaState };

const part = (quota: AnyObject, field: "spec" | "status"): JsonObject =>
  isObject(quota[field]) ? quota[field] : {};

const amounts = (holder: JsonObject, field: string): Usage =>
  readUsage(objectIn(holder, field) as RawUsage | undefined);

function missingRequests(quota: AnyObject, { type, object }: Candidate): readonly string[] {
  const spec = part(quota, "spec") as QuotaSpec;
  const pod = object as unknown as Pod;
  if (type.group !== "" || type.plural !== "pods" || !isInScope(spec, pod)) return [];
  return unspecified(pod, Object.keys(spec.hard ?? {}));
}

function refusal(name: string, wanted: Usage, have: Usage, hard: Usage): string | undefined {
  const over = only(wanted, (resource) => {
    const sum = (have.get(resource)?.nanos ?? 0n) + (wanted.get(resource)?.nanos ?? 0n);
    return sum > (hard.get(resource)?.nanos ?? sum);
  });
  if (over.size === 0) return undefined;
  const concerned = (usage: Usage): string => usageText(only(usage, (one) => over.has(one)));
  return `exceeded quota: ${name}, requested: ${concerned(wanted)}, used: ${concerned(have)}, limited: ${concerned(hard)}`;
}

/** A quota as it is while candidates go through it. */
export type QuotaState = {
  readonly quota: AnyObject;
  readonly used: Usage;
  readonly held: Reservations;
};

/** Reads a stored quota. */
export function readQuota(quota: AnyObject): QuotaState {
  const held = readReservations(quota.metadata.annotations?.[reservationsAnnotation]);
  return { quota, used: amounts(part(quota, "status"), "used"), held };
}

/** The quota to be stored: what is taken is in `used`, and among what is about to be stored. */
export function writeQuota({ quota, used, held }: QuotaState, nowMs: number): AnyObject {
  const { annotations = {} } = quota.metadata;
  const text = writeReservations(withoutExpired(held, nowMs)) ?? "";
  return {
    ...quota,
    metadata: {
      ...quota.metadata,
      annotations: { ...annotations, [reservationsAnnotation]: text },
    },
    status: { ...part(quota, "status"), used: writeUsage(used) },
  };
}

/** What a quota makes of a candidate. Pure, and the same again for one that has its reservation already. */
export function quotaVerdict(state: QuotaState, candidate: Candidate): QuotaVerdict {
  const { quota, used, held } = state;
  const { name } = quota.metadata;
  const { type, object, nowMs } = candidate;
  const missing = missingRequests(quota, candidate);
  if (missing.length > 0) {
    return { is: "refused", why: `failed quota: ${name}: must specify ${missing.join("; ")}` };
  }
  const wanted = usageFor(part(quota, "spec"), type, object, nowMs);
  const { uid } = object.metadata;
  if (wanted.size === 0 || held.has(uid)) return { is: "unconcerned" };
  const uncounted = [...wanted.keys()].filter((resource) => !used.has(resource)).sort();
  if (uncounted.length > 0) {
    const why = `status unknown for quota: ${name}, resources: ${uncounted.join(",")}`;
    return { is: "refused", why };
  }
  const why = refusal(name, wanted, used, amounts(part(quota, "status"), "hard"));
  if (why !== undefined) return { is: "refused", why };
  const after = new Map(held).set(uid, { atMs: nowMs, usage: wanted });
  return { is: "reserved", state: { quota, used: plus(used, wanted), held: after } };
}
