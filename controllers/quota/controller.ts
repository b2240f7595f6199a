import type { Client } from "../../api/client/client.ts";
import { equalJson } from "../../api/machinery/equality.ts";
import { isConflict, isNotFound } from "../../api/machinery/errors.ts";
import type { ResourceType } from "../../api/machinery/gvk.ts";
import { keyOf, keyText, type KubeObject, type ObjectKey } from "../../api/machinery/object.ts";
import type { CountedType } from "../../api/machinery/quota/object-usage.ts";
import {
  readReservations,
  reservationMs,
  reservationsAnnotation,
  writeReservations,
} from "../../api/machinery/quota/reservations.ts";
import { writeUsage } from "../../api/machinery/quota/usage.ts";
import {
  applications,
  configMaps,
  metadataOf,
  pods,
  type Resource,
  type ResourceQuota,
  resourceQuotas,
  revisions,
  secrets,
  serviceAccounts,
} from "../../api/machinery/resources.ts";
import { discoverKinds } from "../runtime/discovery.ts";
import type { BuildController, Caches, Result } from "../runtime/reconciler.ts";
import { each, source } from "../runtime/sources.ts";
import { type Counted, countedTypes, type Plan, planQuota } from "./plan.ts";

/** A kind of whose objects only what all have in common is known. */
function untyped({ group, version, kind, plural, namespaced }: ResourceType): Resource<KubeObject> {
  return { group, version, kind, plural, namespaced };
}

/** Kinds whose changes are heard of; of most, that they are there is all that counts. */
const watched: readonly Resource<KubeObject>[] = [
  untyped(pods),
  metadataOf(secrets),
  metadataOf(configMaps),
  serviceAccounts,
  untyped(resourceQuotas),
  untyped(applications),
  untyped(revisions),
];

/** Other kinds are counted anew after this time. Milliseconds. */
const recountMs = 30_000;
/** Between two counts of a quota: a busy namespace changes all the time. Milliseconds. */
const restMs = 1_000;

const nameOf = ({ group, plural }: CountedType): string => `${plural}.${group}`;

type Reader = (type: CountedType, namespace: string) => readonly KubeObject[] | undefined;

/** The objects of a namespace from our caches; `undefined` for a kind that is not watched. */
function cachedObjects(caches: Caches): Reader {
  const byNamespace = {
    quotaNamespace: ({ metadata }: KubeObject): readonly string[] => [metadata.namespace ?? ""],
  };
  const known = new Map(
    watched.map((type) => [nameOf(type), caches.of<KubeObject>(type, byNamespace)] as const),
  );
  return (type, namespace) => known.get(nameOf(type))?.by("quotaNamespace", namespace);
}

/** The objects of a kind that nobody here watches; none when it is not served. */
async function listed(
  client: Client,
  { group, plural }: CountedType,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const kinds = await discoverKinds(client, signal);
  const kind = kinds.find((one) => one.group === group && one.plural === plural);
  if (kind === undefined || !kind.namespaced || !kind.verbs.includes("list")) return [];
  const { items } = await client.list(metadataOf(kind), { namespace }, signal);
  return items;
}

function withPlan(quota: ResourceQuota, { used, reservations }: Plan): ResourceQuota {
  const { [reservationsAnnotation]: _old, ...others } = quota.metadata.annotations ?? {};
  const text = writeReservations(reservations);
  const annotations = text === undefined ? others : { ...others, [reservationsAnnotation]: text };
  const status = { hard: { ...quota.spec?.hard }, used: writeUsage(used) };
  return { ...quota, metadata: { ...quota.metadata, annotations }, status };
}

/** Whether the count says something new. */
function isNews(before: ResourceQuota, after: ResourceQuota): boolean {
  const told = ({ status, metadata }: ResourceQuota): unknown => [
    status?.hard ?? {},
    status?.used ?? {},
    metadata.annotations ?? {},
  ];
  return !equalJson(told(before), told(after)) || before.status === undefined;
}

