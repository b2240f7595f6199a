import { equalJson } from "../../machinery/equality.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { PodSpec } from "../../machinery/resources.ts";
import { isObject, objectIn, objectsIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import type { FinalReview } from "./chain.ts";

/** Something that Pods are, or are made from. */
export type PodTemplate = {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  /** Path of the spec in the object, e.g. `spec.template.spec`. */
  readonly path: string;
  /** Whether it is a Pod itself: what it may be is then decided now or never. */
  readonly isPod: boolean;
};

/** Endpoints of Pods through which nothing of what they run is changed. */
const harmless = new Set(["status", "binding", "eviction"]);

type Judged = Pick<FinalReview, "kind" | "operation" | "subresource">;

function isPodWrite({ kind, subresource }: Judged): boolean {
  return kind.group === "" && kind.plural === "pods" && !harmless.has(subresource);
}

/** Kinds of ours that carry a template; a Revision is what an Application rolls back to. */
const carriers = new Set(["applications", "revisions"]);

function isCarrierWrite({ kind, subresource }: Judged): boolean {
  return kind.group === "lighthouse.dev" && carriers.has(kind.plural) && subresource === "";
}

const annotationsOf = (holder: JsonObject | AnyObject | undefined) => {
  const metadata = isObject(holder?.["metadata"]) ? holder["metadata"] : undefined;
  return (objectIn(metadata ?? {}, "annotations") ?? {}) as Readonly<Record<string, string>>;
};

/** The template that a write is about; `undefined` for all other writes. */
export function templateIn(review: Judged, object: AnyObject): PodTemplate | undefined {
  if (review.operation === "DELETE") return undefined;
  const spec = isObject(object["spec"]) ? object["spec"] : undefined;
  if (spec === undefined) return undefined;
  if (isPodWrite(review)) {
    const annotations = object.metadata.annotations ?? {};
    return { annotations, spec: spec as unknown as PodSpec, path: "spec", isPod: true };
  }
  const template = isCarrierWrite(review) ? objectIn(spec, "template") : undefined;
  const inner = template === undefined ? undefined : objectIn(template, "spec");
  if (inner === undefined) return undefined;
  return {
    annotations: annotationsOf(template),
    spec: inner as unknown as PodSpec,
    path: "spec.template.spec",
    isPod: false,
  };
}

const lists = ["initContainers", "containers", "ephemeralContainers"] as const;

/** What runs: nothing else of a Pod can change once it is there, as far as policies care. */
function runs({ spec, annotations, isPod }: PodTemplate): unknown {
  if (!isPod) return [spec, annotations];
  const images = lists.map((list) =>
    objectsIn(spec as unknown as JsonObject, list).map(({ name, image }) => [name, image]),
  );
  return [images, annotations];
}

/**
 * The template whose contents this write changes; `undefined` where it leaves them as they were, so
 * that what came in before a policy did can still be labelled, scaled and deleted.
 */
export function changedTemplate(review: FinalReview): PodTemplate | undefined {
  const { object, before } = review;
  const now = templateIn(review, object);
  const earlier = before === undefined ? undefined : templateIn(review, before);
  if (now === undefined || earlier === undefined) return now;
  return equalJson(runs(now), runs(earlier)) ? undefined : now;
}
