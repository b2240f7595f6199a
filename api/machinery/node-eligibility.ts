import type { Application, PodTemplate, Toleration } from "../../crds/types.gen.ts";
import type { Node } from "./resources.ts";

type Taint = NonNullable<NonNullable<Node["spec"]>["taints"]>[number];
type Labels = Readonly<Record<string, string>>;

/** Whether the Node carries all these labels. */
export function matchesLabels(node: Node, selector: Labels = {}): boolean {
  return Object.entries(selector).every(([key, value]) => node.metadata.labels?.[key] === value);
}

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

/**
 * Whether slots of the Application may be on the Node by its labels and taints. That it is away or
 * cordoned passes, and counts for nothing here.
 */
export function isEligible(node: Node, { spec }: Pick<Application, "spec">): boolean {
  const { placement, template } = spec;
  if (!matchesLabels(node, placement.nodeSelector)) return false;
  return matchesLabels(node, template.spec.nodeSelector) && !repels(node, template);
}
