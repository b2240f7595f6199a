import type { Change } from "../../api/client/informer.ts";
import { isNotFound } from "../../api/machinery/errors.ts";
import { foregroundFinalizer, hasFinalizer, isDeleting } from "../../api/machinery/finalizer.ts";
import { parseApiVersion, resourceText, type ResourceType } from "../../api/machinery/gvk.ts";
import {
  keyOf,
  type KubeObject,
  type ObjectKey,
  type OwnerReference,
} from "../../api/machinery/object.ts";
import { metadataOf, type Resource } from "../../api/machinery/resources.ts";
import { createKindFollower, type KindFollower } from "../runtime/kind-follower.ts";
import { fromKindKey, toKindKey } from "../runtime/kind-key.ts";
import type { BuildController, Source } from "../runtime/reconciler.ts";
import { source } from "../runtime/sources.ts";
import { createOwners, type Owners } from "./owners.ts";
import { type Item, perform } from "./perform.ts";
import { planCollection, type Seen } from "./plan.ts";

/** Files objects under the uids of their owners. */
const ownerIndex = {
  "collector.owner": ({ metadata }: KubeObject): readonly string[] =>
    (metadata.ownerReferences ?? []).map(({ uid }) => uid),
};

/** Events have no owners and come in floods. */
const uncollected: ReadonlySet<string> = new Set(["Event"]);

/** When what must be known is not read yet: soon. Milliseconds. */
const recheckMs = 1_000;

const waits = (object: KubeObject): boolean =>
  isDeleting(object) && hasFinalizer(object, foregroundFinalizer);

/** All objects of all kinds, by who owns whom. */
type Graph = {
  readonly kinds: KindFollower;
  readonly dependentsOf: (uid: string) => readonly Item[];
};

/** The owner that a reference names, if its kind is followed, and the key it would have. */
function ownerOf(
  { metadata }: KubeObject,
  { apiVersion, kind, name }: OwnerReference,
  { kinds }: Graph,
):
  | { readonly type: ResourceType; readonly key: ObjectKey; readonly object?: KubeObject }
  | undefined {
  const group = parseApiVersion(apiVersion)?.group;
  const owner = kinds.kinds().find(({ type }) => type.group === group && type.kind === kind);
  if (owner === undefined) return undefined;
  const { namespace } = metadata;
  const scope = owner.type.namespaced && namespace !== undefined ? { namespace } : {};
  const key = { ...scope, name };
  const object = owner.cache.get(key);
  return { type: owner.type, key, ...(object === undefined ? {} : { object }) };
}

/** Keys of owners that may wait for the object to go. One that does not, looks for itself once it does. */
function waitingOwners(object: KubeObject, graph: Graph): readonly ObjectKey[] {
  const { ownerReferences = [] } = object.metadata;
  return ownerReferences.flatMap((reference) => {
    const owner = ownerOf(object, reference, graph);
    if (owner?.object === undefined || !isDeleting(owner.object)) return [];
    return [toKindKey(owner.type, owner.key)];
  });
}

/**
 * Whether the object stays as it is while its owners do: their going is a change of its own, that
 * concerns their dependents. Objects change far more often than owners go.
 */
function isHeld(object: KubeObject, graph: Graph): boolean {
  const { ownerReferences = [] } = object.metadata;
  if (isDeleting(object)) return false;
  return ownerReferences.every((reference) => {
    const owner = ownerOf(object, reference, graph)?.object;
    return owner !== undefined && owner.metadata.uid === reference.uid && !isDeleting(owner);
  });
}

/** Whom a change concerns: the object, those that lost or lose an owner, an owner that waits. */
function concerned(
  type: ResourceType,
  object: KubeObject,
  change: Change<KubeObject>["type"],
  graph: Graph,
): readonly ObjectKey[] {
  const own = isHeld(object, graph) ? [] : [toKindKey(type, keyOf(object))];
  const loses = change === "deleted" || waits(object);
  const dependents = loses ? graph.dependentsOf(object.metadata.uid) : [];
  return [
    ...own,
    ...dependents.map((item) => toKindKey(item.type, keyOf(item.object))),
    ...(change === "added" ? [] : waitingOwners(object, graph)),
  ];
}

