import type { Cache } from "../../api/client/informer.ts";
import { keyText, type ObjectKey } from "../../api/machinery/object.ts";
import { controllerOf, isControlledBy } from "../../api/machinery/owner.ts";
import type { Node, Pod } from "../../api/machinery/resources.ts";
import { parseTime } from "../../api/machinery/time.ts";
import { applicationReason } from "../../crds/conditions.ts";
import { annotation, evictionHoldsMs, label } from "../../crds/labels.ts";
import type { Application, ImageDigest, PodTemplate, Revision } from "../../crds/types.gen.ts";
import { defined } from "./defined.ts";
import { type ConfigSource, wantedOf } from "./reload/config-version.ts";
import { contentHash } from "./hash.ts";
import { groupOf } from "./group/observe-group.ts";
import { memoryFrom } from "./memory.ts";
import { isAnswering, isStranded, nodeFacts, slotsOf } from "./placement.ts";
import { type NodeFacts, podSeen } from "./pod-facts.ts";
import { revisionName } from "./names.ts";
import type { RevisionSeen, Seen, Slot } from "./seen.ts";
import { strategyOf } from "./strategy.ts";

/** Index of pods and Revisions by the text key of their Application. */
export const byApplication = "application";

/** What the controller reads. */
export type Sources = {
  readonly applications: Cache<Application>;
  readonly revisions: Cache<Revision>;
  readonly pods: Cache<Pod>;
  readonly nodes: Cache<Node>;
  /** What templates reload on; absent where nobody follows it. */
  readonly config?: ConfigSource;
};

/** An Application as decisions see it, and the templates that its pods are made from. */
export type Subject = {
  readonly application: Application;
  readonly seen: Seen;
  /** By name of the Revision. */
  readonly templates: ReadonlyMap<string, PodTemplate>;
};

/** The key of the Application that manages an object, as the index files it; none if it is no child. */
export function applicationKeys(object: Pod | Revision): readonly ObjectKey[] {
  const owner = controllerOf(object);
  if (owner?.kind !== "Application") return [];
  const { namespace } = object.metadata;
  return [{ ...(namespace === undefined ? {} : { namespace }), name: owner.name }];
}

/** {@link applicationKeys} in text form. */
export const applicationIndex = (object: Pod | Revision): readonly string[] =>
  applicationKeys(object).map(keyText);

function imagesOf({ spec, status }: Revision): readonly ImageDigest[] {
  const all = [...(spec.images ?? []), ...(status?.images ?? [])];
  const byImage = new Map(all.map(({ image, digest }) => [image, digest]));
  return [...byImage].map(([image, digest]) => ({ image, digest }));
}

const msOf = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : parseTime(time);

function revisionSeen(revision: Revision): RevisionSeen {
  const { metadata, spec, status = {} } = revision;
  const { phase, outcome, reason, message } = status;
  return {
    name: metadata.name,
    uid: metadata.uid,
    number: spec.number,
    hash: spec.templateHash,
    content: contentHash(spec.template),
    ...defined({
      phase,
      outcome,
      reason,
      message,
      startedAtMs: msOf(status.startedAt),
      completedAtMs: msOf(status.completedAt),
    }),
    images: imagesOf(revision),
  };
}

const numberOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : undefined;

/** The first number from `least` on whose Revision is not one that an Application before left behind. */
function freeNumber(sources: Sources, { namespace, name }: ObjectKey, least: number): number {
  const isTaken = (number: number): boolean => {
    const key = {
      ...(namespace === undefined ? {} : { namespace }),
      name: revisionName(name, number),
    };
    return sources.revisions.get(key) !== undefined;
  };
  let number = least;
  while (isTaken(number)) number += 1;
  return number;
}

/** The hash that is asked for, and what is missing to know it, each since it was first told. */
function wantedSeen(
  application: Application,
  { config }: Sources,
  nowMs: number,
): Pick<Seen, "hash" | "missing"> {
  const { hash, missing } = wantedOf(application, config);
  if (missing.length === 0) return { hash };
  const told = application.status?.rollout?.waits ?? [];
  const since = ({ owner }: { readonly owner: string }): number | undefined =>
    msOf(
      told.find(
        (wait) => wait.owner === owner && wait.reason === applicationReason.waitingForConfig,
      )?.since,
    );
  return { hash, missing: missing.map((one) => ({ ...one, sinceMs: since(one) ?? nowMs })) };
}

