import { beaconCondition } from "../../../crds/conditions.ts";
import { equalJson } from "../../machinery/equality.ts";
import { forbidden } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { nodeOfUsageRecord, usageNamespace } from "../../machinery/usage-record.ts";
import { beaconOfNode, type NodeGraph } from "../authz/node-graph.ts";
import { beaconOf } from "../authz/node-identity.ts";
import { beaconLeases, nodeLeases } from "../authz/node-rules.ts";
import { isObject, objectIn, objectsIn, textIn } from "../kinds/fill.ts";
import type { Body, JsonObject } from "../kinds/kind.ts";
import type { Admission, Review } from "./chain.ts";
import { nodeProblem } from "./node-restriction-nodes.ts";

/** A write of an agent. */
type AgentReview = Review & { readonly graph: NodeGraph; readonly beacon: string };

/** Why it is refused, as the end of a sentence; `undefined` when it is not. */
type Problem = string | undefined;

const notIts = "it may only write what belongs to its own nodes";

/** Two beacons must not fight over one engine: who came first keeps it until people decide. */
function engineProblem({ graph, name, object }: AgentReview): Problem {
  const providerId = textIn(objectIn(object ?? {}, "spec"), "providerID");
  if (providerId === "") return undefined;
  const others = [...graph.nodesOfEngine(providerId)].filter((node) => node !== name);
  const [node] = others;
  if (node === undefined) return undefined;
  const owner = graph.beaconOf(node) ?? "";
  const whose = owner === "" ? "of no beacon" : `of beacon "${owner}"`;
  return `engine ${providerId} is node "${node}" ${whose} already; remove that node, or its label lighthouse.dev/beacon, to hand the engine over`;
}

function judgeNode(review: AgentReview): Problem {
  const { operation, beacon, graph, object, before, subresource } = review;
  if (operation === "DELETE") {
    return before !== undefined && beaconOfNode(before) === beacon ? undefined : notIts;
  }
  if (object === undefined || (subresource !== "" && subresource !== "status")) return notIts;
  const problem = nodeProblem({ beacon, graph, object, before });
  return problem ?? (operation === "CREATE" ? engineProblem(review) : undefined);
}

const nodeNameOf = (pod: AnyObject | undefined): string =>
  textIn(isObject(pod?.["spec"]) ? pod["spec"] : {}, "nodeName");

function judgePod(review: AgentReview): Problem {
  const { graph, beacon, operation, subresource, before } = review;
  if (!graph.owns(beacon, nodeNameOf(before))) return notIts;
  if (operation === "DELETE") {
    const marked = before?.metadata.deletionTimestamp !== undefined;
    return marked ? undefined : "it may only remove pods whose deletion was asked for";
  }
  if (operation !== "UPDATE" || subresource !== "status") return "it may only write their status";
  return metadataProblem(review);
}

/** The status endpoint of Pods takes labels and annotations too: by those other parts give orders. */
function metadataProblem({ object, before }: AgentReview): Problem {
  const changed = (["labels", "annotations"] as const).find(
    (field) => !equalJson(object?.metadata[field] ?? {}, before?.metadata[field] ?? {}),
  );
  return changed === undefined ? undefined : `it may not change ${changed} through the status`;
}

function judgeLease({ graph, beacon, namespace, name }: AgentReview): Problem {
  const owns =
    namespace === beaconLeases
      ? name === beacon
      : namespace !== nodeLeases || graph.owns(beacon, name);
  return owns ? undefined : notIts;
}

function judgeConfigMap({ graph, beacon, namespace, name }: AgentReview): Problem {
  const node = namespace === usageNamespace ? nodeOfUsageRecord(name) : undefined;
  return node !== undefined && graph.owns(beacon, node) ? undefined : notIts;
}

/** What a Beacon's spec is when people said nothing. */
function plainSpec({ kind }: AgentReview): unknown {
  const empty: Body = { apiVersion: "", kind: "", metadata: {}, spec: {} };
  kind.strategy.setDefaults(empty);
  return empty["spec"];
}

/** What API servers say of the tunnel: by `server` they find, and dial, the one that holds it. */
const tunnelFields = ["server", "address", "lastSeen"] as const;

