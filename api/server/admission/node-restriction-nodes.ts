import { annotation, label } from "../../../crds/labels.ts";
import { equalJson } from "../../machinery/equality.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { beaconOfNode, type NodeGraph } from "../authz/node-graph.ts";
import { isObject, objectsIn, textIn } from "../kinds/fill.ts";
import type { Body, JsonObject } from "../kinds/kind.ts";

/** A Node as an agent wants it. */
export type NodeWrite = {
  readonly beacon: string;
  readonly graph: Pick<NodeGraph, "asksForLabel">;
  readonly object: Body;
  /** Absent when it is made. */
  readonly before: AnyObject | undefined;
};

/** Labels of Kubernetes' own domains that agents may set, as kubelets may. */
const openLabels: ReadonlySet<string> = new Set([
  label.hostname,
  label.os,
  label.arch,
  label.region,
  label.zone,
  "node.kubernetes.io/instance-type",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
  "failure-domain.beta.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
]);
const openDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const closedDomains = ["kubernetes.io", "k8s.io"];

const isWithin = (domain: string, wider: string): boolean =>
  domain === wider || domain.endsWith(`.${wider}`);

/** Whether a label is one by which people keep hosts apart from each other, e.g. for secrets. */
function isClosed(key: string): boolean {
  const slash = key.indexOf("/");
  if (slash < 0 || openLabels.has(key)) return false;
  const domain = key.slice(0, slash);
  if (openDomains.some((open) => isWithin(domain, open))) return false;
  return closedDomains.some((closed) => isWithin(domain, closed));
}

function changedLabels({ object, before }: NodeWrite): readonly string[] {
  const [now, old] = [object.metadata.labels ?? {}, before?.metadata.labels ?? {}];
  const keys = new Set([...Object.keys(now), ...Object.keys(old)]);
  return [...keys].filter((key) => now[key] !== old[key]).sort();
}

function labelProblem(write: NodeWrite): string | undefined {
  const { beacon, graph, object, before } = write;
  const wanted = object.metadata.labels?.[label.beacon];
  const owner = before === undefined ? "" : beaconOfNode(before);
  if (owner !== "" && owner !== beacon) return `the node belongs to beacon "${owner}"`;
  if (wanted !== beacon) {
    return `label ${label.beacon} is "${wanted ?? ""}", expected "${beacon}"`;
  }
  const closed = changedLabels(write).filter(
    (key) => isClosed(key) && !graph.asksForLabel(beacon, key, object.metadata.labels?.[key]),
  );
  if (closed.length === 0) return undefined;
  return `is not allowed to modify labels: ${closed.join(", ")}`;
}

const specOf = (object: Body | AnyObject | undefined): JsonObject =>
  isObject(object?.["spec"]) ? object["spec"] : {};

const taintId = (taint: JsonObject): string => `${textIn(taint, "key")}:${textIn(taint, "effect")}`;

type Taints = ReadonlyMap<string, JsonObject>;

const taintsOf = (object: Body | AnyObject | undefined): Taints =>
  new Map(objectsIn(specOf(object), "taints").map((taint) => [taintId(taint), taint]));

/** The taints that an agent set by itself, and may take away: the others are of people. */
function discovered(object: Body | AnyObject | undefined): ReadonlySet<string> {
  const text = object?.metadata.annotations?.[annotation.discoveredTaints] ?? "";
  return new Set(text.split(",").filter((id) => id !== ""));
}

const controllersTaints = "node.kubernetes.io/";

function taintProblem({ object, before }: NodeWrite): string | undefined {
  const [now, old] = [taintsOf(object), taintsOf(before)];
  const ours = discovered(before);
  const isFree = (id: string): boolean => ours.has(id) && !id.startsWith(controllersTaints);
  const touched = [...old].filter(([id, taint]) => !equalJson(now.get(id), taint) && !isFree(id));
  if (touched.length > 0) {
    return `is not allowed to modify taints: ${touched.map(([id]) => id).join(", ")}`;
  }
  const claimed = [...discovered(object)].filter(
    (id) => !ours.has(id) && (old.has(id) || !now.has(id)),
  );
  if (claimed.length === 0) return undefined;
  return `is not allowed to claim taints that it did not set: ${claimed.join(", ")}`;
}

function specProblem({ object, before }: NodeWrite): string | undefined {
  if (before === undefined) return undefined;
  const [now, old] = [specOf(object), specOf(before)];
  const fields = new Set([...Object.keys(now), ...Object.keys(old)]);
  fields.delete("taints");
  // Who adopts a Node that nobody owned may say which engine it stands for, if nobody has yet.
  if (textIn(old, "providerID") === "") fields.delete("providerID");
  const changed = [...fields].filter((field) => !equalJson(now[field], old[field]));
  if (changed.length === 0) return undefined;
  return `is not allowed to modify spec: ${changed.sort().join(", ")}`;
}

/** Why an agent may not write a Node so, as the end of a sentence; `undefined` when it may. */
export function nodeProblem(write: NodeWrite): string | undefined {
  return labelProblem(write) ?? specProblem(write) ?? taintProblem(write);
}