async function observe(
  { object }: Item,
  { kinds, dependentsOf }: Graph,
  owners: Owners,
  signal: AbortSignal,
): Promise<Seen> {
  const { uid, finalizers = [], ownerReferences = [] } = object.metadata;
  const deleting = isDeleting(object);
  const states = await Promise.all(
    (deleting ? [] : ownerReferences).map(async (reference) => ({
      reference,
      state: await owners.stateOf(reference, object, signal),
    })),
  );
  // There may be thousands of them, and of an owner that stays none counts.
  const areAsked = deleting || states.some(({ state }) => state === "waiting");
  const dependents = (areAsked ? dependentsOf(uid) : []).map(({ object: dependent }) => ({
    blocks: (dependent.metadata.ownerReferences ?? []).some(
      (one) => one.uid === uid && one.blockOwnerDeletion === true,
    ),
    waits: waits(dependent),
  }));
  return {
    deleting,
    finalizers,
    owners: states,
    dependents,
    complete: kinds.isComplete(),
  };
}

/** What is told of an object whose owner cannot be one: Kubernetes' reason and words. */
function misplacedEvent(
  { apiVersion, kind, name, uid }: OwnerReference,
  { metadata: { namespace = "" } }: KubeObject,
) {
  const owner = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
  const message = `ownerRef ${owner} does not exist in namespace ${JSON.stringify(namespace)}`;
  return { type: "Warning", reason: "OwnerRefInvalidNamespace", message } as const;
}

/** Kinds whose contents are nothing that a collector needs to hold. */
const confidential: ReadonlySet<string> = new Set(["secrets", "configmaps"]);

const readingOf = (type: ResourceType): Resource<KubeObject> =>
  confidential.has(resourceText(type)) ? metadataOf(type) : type;

/** Removes what its owners left behind. */
export const buildCollector: BuildController = ({ client, clock, log, recorder }) => {
  const kinds: KindFollower = createKindFollower({
    client,
    clock,
    log,
    wants: ({ kind, verbs }) =>
      !uncollected.has(kind) && ["list", "watch", "delete"].every((verb) => verbs.includes(verb)),
    indexes: ownerIndex,
    sourceOf: (type): Source =>
      source(readingOf(type), (object, change) => concerned(type, object, change, graph)),
  });
  const graph: Graph = {
    kinds,
    dependentsOf: (uid) =>
      kinds
        .kinds()
        .flatMap(({ type, cache }) =>
          cache.by("collector.owner", uid).map((object) => ({ type, object })),
        ),
  };
  const owners = createOwners(client, kinds, (reference, dependent) => {
    recorder.event(dependent, misplacedEvent(reference, dependent));
  });
  const deps = { client, dependentsOf: graph.dependentsOf };
  return {
    name: "collector",
    owns: ["*/metadata.ownerReferences[gone]", "*/metadata.finalizers[foregroundDeletion,orphan]"],
    sources: [],
    findSources: kinds.findSources,
    workers: 8,
    reconciler: {
      async reconcile(key, signal) {
        const { resource, key: own } = fromKindKey(key);
        const kind = kinds.kind(resource);
        const object = kind?.cache.get(own);
        if (kind === undefined || object === undefined) return {};
        const item = { type: kind.type, object };
        const steps = planCollection(await observe(item, graph, owners, signal));
        for (const step of steps) {
          await perform(item, step, deps).catch((err: unknown) => {
            if (!isNotFound(err)) throw err; // somebody else was faster
          });
          if (step.kind !== "wait") log.debug({ step: step.kind }, "collected");
        }
        return steps.some(({ kind }) => kind === "wait") ? { requeueAfterMs: recheckMs } : {};
      },
    },
  };
};
