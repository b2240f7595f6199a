import { findCondition, isConditionTrue } from "../../api/machinery/conditions.ts";
import type { Condition } from "../../api/machinery/conditions.ts";
import { isEligible, matchesLabels } from "../../api/machinery/node-eligibility.ts";
import type { Node, Pod } from "../../api/machinery/resources.ts";
import { parseTime } from "../../api/machinery/time.ts";
import { annotation } from "../../crds/labels.ts";
import type { Application, PodTemplate } from "../../crds/types.gen.ts";
import { defined } from "./defined.ts";
import type { NodeFacts } from "./pod-facts.ts";
import type { Slot } from "./seen.ts";

/** Whether the Node answers. One that never said so does not. */
export function isAnswering({ status }: Node): boolean {
  return isConditionTrue(status?.conditions as readonly Condition[] | undefined, "Ready");
}

/**
 * The slots that the Application asks for. With `perNode`, a Node that is cordoned keeps the slot
 * it has, and gets none; `occupied` names the Nodes that hold pods of the Application.
 */
export function slotsOf(
  application: Application,
  nodes: readonly Node[],
  occupied: ReadonlySet<string>,
): readonly Slot[] {
  const { replicas, placement } = application.spec;
  if (placement.perNode) {
    return nodes
      .filter((node) => isEligible(node, application))
      .filter(({ metadata, spec }) => spec?.unschedulable !== true || occupied.has(metadata.name))
      .map(({ metadata: { name } }) => ({ id: name, node: name }))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  }
  if (placement.nodes.length > 0) return placement.nodes.map((node) => ({ id: node, node }));
  return Array.from({ length: replicas ?? 1 }, (_, ordinal) => ({ id: String(ordinal) }));
}

/** What the Node of a pod says about it. `own` is the template that the pod was made from. */
export function nodeFacts(
  pod: Pod,
  node: Node | undefined,
  application: Application,
  own: PodTemplate,
): NodeFacts {
  if (pod.spec.nodeName === undefined) return { offline: false, misplaced: false, fits: true };
  if (node === undefined) return { offline: false, misplaced: true, fits: false };
  const isAllowed = matchesLabels(node, application.spec.placement.nodeSelector);
  const ready = findCondition(node.status?.conditions as readonly Condition[] | undefined, "Ready");
  return {
    offline: !isAnswering(node),
    ...defined({ answeringSinceMs: parseTime(ready?.lastTransitionTime ?? "") }),
    misplaced: !isAllowed || !matchesLabels(node, own.spec.nodeSelector),
    fits: isEligible(node, application) && node.spec?.unschedulable !== true,
  };
}

/**
 * Whether the pod waits for a Node that is gone: it was made for the one where its slot was. Not so
 * the pod of a slot that stands for a Node, which waits until that joins.
 */
export function isStranded({ metadata, spec }: Pod, nodes: ReadonlyMap<string, Node>): boolean {
  if (spec.nodeName !== undefined || metadata.annotations?.[annotation.slotNode] !== undefined)
    return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = required?.nodeSelectorTerms.flatMap(({ matchFields = [] }) => matchFields) ?? [];
  const names = fields.flatMap(({ key, values = [] }) => (key === "metadata.name" ? values : []));
  return names.length > 0 && !names.some((name) => nodes.has(name));
}
