import type {
  NodeConstraints,
  NodeRequirement,
  NodeSeen,
  NodeTerm,
  Taint,
  Toleration,
} from "./seen.ts";

type Test = (have: string | undefined, values: readonly string[]) => boolean;

const whole = (text: string | undefined): number => Number.parseInt(text ?? "", 10);

const tests = new Map<string, Test>([
  ["In", (have, values) => have !== undefined && values.includes(have)],
  ["NotIn", (have, values) => have === undefined || !values.includes(have)],
  ["Exists", (have) => have !== undefined],
  ["DoesNotExist", (have) => have === undefined],
  // Comparisons with what is no number are false.
  ["Gt", (have, [bound]) => whole(have) > whole(bound)],
  ["Lt", (have, [bound]) => whole(have) < whole(bound)],
]);

function holds({ operator, values }: NodeRequirement, have: string | undefined): boolean {
  return tests.get(operator)?.(have, values) === true;
}

const labelOf = ({ labels }: NodeSeen, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

/** Whether the Node is as one term asks. */
export function matchesTerm({ labels, fields }: NodeTerm, node: NodeSeen): boolean {
  if (labels.length + fields.length === 0) return false;
  return (
    labels.every((one) => holds(one, labelOf(node, one.key))) &&
    fields.every((one) => one.key === "metadata.name" && holds(one, node.name))
  );
}

/** Whether nodeSelector and required node affinity of a pod admit the Node. */
export function matchesNode({ labels, terms }: NodeConstraints, node: NodeSeen): boolean {
  const selected = Object.entries(labels).every(([key, value]) => labelOf(node, key) === value);
  return selected && (terms === undefined || terms.some((term) => matchesTerm(term, node)));
}

function tolerates(
  { key, operator = "Equal", value = "", effect }: Toleration,
  taint: Taint,
): boolean {
  if (effect !== undefined && effect !== "" && effect !== taint.effect) return false;
  if (key === undefined || key === "") return operator === "Exists";
  if (key !== taint.key) return false;
  return operator === "Exists" || (operator === "Equal" && value === taint.value);
}

/** The first taint that keeps the pod away from the Node. `PreferNoSchedule` keeps nobody away. */
export function untoleratedTaint(
  tolerations: readonly Toleration[],
  taints: readonly Taint[],
): Taint | undefined {
  return taints
    .filter(({ effect }) => effect === "NoSchedule" || effect === "NoExecute")
    .find((taint) => !tolerations.some((toleration) => tolerates(toleration, taint)));
}
