import { Board } from "./board.ts";
import { matchesNode, matchesTerm, untoleratedTaint } from "./node-match.ts";
import type { Occupancy } from "./occupancy.ts";
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

/** Why what is on the Node leaves no room for the pod; empty when it can be there. */
function refusalsOfPlace(pod: PodSeen, place: Occupancy, spread: Spread): readonly string[] {
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

/** Smaller is better, the first difference decides. */
type Score = readonly number[];

function isBetter(one: Score, other: Score): boolean {
  const at = one.findIndex((value, index) => value !== other[index]);
  return at >= 0 && (one[at] ?? 0) < (other[at] ?? 0);
}

/**
 * Whether the slot is at home there; then what the pod wishes for; then how many slots of the pod's Application each of the Node's
 * domains holds; then its load.
 */
function scoreOf(pod: PodSeen, place: Occupancy, board: Board, { by }: Spread): Score {
  const wished = (pod.wishes ?? []).reduce(
    (sum, { weight, term }) => sum + (matchesTerm(term, place.node) ? weight : 0),
    0,
  );
  if (pod.application === undefined) return [-wished, place.load()];
  const around = by.map((label) => board.slotsAround(place, label, pod));
  return [place.isHome(pod.group) ? 0 : 1, -wished, ...around, place.load()];
}

/** Names of the only Nodes that the pod may be on, if its constraints name them. */
function namedNodes({ constraints: { terms } }: PodSeen): readonly string[] | undefined {
  const [term] = terms ?? [];
  if (terms?.length !== 1 || term === undefined) return undefined;
  return term.fields.find(({ key, operator }) => key === "metadata.name" && operator === "In")
    ?.values;
}

/** Pods of one template differ in nothing that a Node could mind. */
const shapeOf = ({ constraints, tolerations }: PodSeen): string =>
  JSON.stringify([constraints, tolerations]);

/** {@link refusalOfNode} for pods that come by the thousand and are all alike. */
function createJudge(): (pod: PodSeen) => (node: NodeSeen) => string | undefined {
  const known = new Map<string, Map<NodeSeen, string | undefined>>();
  return (pod) => {
    const shape = shapeOf(pod);
    const ofShape = known.get(shape) ?? new Map<NodeSeen, string | undefined>();
    known.set(shape, ofShape);
    return (node) => {
      if (!ofShape.has(node)) ofShape.set(node, refusalOfNode(pod, node));
      return ofShape.get(node);
    };
  };
}

/** What one pass decides with. */
type Desk = {
  readonly board: Board;
  readonly judge: ReturnType<typeof createJudge>;
};

/** Its home if that has room, else the emptiest domain by the first label, then by the next, then the least loaded Node. */
function choose(pod: PodSeen, { board, judge }: Desk, spread: Spread): Occupancy | undefined {
  const named = namedNodes(pod)
    ?.toSorted()
    .flatMap((name) => board.place(name) ?? []);
  const refusal = judge(pod);
  let best: { readonly place: Occupancy; readonly score: Score } | undefined;
  // Places come sorted by name: of equal ones always the same is taken.
  for (const place of named ?? board.places) {
    if (refusal(place.node) !== undefined) continue;
    const score = scoreOf(pod, place, board, spread);
    if (best !== undefined && !isBetter(score, best.score)) continue;
    // Last, as it costs most: few Nodes are better than the best so far.
    if (refusalsOfPlace(pod, place, spread).length === 0) best = { place, score };
  }
  return best?.place;
}

/** What each Node has against the pod. */
function refusalsOf(pod: PodSeen, { board, judge }: Desk, spread: Spread): readonly string[] {
  const refusal = judge(pod);
  return board.places.flatMap((place) => {
    const ofNode = refusal(place.node);
    return ofNode === undefined ? refusalsOfPlace(pod, place, spread) : [ofNode];
  });
}

/** As kube-scheduler words it: `0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient memory.` */
function refusalMessage(reasons: readonly string[], nodes: number): string {
  if (nodes === 0) return "0/0 nodes are available: no Node has joined.";
  const counts = Map.groupBy(reasons, (reason) => reason);
  const shown = Array.from(counts, ([reason, all]) => `${all.length} ${reason}`).sort();
  return `0/${nodes} nodes are available: ${shown.join(", ")}.`;
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
  const board = new Board(nodes, bound);
  const desk: Desk = { board, judge: createJudge() };
  const bindings: Binding[] = [];
  const refusals: Refusal[] = [];
  for (const pod of pending.toSorted(byTurn)) {
    const spread = spreads.get(pod.application ?? "") ?? noSpread;
    const chosen = choose(pod, desk, spread);
    if (chosen === undefined) {
      const reasons = refusalsOf(pod, desk, spread);
      refusals.push({ pod, message: refusalMessage(reasons, board.places.length) });
    } else {
      board.add(pod, chosen);
      bindings.push({ pod, node: chosen.node.name });
    }
  }
  return { bindings, refusals };
}
