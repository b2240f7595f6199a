import type { Client } from "../../api/client/client.ts";
import type { Condition } from "../../api/machinery/conditions.ts";
import { isConflict, isNotFound } from "../../api/machinery/errors.ts";
import { isDeleting } from "../../api/machinery/finalizer.ts";
import { collectionPath, resourceText } from "../../api/machinery/gvk.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import { type Namespace, namespaces } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import { discoverKinds, type ServedKind } from "../runtime/discovery.ts";
import type { BuildController } from "../runtime/reconciler.ts";
import { each } from "../runtime/sources.ts";
import {
  contentFinalizer,
  type Failure,
  type Plan,
  planNamespace,
  type Remaining,
  type Seen,
} from "./plan.ts";

/** Between two looks at a namespace that is on its way: contents go in their own time. */
const recheckMs = 1_000;

const isContent = ({ namespaced, verbs }: ServedKind): boolean =>
  namespaced && verbs.includes("list") && verbs.includes("delete");

const isGone = (err: unknown): boolean => isNotFound(err) || isConflict(err);

function summary(resource: string, objects: readonly KubeObject[]): Remaining {
  const finalizers = new Map<string, number>();
  const leaving = objects.filter(isDeleting);
  for (const name of leaving.flatMap(({ metadata }) => metadata.finalizers ?? [])) {
    finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
  }
  const total = objects.length;
  return { resource, living: total - leaving.length, finalizers, total };
}

/** Asks the server itself: a cache may not yet know of the last object that was created. */
async function look(
  client: Client,
  kinds: readonly ServedKind[],
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Remaining[]> {
  const all = await Promise.all(
    kinds.map(async (kind) => {
      const { items } = await client.list(kind, { namespace }, signal);
      return summary(resourceText(kind), items);
    }),
  );
  return all.filter(({ total }) => total > 0);
}

async function deleteAll(
  client: Client,
  kind: ServedKind,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  if (kind.verbs.includes("deletecollection")) {
    const path = collectionPath(kind, namespace);
    const { body } = await client.raw({ method: "DELETE", path }, signal);
    await Array.fromAsync(body); // read to its end, so that the connection can be used again
    return;
  }
  const { items } = await client.list(kind, { namespace }, signal);
  for (const { metadata } of items) await client.delete(kind, { namespace, name: metadata.name });
}

async function report(
  client: Client,
  namespace: Namespace,
  { conditions, finalize }: Plan,
): Promise<void> {
  const { name } = namespace.metadata;
  if (conditions !== undefined) {
    const body = { status: { conditions } };
    await client.patch(namespaces, { name }, { type: "merge", body }, { subresource: "status" });
  }
  if (finalize !== undefined) {
    const emptied = { ...namespace, spec: { ...namespace.spec, finalizers: finalize } };
    await client.replace(namespaces, emptied, { subresource: "finalize" });
  }
}

/** Runs one part of the work; a failure becomes something that can be reported. */
async function tried<T>(of: Failure["of"], work: () => Promise<T>): Promise<T | Failure> {
  try {
    return await work();
  } catch (err) {
    return { of, message: err instanceof Error ? err.message : String(err) };
  }
}

const isFailure = (value: unknown): value is Failure =>
  typeof value === "object" && value !== null && "of" in value;

type Job = {
  readonly name: string;
  readonly seen: Omit<Seen, "remaining" | "failure">;
  /** RFC 3339. */
  readonly now: string;
};
type Outcome = { readonly plan: Plan; readonly failure?: Failure };

/** Looks at what is left in a namespace and asks it to go. */
async function emptied(
  client: Client,
  { name, seen, now }: Job,
  signal: AbortSignal,
): Promise<Outcome> {
  const looked = await tried("Discovery", async () => {
    const kinds = (await discoverKinds(client, signal)).filter(isContent);
    return { kinds, remaining: await look(client, kinds, name, signal) };
  });
  signal.throwIfAborted(); // to be stopped is no failure
  if (isFailure(looked)) {
    const plan = planNamespace({ ...seen, remaining: [], failure: looked }, now);
    return { plan, failure: looked };
  }
  const { kinds, remaining } = looked;
  const plan = planNamespace({ ...seen, remaining }, now);
  const failure = await tried("Content", async () => {
    for (const kind of kinds) {
      if (plan.empty.includes(resourceText(kind))) await deleteAll(client, kind, name, signal);
    }
  });
  signal.throwIfAborted();
  if (!isFailure(failure)) return { plan };
  return { plan: planNamespace({ ...seen, remaining, failure }, now), failure };
}

/** Empties deleted namespaces and lets them go. */
export const buildNamespaceController: BuildController = ({ client, caches, clock, log }) => {
  const cache = caches.of(namespaces);
  return {
    name: "namespace",
    owns: ["namespaces/spec.finalizers[kubernetes]", "namespaces/status.conditions"],
    sources: [each(namespaces)],
    reconciler: {
      async reconcile({ name }, signal) {
        const namespace = cache.get({ name });
        const finalizers = namespace?.spec?.finalizers ?? [];
        if (namespace === undefined || !isDeleting(namespace)) return {};
        if (!finalizers.includes(contentFinalizer)) return {};
        const conditions = (namespace.status?.conditions ?? []) as readonly Condition[];
        const seen = { deleting: true, finalizers, conditions };
        const now = formatTime(clock.nowMs());
        const { plan, failure } = await emptied(client, { name, seen, now }, signal);
        await report(client, namespace, plan).catch((err: unknown) => {
          if (!isGone(err)) throw err; // a newer version is on its way to the cache
        });
        if (failure !== undefined)
          log.warn({ namespace: name, failure: failure.message }, "cannot empty a namespace");
        if (plan.finalize === undefined) return { requeueAfterMs: recheckMs };
        log.info({ namespace: name }, "emptied a namespace");
        return {};
      },
    },
  };
};