async function write(client: Client, before: ResourceQuota, plan: Plan): Promise<void> {
  const after = withPlan(before, plan);
  if (!isNews(before, after)) return;
  try {
    await client.replace(resourceQuotas, after, { subresource: "status" });
  } catch (err) {
    // Another reservation meanwhile, or the quota is gone: its change brings us back.
    if (!isConflict(err) && !isNotFound(err)) throw err;
  }
}

/** When to come back: the sooner of two times, if any. */
function soonest(one: number | undefined, other: number | undefined): Result {
  if (one === undefined && other === undefined) return {};
  return { requeueAfterMs: Math.min(one ?? Infinity, other ?? Infinity) };
}

type Deps = {
  readonly client: Client;
  readonly read: Reader;
  readonly met: Acquaintances;
  readonly signal: AbortSignal;
};

/** Counts a quota anew and writes what is new. */
async function count(quota: ResourceQuota, deps: Deps, nowMs: number): Promise<Result> {
  const { client, read, met, signal } = deps;
  const { namespace = "", annotations } = quota.metadata;
  const types = countedTypes(quota.spec ?? {});
  const counted = await Promise.all(
    types.map(async (type): Promise<Counted> => {
      const objects = read(type, namespace);
      return { type, objects: objects ?? (await listed(client, type, namespace, signal)) };
    }),
  );
  const isWatched = types.every((type) => read(type, namespace) !== undefined);
  const reservations = readReservations(annotations?.[reservationsAnnotation]);
  const plan = planQuota(
    { spec: quota.spec ?? {}, reservations, counted, wasSeen: (uid) => met.has(uid) },
    nowMs,
  );
  await write(client, quota, plan);
  return soonest(plan.requeueAfterMs, isWatched ? undefined : recountMs);
}

/** Objects that were there once: by their uid, for as long as a reservation of theirs may be held. */
type Acquaintances = { add(uid: string, nowMs: number): void; has(uid: string): boolean };

/** Only spares a wait: without it an object that came and went between two counts holds its reservation. */
function acquaintances(): Acquaintances {
  const metAtMs = new Map<string, number>();
  return {
    add(uid, nowMs) {
      metAtMs.delete(uid);
      metAtMs.set(uid, nowMs);
      for (const [oldest, atMs] of metAtMs) {
        if (atMs + 2 * reservationMs > nowMs) break;
        metAtMs.delete(oldest);
      }
    },
    has: (uid) => metAtMs.has(uid),
  };
}

/** Whether the status is about what is asked for now. */
const isCounted = ({ spec, status }: ResourceQuota): boolean =>
  equalJson(status?.hard ?? {}, spec?.hard ?? {}) && status !== undefined;

/** Keeps `status.used` of ResourceQuotas what namespaces really take. */
export const buildQuotaController: BuildController = ({ client, caches, clock }) => {
  const quotas = caches.of(resourceQuotas, {
    quotasIn: ({ metadata }) => [metadata.namespace ?? ""],
  });
  const read = cachedObjects(caches);
  const countedAtMs = new Map<string, number>();
  const met = acquaintances();
  const quotasOf = (type: CountedType, { metadata }: KubeObject): readonly ObjectKey[] => {
    const concerned = quotas
      .by("quotasIn", metadata.namespace ?? "")
      .filter(({ spec }) => countedTypes(spec ?? {}).some((one) => nameOf(one) === nameOf(type)));
    if (concerned.length > 0) met.add(metadata.uid, clock.nowMs());
    return concerned.map(keyOf);
  };
  return {
    name: "quota",
    owns: ["resourcequotas/status"],
    sources: [
      each(resourceQuotas),
      ...watched.map((type) => source(type, (object) => quotasOf(type, object))),
    ],
    reconciler: {
      async reconcile(key, signal) {
        const id = keyText(key);
        const quota = quotas.get(key);
        if (quota === undefined) {
          countedAtMs.delete(id);
          return {};
        }
        const nowMs = clock.nowMs();
        const waitMs = (countedAtMs.get(id) ?? 0) + restMs - nowMs;
        if (isCounted(quota) && waitMs > 0) return { requeueAfterMs: waitMs };
        countedAtMs.set(id, nowMs);
        return count(quota, { client, read, met, signal }, nowMs);
      },
    },
  };
};
