import { matchesNode, untoleratedTaint } from "./node-match.ts";
import { Occupancy } from "./occupancy.ts";
import type { NodeSeen, PodSeen, Seen, Spread } from "./seen.ts";

/** A pod that gets a Node. */
export type Binding = { readonly pod: PodSeen; readonly node: string };

/** A pod that gets none, and why, as users know it from kubectl. */
export type Refusal = { readonly pod: PodSeen; readonly message: string };

/** What to do about every pending pod. */
export type Plan = {
  readonly bindings: readonly Binding[];
  readonly refusals: readonly Refusal[];
};

const noSpread: Spread = { by: [], maxPerNode: 0 };

function shortageText(resource: string): string {
  return resource === "pods" ? "Too many pods" : `Insufficient ${resource}`;
}

function refusalOfNode(pod: PodSeen, node: NodeSeen): string | undefined {
  const cordon = { key: "node.kubernetes.io/unschedulable", value: "", effect: "NoSchedule" };
  if (node.unschedulable && untoleratedTaint(pod.tolerations, [cordon]) !== undefined) {
    return "node(s) were unschedulable";
  }
  if (!matchesNode(pod.constraints, node)) {
    return "node(s) didn't match Pod's node affinity/selector";
  }
  if (!node.ready) return "node(s) were not ready";
  const taint = untoleratedTaint(pod.tolerations, node.taints);
  if (taint === undefined) return undefined;
  return `node(s) had untolerated taint {${taint.key}: ${taint.value}}`;
}

/** Why the pod cannot be on the Node; empty when it can. */
function refusalsOf(pod: PodSeen, place: Occupancy, spread: Spread): readonly string[] {
  const ofNode = refusalOfNode(pod, place.node);
  if (ofNode !== undefined) return [ofNode];
  if (place.hasPortClash(pod)) {
    return ["node(s) didn't have free ports for the requested pod ports"];
  }
  const { application, group } = pod;
  const { maxPerNode } = spread;
  if (application !== undefined && maxPerNode > 0) {
    if (place.slotsOf(application, group) >= maxPerNode) {
      return ["node(s) held as many slots of the Application as maxPerNode allows"];
    }
  }
  return place.shortages(pod).map(shortageText);
}

const domainOf = (node: NodeSeen, label: string): string =>
  // A Node without this label is a domain of its own: its name is unique.
  node.labels[label] ?? `\0${node.name}`;

/** Smaller is better, the first difference decides. */
type Score = readonly number[];

function compareScores(one: Score, other: Score): number {
  return one.map((value, index) => value - (other[index] ?? 0)).find((gap) => gap !== 0) ?? 0;
}

/** How many slots of the pod's Application each Node's domains hold, by label; then its load. */
function scoresOf(
  { application, group }: PodSeen,
  places: readonly Occupancy[],
  labels: readonly string[],
): (place: Occupancy) => Score {
  if (application === undefined) return (place) => [place.load()];
  const counts = labels.map((label) => {
    const byDomain = Map.groupBy(places, ({ node }) => domainOf(node, label));
    const slots = (members: readonly Occupancy[]): number =>
      members.reduce((sum, place) => sum + place.slotsOf(application, group), 0);
    return new Map(
      [...byDomain.values()].flatMap((members) => {
        const count = slots(members);
        return members.map((place) => [place, count] as const);
      }),
    );
  });
  return (place) => [...counts.map((count) => count.get(place) ?? 0), place.load()];
}

/** The emptiest domain by the first label, then by the next, then the least loaded Node. */
function choose(
  pod: PodSeen,
  fitting: readonly Occupancy[],
  places: readonly Occupancy[],
  { by }: Spread,
): Occupancy | undefined {
  const scoreOf = scoresOf(pod, places, by);
  const scored = fitting.map((place) => ({ place, score: scoreOf(place) }));
  // Places come sorted by name and the sort is stable: equal scores always end the same way.
  return scored.sort((one, other) => compareScores(one.score, other.score))[0]?.place;
}

/** `0/3 nodes are available: 2 Insufficient memory, 1 node(s) were unschedulable`. */
function refusalMessage(reasons: readonly string[], nodes: number): string {
  if (nodes === 0) return "0/0 nodes are available: no Node has joined";
  const counts = Map.groupBy(reasons, (reason) => reason);
  const shown = Array.from(counts, ([reason, all]) => ({ reason, count: all.length }))
    .sort((one, other) => other.count - one.count || (one.reason < other.reason ? -1 : 1))
    .map(({ reason, count }) => `${count} ${reason}`);
  return `0/${nodes} nodes are available: ${shown.join(", ")}`;
}

const text = (one: string, other: string): number => (one === other ? 0 : one < other ? -1 : 1);

/** Higher priority first, then who waits longer. */
const byTurn = (one: PodSeen, other: PodSeen): number =>
  other.priority - one.priority ||
  text(one.createdAt, other.createdAt) ||
  text(one.namespace, other.namespace) ||
  text(one.name, other.name);

/**
 * Finds a Node for every pending pod, each with the earlier ones in place. Property-tested: no
 * Node is ever asked for more than it can give, a pod that could be placed is, and the same world
 * always gives the same plan.
 */
export function planScheduling({ nodes, bound, pending, spreads }: Seen): Plan {
  const places = nodes
    .toSorted((one, other) => text(one.name, other.name))
    .map((node) => new Occupancy(node));
  const byName = new Map(places.map((place) => [place.node.name, place]));
  for (const pod of bound) byName.get(pod.node)?.add(pod);
  const bindings: Binding[] = [];
  const refusals: Refusal[] = [];
  for (const pod of pending.toSorted(byTurn)) {
    const spread = spreads.get(pod.application ?? "") ?? noSpread;
    const judged = places.map((place) => ({ place, reasons: refusalsOf(pod, place, spread) }));
    const fitting = judged.filter(({ reasons }) => reasons.length === 0).map(({ place }) => place);
    const chosen = choose(pod, fitting, places, spread);
    if (chosen === undefined) {
      const reasons = judged.flatMap(({ reasons }) => reasons);
      refusals.push({ pod, message: refusalMessage(reasons, places.length) });
    } else {
      chosen.add(pod);
      bindings.push({ pod, node: chosen.node.name });
    }
  }
  return { bindings, refusals };
}