function wishesOf({ metadata, spec }: Application) {
  const { annotations = {} } = metadata;
  return {
    name: metadata.name,
    content: contentHash(spec.template),
    running: spec.runState !== "Stopped",
    paused: spec.paused,
    historyLimit: spec.revisionHistoryLimit,
    ...defined({
      approved: annotations[annotation.approve],
      retryMs: msOf(annotations[annotation.retry]),
      rollbackTo: numberOf(annotations[annotation.rollbackTo]),
    }),
  };
}

/** Whether somebody asks the pod to leave its Node, and has not stopped asking. */
function isEvicting({ metadata }: Pod, nowMs: number): boolean {
  const askedMs = msOf(metadata.annotations?.[annotation.evict]);
  return askedMs !== undefined && askedMs + evictionHoldsMs > nowMs;
}

/** Nodes that slots belong to, that are cordoned, and that hold no pod: nothing is put there. */
function cordonedOf(
  slots: readonly Slot[],
  nodeOf: ReadonlyMap<string, Node>,
  occupied: ReadonlySet<string>,
): ReadonlySet<string> {
  const isDrained = (node: string): boolean =>
    nodeOf.get(node)?.spec?.unschedulable === true && !occupied.has(node);
  return new Set(slots.flatMap(({ node }) => (node !== undefined && isDrained(node) ? node : [])));
}

/** What Nodes say about pods, worked out once for each Node and template: pods are many more. */
function factsByNode(
  application: Application,
  nodeOf: ReadonlyMap<string, Node>,
): (pod: Pod, own: PodTemplate) => NodeFacts {
  const known = new Map<PodTemplate, Map<string, NodeFacts>>();
  return (pod, own) => {
    const { nodeName = "" } = pod.spec;
    const ofTemplate = known.get(own) ?? new Map<string, NodeFacts>();
    const facts =
      ofTemplate.get(nodeName) ?? nodeFacts(pod, nodeOf.get(nodeName), application, own);
    known.set(own, ofTemplate.set(nodeName, facts));
    return facts;
  };
}

/**
 * Everything known about one Application, from caches alone; `undefined` once it is gone or being
 * deleted: its children go by their owner references.
 */
export function observe(sources: Sources, key: ObjectKey, nowMs: number): Subject | undefined {
  const application = sources.applications.get(key);
  if (application === undefined || application.metadata.deletionTimestamp !== undefined)
    return undefined;
  const { uid } = application.metadata;
  const revisions = sources.revisions
    .by(byApplication, keyText(key))
    .filter((revision) => isControlledBy(revision, uid));
  const pods = sources.pods
    .by(byApplication, keyText(key))
    .filter((pod) => isControlledBy(pod, uid));
  const nodes = sources.nodes.list();
  const nodeOf = new Map(nodes.map((node) => [node.metadata.name, node]));
  const templates = new Map(revisions.map(({ metadata, spec }) => [metadata.name, spec.template]));
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const occupied = new Set(living.flatMap(({ spec }) => spec.nodeName ?? []));
  const slots = slotsOf(application, nodes, occupied);
  const isAway = ({ node }: { readonly node?: string }): boolean => {
    const known = node === undefined ? undefined : nodeOf.get(node);
    return known !== undefined && !isAnswering(known);
  };
  const factsOf = factsByNode(application, nodeOf);
  const seenPods = pods.map((pod) => {
    const own = templates.get(pod.metadata.labels?.[label.revision] ?? "");
    const facts = factsOf(pod, own ?? application.spec.template);
    return podSeen(pod, {
      ...facts,
      ...(isStranded(pod, nodeOf) ? { misplaced: true } : {}),
      ...(isEvicting(pod, nowMs) ? { evicting: true } : {}),
    });
  });
  const newest = Math.max(0, ...revisions.map(({ spec }) => spec.number));
  const cordoned = cordonedOf(slots, nodeOf, occupied);
  return {
    application,
    templates,
    seen: {
      ...wishesOf(application),
      ...wantedSeen(application, sources, nowMs),
      strategy: strategyOf(application, slots.length),
      slots,
      pods: seenPods.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
      revisions: revisions.map(revisionSeen),
      freeNumber: freeNumber(sources, key, newest + 1),
      offlineNodes: new Set([
        ...cordoned,
        ...slots.filter(isAway).flatMap(({ node }) => node ?? []),
      ]),
      unknownNodes: new Set(
        slots.flatMap(({ node }) => (node === undefined || nodeOf.has(node) ? [] : node)),
      ),
      cordonedNodes: cordoned,
      ...defined({ group: groupOf(sources, application) }),
      memory: memoryFrom(application.status),
    },
  };
}
