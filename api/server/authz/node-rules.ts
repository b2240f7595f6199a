import { label } from "../../../crds/labels.ts";
import { parseFieldSelector, pinnedField } from "../../machinery/field-selector.ts";
import { parseLabelSelector } from "../../machinery/selector-parse.ts";
import { nodeOfUsageRecord, usageNamespace } from "../../machinery/usage-record.ts";
import type { RequestInfo, ResourceInfo, Selectors } from "../objects/request-info.ts";
import type { NodeGraph } from "./node-graph.ts";
import { type NamedPlural, reference } from "./node-references.ts";

/**
 * What the node authorizer says: the right is there, it would be there if the object were the beacon's,
 * or it is nothing that agents do (RBAC may still allow it).
 */
export type Verdict =
  | { readonly is: "allowed" }
  | { readonly is: "foreign"; readonly why: string }
  | { readonly is: "no opinion" };

/** What a rule looks at. */
type Asked = {
  readonly graph: NodeGraph;
  /** Never empty. */
  readonly beacon: string;
  readonly verb: string;
  readonly resource: ResourceInfo;
  readonly selectors: Selectors | undefined;
};

type Rule = (asked: Asked) => Verdict;

const allowed: Verdict = { is: "allowed" };
const noOpinion: Verdict = { is: "no opinion" };
const foreign = (why: string): Verdict => ({ is: "foreign", why });

const unrelated = ({ beacon }: Asked): Verdict =>
  foreign(`no relationship found between beacon "${beacon}" and this object`);

const when = (holds: boolean, asked: Asked): Verdict => (holds ? allowed : unrelated(asked));

const one = new Set(["get", "update", "patch"]);
const many = new Set(["list", "watch"]);

/** Reads a selector; one that cannot be read confines nothing, and is refused when it is used. */
function reading<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined; // the request itself answers what is wrong with it
  }
}

function pinned({ selectors }: Asked, field: string): string | undefined {
  return reading(() => pinnedField(parseFieldSelector(selectors?.fields ?? ""), field));
}

/** Whether only objects with the label of this beacon can be selected. */
function labelsConfine({ selectors, beacon }: Asked): boolean {
  const requirements = reading(() => parseLabelSelector(selectors?.labels ?? "")) ?? [];
  return requirements.some(
    ({ key, operator, values }) =>
      key === label.beacon &&
      (operator === "=" || operator === "in") &&
      values.length === 1 &&
      values[0] === beacon,
  );
}

/** A Node of the beacon, or one that belongs to none and may be claimed. */
function isOpen({ graph, beacon, resource: { name } }: Asked): boolean {
  const owner = graph.beaconOf(name);
  return owner === beacon || owner === "";
}

const nodes: Rule = (asked) => {
  const { graph, beacon, verb, resource } = asked;
  if (verb === "create") return allowed;
  if (one.has(verb)) return when(isOpen(asked), asked);
  if (verb === "delete") return when(graph.owns(beacon, resource.name), asked);
  if (!many.has(verb)) return noOpinion;
  if (labelsConfine(asked)) return allowed;
  const hint = `can only ${verb} nodes with label selector ${label.beacon}=${beacon}, or one of its own by name`;
  if (resource.name === "") return foreign(hint);
  return graph.owns(beacon, resource.name) ? allowed : foreign(hint);
};

const nodeStatus: Rule = (asked) => {
  if (!one.has(asked.verb)) return noOpinion;
  return when(asked.graph.owns(asked.beacon, asked.resource.name), asked);
};

const ownsPod = ({ graph, beacon, resource }: Asked): boolean =>
  graph.ownsPod(beacon, resource.namespace, resource.name);

const pods: Rule = (asked) => {
  const { graph, beacon, verb, resource } = asked;
  if (verb === "get" || verb === "delete") return when(ownsPod(asked), asked);
  if (!many.has(verb)) return noOpinion;
  if (graph.owns(beacon, pinned(asked, "spec.nodeName") ?? "")) return allowed;
  if (resource.namespace !== "" && resource.name !== "" && ownsPod(asked)) return allowed;
  return foreign(`can only ${verb} pods with field selector spec.nodeName=NODE of its own Nodes`);
};