/** What is said of the tunnel stays what it was: an agent would write what it heard of it last, or worse. */
function keepConnected({ object, before }: AgentReview): void {
  const status = objectIn(object ?? {}, "status");
  if (status === undefined) return;
  const known = isObject(before?.["status"]) ? before["status"] : {};
  for (const field of tunnelFields) {
    if (known[field] === undefined) delete status[field];
    else status[field] = known[field];
  }
  const isTunnels = ({ type }: JsonObject): boolean => type === beaconCondition.connected;
  const own = objectsIn(status, "conditions").filter((one) => !isTunnels(one));
  const kept = objectsIn(known, "conditions");
  const conditions = [...own, ...kept.filter(isTunnels)];
  if (conditions.length > 0) status["conditions"] = conditions;
}

function judgeBeaconObject(review: AgentReview): Problem {
  const { beacon, name, operation, subresource, object } = review;
  if (name !== beacon) return notIts;
  if (operation === "CREATE" && subresource === "") {
    const plain = equalJson(object?.["spec"] ?? {}, plainSpec(review));
    return plain ? undefined : "what a beacon does is said by people: its spec must be empty";
  }
  if (operation !== "UPDATE" || subresource !== "status") return "it may only write the status";
  keepConnected(review);
  return undefined;
}

/** Who agents are in Events: they may not speak in the name of others. */
const agentComponent = "lighthouse-agent";

const componentOf = (event: JsonObject): string =>
  textIn(event, "reportingComponent") ||
  textIn(event, "reportingController") ||
  textIn(objectIn(event, "source") ?? objectIn(event, "deprecatedSource"), "component");

function isAboutOwn({ graph, beacon }: AgentReview, event: JsonObject): boolean {
  const about = objectIn(event, "involvedObject") ?? objectIn(event, "regarding");
  const [kind, name] = [textIn(about, "kind"), textIn(about, "name")];
  if (kind === "Beacon") return name === beacon;
  if (kind === "Node") return graph.owns(beacon, name);
  const pod = { namespace: textIn(about, "namespace"), name, uid: textIn(about, "uid") };
  return kind === "Pod" && graph.ownedPod(beacon, pod);
}

function judgeEvent(review: AgentReview): Problem {
  const { operation, object, before } = review;
  if (operation === "DELETE" || object === undefined) return notIts;
  const states = [object, ...(before === undefined ? [] : [before])] as readonly JsonObject[];
  if (!states.every((event) => isAboutOwn(review, event))) return notIts;
  const others = states.map(componentOf).filter((component) => component !== agentComponent);
  return others.length === 0
    ? undefined
    : `its events come from ${agentComponent}, not "${others[0] ?? ""}"`;
}

/** By `group/plural`. What is not here no agent may write unless RBAC says so. */
const judges: Readonly<Record<string, (review: AgentReview) => Problem>> = {
  "/nodes": judgeNode,
  "/pods": judgePod,
  "/configmaps": judgeConfigMap,
  "/events": judgeEvent,
  "events.k8s.io/events": judgeEvent,
  "coordination.k8s.io/leases": judgeLease,
  "lighthouse.dev/beacons": judgeBeaconObject,
};

/** What admission looks at. */
export type NodeRestrictionParts = { readonly graph: NodeGraph };

/**
 * Agents write only what belongs to their beacon, and of that only what is theirs to say, whatever RBAC
 * allows them: their Nodes without what people decide about them, the status of their Pods, their Leases,
 * the status of their Beacon, records of what was used on their Nodes, and Events about all these.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
 */
export function nodeRestriction({ graph }: NodeRestrictionParts): Admission {
  return {
    async admit(review) {
      const beacon = beaconOf(review.user);
      if (beacon === undefined) return;
      const { kind, object, name } = review;
      const judge = judges[`${kind.group}/${kind.plural}`];
      const which = object?.metadata.name ?? name;
      if (beacon === "") {
        const why = `user "${review.user.name}" is an agent of no beacon`;
        throw forbidden(kind, which, why);
      }
      const problem = judge?.({ ...review, name: which, graph, beacon });
      if (problem !== undefined) throw forbidden(kind, which, `beacon "${beacon}": ${problem}`);
    },
  };
}
