import { isConditionTrue } from "../../api/machinery/conditions.ts";
import type { Condition } from "../../api/machinery/conditions.ts";
import type { Node, Pod } from "../../api/machinery/resources.ts";
import type { Application, PodTemplate, Toleration } from "../../crds/types.gen.ts";
import type { NodeFacts } from "./pod-facts.ts";
import type { Slot } from "./seen.ts";

type Taint = NonNullable<NonNullable<Node["spec"]>["taints"]>[number];
type Labels = Readonly<Record<string, string>>;

const matches = (node: Node, selector: Labels = {}): boolean =>
  Object.entries(selector).every(([key, value]) => node.metadata.labels?.[key] === value);

function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some(({ key, operator, value, effect }) => {
    if (effect !== undefined && effect !== taint.effect) return false;
    if (key === undefined) return operator === "Exists";
    if (key !== taint.key) return false;
    return operator === "Exists" || (value ?? "") === (taint.value ?? "");
  });
}

/** Taints by which a Node tells that it is away for a while; its slots stay its slots. */
const passing = /^node\.kubernetes\.io\/(not-ready|unreachable|unschedulable)$/;

function repels({ spec }: Node, { spec: template }: PodTemplate): boolean {
  return (spec?.taints ?? []).some(
    (taint) =>
      taint.effect !== "PreferNoSchedule" &&
      !passing.test(taint.key) &&
      !isTolerated(taint, template.tolerations ?? []),
  );
}

/** Whether the Node answers. One that never said so does not. */
export function isAnswering({ status }: Node): boolean {
  return isConditionTrue(status?.conditions as readonly Condition[] | undefined, "Ready");
}

function isEligible(node: Node, { spec }: Application): boolean {
  const { placement, template } = spec;
  if (!matches(node, placement.nodeSelector) || !matches(node, template.spec.nodeSelector))
    return false;
  return !repels(node, template);
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
  const isAllowed = matches(node, application.spec.placement.nodeSelector);
  return {
    offline: !isAnswering(node),
    misplaced: !isAllowed || !matches(node, own.spec.nodeSelector),
    fits: isEligible(node, application) && node.spec?.unschedulable !== true,
  };
}