const podStatus: Rule = (asked) => (one.has(asked.verb) ? when(ownsPod(asked), asked) : noOpinion);

/** Objects that are read only because something of the beacon's names them. */
const named =
  (plural: NamedPlural): Rule =>
  (asked) => {
    const { graph, beacon, verb, resource } = asked;
    const { namespace, name } = resource;
    if (verb !== "get" && !many.has(verb)) return noOpinion;
    if (namespace === "" || name === "")
      return foreign(`can only ${verb} a single ${plural} object by name`);
    return when(graph.names(beacon, reference(plural, namespace, name)), asked);
  };

const configMapsNamed = named("configmaps");

/** Beside those that Pods name: the records of what namespaces used, which the agent keeps by name. */
const configMaps: Rule = (asked) => {
  const { graph, beacon, verb, resource } = asked;
  const node = nodeOfUsageRecord(resource.name);
  if (resource.namespace !== usageNamespace || node === undefined) return configMapsNamed(asked);
  const mayKeep = one.has(verb) || verb === "create";
  return mayKeep ? when(graph.owns(beacon, node), asked) : noOpinion;
};

const leaseVerbs = new Set([...one, ...many, "delete"]);

const leases: Rule = (asked) => {
  const { graph, beacon, verb, resource } = asked;
  const { namespace, name } = resource;
  const isOfNodes = namespace === nodeLeases;
  if (!isOfNodes && namespace !== beaconLeases) return noOpinion;
  if (verb === "create") return allowed;
  if (!leaseVerbs.has(verb)) return noOpinion;
  return when(isOfNodes ? graph.owns(beacon, name) : name === beacon, asked);
};

const ownBeacon =
  (...verbs: readonly string[]): Rule =>
  (asked) => {
    if (!verbs.includes(asked.verb)) return noOpinion;
    return when(asked.resource.name === asked.beacon, asked);
  };

const beacons: Rule = (asked) =>
  asked.verb === "create" ? allowed : ownBeacon("get", "list", "watch")(asked);

const events: Rule = ({ verb }) =>
  verb === "create" || verb === "update" || verb === "patch" ? allowed : noOpinion;

/** By `group/plural` or `group/plural/subresource`. */
const rules: Readonly<Record<string, Rule>> = {
  "/nodes": nodes,
  "/nodes/status": nodeStatus,
  "/pods": pods,
  "/pods/status": podStatus,
  "/secrets": named("secrets"),
  "/configmaps": configMaps,
  "/serviceaccounts": named("serviceaccounts"),
  "/events": events,
  "events.k8s.io/events": events,
  "coordination.k8s.io/leases": leases,
  "lighthouse.dev/beacons": beacons,
  "lighthouse.dev/beacons/status": ownBeacon("get", "update", "patch"),
  "lighthouse.dev/beacons/tunnel": ownBeacon("get"),
};

/** Where agents renew one Lease per Node, named as the Node. */
export const nodeLeases = "kube-node-lease";
/** Where the agents of one beacon agree who of them acts, by a Lease that is named as the beacon. */
export const beaconLeases = "lighthouse-node-lease";

/**
 * Whether the agent of a beacon may do something by what belongs to the beacon. Pure. What a creation
 * brings is not known yet: that is the admission `NodeRestriction` to judge.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/node/
 */
export function judgeBeacon(graph: NodeGraph, beacon: string, request: RequestInfo): Verdict {
  const { verb, resource, selectors } = request;
  if (resource === undefined || beacon === "") return noOpinion;
  const { group, plural, subresource } = resource;
  const key = `${group}/${plural}${subresource === "" ? "" : `/${subresource}`}`;
  const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
  return rule?.({ graph, beacon, verb, resource, selectors }) ?? noOpinion;
}
