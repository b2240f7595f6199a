import {
  type CountedType,
  countedType,
  type QuotaSpec,
  usageFor,
} from "../../api/machinery/quota/object-usage.ts";
import {
  type Reservations,
  reservationMs,
  withoutExpired,
} from "../../api/machinery/quota/reservations.ts";
import { only, plus, type Usage, zero } from "../../api/machinery/quota/usage.ts";
import type { KubeObject } from "../../api/machinery/object.ts";

/** All objects of one kind in the namespace of a quota. */
export type Counted = { readonly type: CountedType; readonly objects: readonly KubeObject[] };

/** Everything the count rests on. */
export type Seen = {
  readonly spec: QuotaSpec;
  /** What the API server has let through. Read after the objects, never before. */
  readonly reservations: Reservations;
  readonly counted: readonly Counted[];
  /** Whether an object of that uid was there once; then it is counted now, or gone. */
  readonly wasSeen: (uid: string) => boolean;
};

/** What the quota is to say, and when to count again if nothing is heard. Integer, milliseconds. */
export type Plan = {
  readonly used: Usage;
  /** Those whose objects are not seen yet. */
  readonly reservations: Reservations;
  readonly requeueAfterMs?: number;
};

const pods: CountedType = { group: "", plural: "pods" };

/** The kinds that a quota is about; pods are among them when it limits what they take. */
export function countedTypes({ hard = {} }: QuotaSpec): readonly CountedType[] {
  const types = Object.keys(hard).map((name) => countedType(name) ?? pods);
  const byName = new Map(types.map((type) => [`${type.plural}.${type.group}`, type]));
  return [...byName.values()];
}

/**
 * Counts what a namespace takes of a quota: what is there, and what is about to be. An object that was let
 * through and is not seen yet counts by its reservation, for as long as it may still come.
 */
export function planQuota({ spec, reservations, counted, wasSeen }: Seen, nowMs: number): Plan {
  const seen = new Set(
    counted.flatMap(({ objects }) => objects.map(({ metadata }) => metadata.uid)),
  );
  const unseen = [...withoutExpired(reservations, nowMs)].filter(
    ([uid]) => !seen.has(uid) && !wasSeen(uid),
  );
  const limited = (name: string): boolean => Object.hasOwn(spec.hard ?? {}, name);
  const nothing: Usage = new Map(Object.keys(spec.hard ?? {}).map((name) => [name, zero]));
  const usages = [
    ...counted.flatMap(({ type, objects }) =>
      objects.map((object) => usageFor(spec, type, object, nowMs)),
    ),
    ...unseen.map(([, { usage }]) => only(usage, limited)),
  ];
  const used = usages.reduce(plus, nothing);
  const firstMs = Math.min(...unseen.map(([, { atMs }]) => atMs));
  return {
    used,
    reservations: new Map(unseen),
    ...(unseen.length === 0
      ? {}
      : { requeueAfterMs: Math.max(1_000, firstMs + reservationMs - nowMs + 1) }),
  };
}
