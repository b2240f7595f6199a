import type { Cache } from "../api/client/informer.ts";
import { keyText, type Draft, type KubeObject, type ObjectKey } from "../api/machinery/object.ts";
import type { Pod } from "../api/machinery/resources.ts";
import { formatTime } from "../api/machinery/time.ts";
import { applicationReason } from "../crds/conditions.ts";
import type { PlannedRefusal, PlannedSlot, RolloutPlan } from "../crds/rollout-plan.ts";
import { applicationIndex, observe } from "./application/observe.ts";
import type { PlannedWorld } from "../api/machinery/planned-world.ts";
import {
  type ApplicationPreview,
  previewApplication,
  type PreviewSlot,
} from "./application/preview.ts";
import { imagePlaces } from "./preview-images.ts";
import { summaryOf } from "./preview-summary.ts";
import { observe as observeScheduling, waitsForUs } from "./scheduler/observe.ts";
import { planScheduling } from "./scheduler/plan.ts";

/** New pods times Nodes that one preview looks at: placing takes about a microsecond for each. */
const maxLooks = 400_000;

type Index<T> = (object: T, name: string) => readonly string[];

const keyOf = ({ metadata: { namespace, name } }: KubeObject): ObjectKey =>
  namespace === undefined ? { name } : { namespace, name };

/** Lists as the caches that controllers read. */
function cacheOf<T extends KubeObject>(
  objects: readonly T[],
  index: Index<T> = () => [],
): Cache<T> {
  const byKey = new Map(objects.map((object) => [keyText(keyOf(object)), object]));
  return {
    get: (key) => byKey.get(keyText(key)),
    list: (namespace) =>
      namespace === undefined
        ? objects
        : objects.filter(({ metadata }) => metadata.namespace === namespace),
    by: (name, value) => objects.filter((object) => index(object, name).includes(value)),
  };
}

const uidOf = (pod: string): string => `preview-${pod}`;

/** A pod that is not there yet, as the scheduler would see it. */
function asPending(draft: Draft<Pod>, nowMs: number): Pod {
  const { name = "" } = draft.metadata;
  const metadata = { ...draft.metadata, name, uid: uidOf(name) };
  return {
    ...draft,
    metadata: { ...metadata, creationTimestamp: formatTime(nowMs) },
  } as Pod;
}

type Placing = { readonly nodes: ReadonlyMap<string, string>; readonly refusals: Verdicts };
type Verdicts = ReadonlyMap<string, string>;

/** Where the scheduler would put the new pods, by slot, and why it would not. */
function placeNew(world: PlannedWorld, preview: ApplicationPreview): Placing {
  const most = Math.floor(maxLooks / Math.max(1, world.nodes.length));
  const looked = [...preview.pods].slice(0, most);
  const slotOf = new Map(looked.map(([slot, { name }]) => [uidOf(name), slot]));
  const pending = looked.map(([, { draft }]) => asPending(draft(), world.nowMs));
  const { application, nodes, pods } = world;
  const caches = {
    nodes: cacheOf(nodes),
    applications: cacheOf([application]),
    pods: cacheOf([...pods, ...pending], (pod) => (waitsForUs(pod) ? ["yes"] : [])),
  };
  const seen = observeScheduling(caches, new Map());
  if (seen === undefined) return { nodes: new Map(), refusals: new Map() };
  const plan = planScheduling(seen);
  const ours = <T>(uid: string, value: T): readonly (readonly [string, T])[] => {
    const slot = slotOf.get(uid);
    return slot === undefined ? [] : [[slot, value]];
  };
  return {
    nodes: new Map(plan.bindings.flatMap(({ pod, node }) => ours(pod.uid, node))),
    refusals: new Map(plan.refusals.flatMap(({ pod, message }) => ours(pod.uid, message))),
  };
}

function plannedSlot(slot: PreviewSlot, { nodes, refusals }: Placing): PlannedSlot {
  const { boundTo, isOffline, ...known } = slot;
  const { fromNode } = known;
  if (isOffline) {
    const message = `${fromNode ?? slot.slot} does not answer, the slot follows once it is back`;
    return { ...known, placement: "Kept", message };
  }
  const node = boundTo ?? nodes.get(slot.slot);
  if (node !== undefined) {
    const moved = fromNode === undefined ? "New" : "Moved";
    return { ...known, placement: fromNode === node ? "Kept" : moved, node };
  }
  const message = refusals.get(slot.slot);
  if (message !== undefined) return { ...known, placement: "None", message };
  return { ...known, placement: "Unknown", message: "too many slots to look for Nodes for all" };
}

function refusalsOf(slots: readonly PlannedSlot[]): readonly PlannedRefusal[] {
  return slots
    .filter(({ placement }) => placement === "None")
    .map(({ slot, message = "" }) => ({ slot, reason: applicationReason.unschedulable, message }));
}

/**
 * What would become of an Application, worked out by the functions that the controllers decide
 * with. Pure: the world is read and nothing is done.
 */
export function previewRollout(world: PlannedWorld): RolloutPlan {
  const { application } = world;
  const key = keyOf(application);
  const others = world.applications.filter((one) => keyText(keyOf(one)) !== keyText(key));
  const sources = {
    applications: cacheOf([...others, application]),
    revisions: cacheOf(world.revisions, applicationIndex),
    pods: cacheOf(world.pods, applicationIndex),
    nodes: cacheOf(world.nodes),
  };
  const subject = observe(sources, key, world.nowMs);
  if (subject === undefined) throw new Error(`Cannot plan ${keyText(key)}: it is being deleted`);
  const preview = previewApplication(subject);
  const { batches, revision, isNewRevision, fromRevision, action, order } = preview;
  const placing = placeNew(world, preview);
  const slots = preview.slots.map((slot) => plannedSlot(slot, placing));
  const images = action === "None" || action === "Held" ? [] : imagePlaces(world, preview, slots);
  const refusals = refusalsOf(slots);
  const { name, namespace } = application.metadata;
  const plan = {
    action,
    revision,
    isNewRevision,
    ...(fromRevision === undefined ? {} : { fromRevision }),
    order,
    isOrderDerived: application.spec.strategy.order === undefined,
    slots,
    batches,
    images,
    refusals,
  };
  return {
    kind: "RolloutPlan",
    apiVersion: "lighthouse.dev/v1",
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    summary: summaryOf(plan, preview),
    ...plan,
  };
}
