import { equalJson } from "../api/machinery/equality.ts";
import type { Node } from "../api/machinery/resources.ts";
import { annotation } from "../crds/labels.ts";
import { type HostFacts, taintId } from "./node.ts";

type NodeTaints = NonNullable<NonNullable<Node["spec"]>["taints"]>;

/** What of a Node discovery takes back or sets anew. */
export type Withdrawals = {
  /** Whether a label or annotation goes. */
  readonly isNeeded: boolean;
  /** Labels that go, as a merge patch wants them. */
  readonly labels: Readonly<Record<string, null>>;
  readonly annotations: Readonly<Record<string, null>>;
  /** All taints of the Node as they shall be; absent when they are so already. */
  readonly taints?: NodeTaints;
};

const listed = (node: Node, name: string): readonly string[] =>
  (node.metadata.annotations?.[name] ?? "").split(",").filter((part) => part !== "");

const nulls = (names: readonly string[]): Readonly<Record<string, null>> =>
  Object.fromEntries(names.map((name) => [name, null]));

const isSame = (one: NodeTaints[number], other: NodeTaints[number]): boolean =>
  taintId(one) === taintId(other) && (one.value ?? "") === (other.value ?? "");

/** The facts without taints that people set before discovery showed them: those stay theirs. */
export function claimable(node: Node, facts: HostFacts): HostFacts {
  if (facts.taints === undefined) return facts;
  const ours = listed(node, annotation.discoveredTaints);
  const theirs = new Set((node.spec?.taints ?? []).map(taintId).filter((id) => !ours.includes(id)));
  return { ...facts, taints: facts.taints.filter((taint) => !theirs.has(taintId(taint))) };
}

/**
 * What discovery once set at a Node and does not any more, and the taints with those of discovery
 * among them. Labels and taints of others are left alone: two annotations tell whose they are.
 */
export function withdrawals(node: Node, facts: HostFacts): Withdrawals {
  const labels = listed(node, annotation.discoveredLabels).filter(
    (key) => !Object.hasOwn(facts.labels, key),
  );
  const wanted = (facts.taints ?? []).map(({ key, value, effect }) =>
    value === undefined || value === "" ? { key, effect } : { key, value, effect },
  );
  const annotations = [
    ...(Object.keys(facts.labels).length === 0 ? [annotation.discoveredLabels] : []),
    ...(wanted.length === 0 ? [annotation.discoveredTaints] : []),
  ].filter((name) => node.metadata.annotations?.[name] !== undefined);
  const before = node.spec?.taints ?? [];
  // The one that stands there may carry the time at which it was added.
  const kept = wanted.map((taint) => before.find((one) => isSame(one, taint)) ?? taint);
  const ours = new Set([...listed(node, annotation.discoveredTaints), ...wanted.map(taintId)]);
  const after = [...before.filter((taint) => !ours.has(taintId(taint))), ...kept];
  const sorted = (taints: NodeTaints): NodeTaints =>
    taints.toSorted((one, other) => (taintId(one) < taintId(other) ? -1 : 1));
  return {
    isNeeded: labels.length + annotations.length > 0,
    labels: nulls(labels),
    annotations: nulls(annotations),
    ...(equalJson(sorted(before), sorted(after)) ? {} : { taints: after }),
  };
}
