import type { StatusCause } from "./errors.ts";
import { labelValueProblems, qualifiedNameProblems } from "./names.ts";
import type { ObjectMeta } from "./object.ts";

/** meta/v1 LabelSelector as it stands in specs. An empty one selects everything. */
export type LabelSelector = {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    /** `In`, `NotIn`, `Exists` or `DoesNotExist`; anything else matches nothing. */
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
};

/**
 * One condition on one label. `!=` and `notin` also hold where the label is absent; `>` and `<`
 * compare integers and hold for nothing else.
 */
export type Requirement = {
  readonly key: string;
  readonly operator: "=" | "!=" | "in" | "notin" | "exists" | "!" | ">" | "<";
  /** One value for `=`, `!=`, `>` and `<`, none for `exists` and `!`. */
  readonly values: readonly string[];
};

/** Labels of an object, as in its metadata. */
export type Labels = ObjectMeta["labels"];

const labelOf = (labels: Labels, key: string): string | undefined =>
  labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "=":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case ">":
    case "<":
      return compares(operator, value, values[0]);
  }
}

/** The text as an integer of 64 bits, if it is one. */
export function integerOf(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ""));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function compares(
  operator: ">" | "<",
  left: string | undefined,
  right: string | undefined,
): boolean {
  const [have, bound] = [integerOf(left), integerOf(right)];
  if (have === undefined || bound === undefined) return false;
  return operator === ">" ? have > bound : have < bound;
}

/** Whether labels meet every requirement; without requirements they always do. */
export function matchesLabels(requirements: readonly Requirement[], labels: Labels): boolean {
  return requirements.every((requirement) => holds(requirement, labels));
}

const operators: Readonly<Record<string, Requirement["operator"]>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

/**
 * The requirements of a LabelSelector, or `undefined` for one that can match nothing: an absent
 * selector, or one with an operator we do not know.
 */
export function selectorRequirements(
  selector: LabelSelector | undefined,
): readonly Requirement[] | undefined {
  if (selector === undefined) return undefined;
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]) => ({ key, operator: "=", values: [value] }),
  );
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const known = Object.hasOwn(operators, operator) ? operators[operator] : undefined;
    if (known === undefined) return undefined;
    requirements.push({ key, operator: known, values });
  }
  return requirements;
}

/** Whether a LabelSelector selects an object with these labels. An absent one selects nothing. */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  const requirements = selectorRequirements(selector);
  return requirements !== undefined && matchesLabels(requirements, labels);
}

function requirementText({ key, operator, values }: Requirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "=":
    case "!=":
    case ">":
    case "<":
      return `${key}${operator}${values.join(",")}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${[...values].sort().join(",")})`;
  }
}

/** The text form that `labelSelector=` and `status.selector` take, sorted by key. */
export function selectorText(requirements: readonly Requirement[]): string {
  return [...requirements]
    .sort((left, right) => Number(left.key > right.key) - Number(left.key < right.key))
    .map(requirementText)
    .join(",");
}

/** What is wrong with one expression, in Kubernetes' words; `path` leads to it. */
function expressionCauses(
  expression: NonNullable<LabelSelector["matchExpressions"]>[number],
  path: string,
): readonly StatusCause[] {
  const { key, operator, values = [] } = expression;
  const causes: StatusCause[] = [];
  if (!Object.hasOwn(operators, operator)) {
    const message = `Invalid value: ${JSON.stringify(operator)}: not a valid selector operator`;
    causes.push({ reason: "FieldValueInvalid", message, field: `${path}.operator` });
  } else if (operator === "In" || operator === "NotIn") {
    const message = "Required value: must be specified when `operator` is 'In' or 'NotIn'";
    const field = `${path}.values`;
    if (values.length === 0) causes.push({ reason: "FieldValueRequired", message, field });
  } else if (values.length > 0) {
    const message = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    causes.push({ reason: "FieldValueForbidden", message, field: `${path}.values` });
  }
  causes.push(...invalidValues(qualifiedNameProblems(key), key, `${path}.key`));
  for (const [index, value] of values.entries()) {
    causes.push(...invalidValues(labelValueProblems(value), value, `${path}.values[${index}]`));
  }
  return causes;
}

function invalidValues(
  problems: readonly string[],
  value: string,
  field: string,
): readonly StatusCause[] {
  return problems.map((problem) => ({
    reason: "FieldValueInvalid",
    message: `Invalid value: ${JSON.stringify(value)}: ${problem}`,
    field,
  }));
}

/** What is wrong with a LabelSelector at `path`, e.g. `spec.selector`. Empty: nothing. */
export function selectorCauses(selector: LabelSelector, path: string): readonly StatusCause[] {
  const labels = Object.entries(selector.matchLabels ?? {}).flatMap(([key, value]) => [
    ...invalidValues(qualifiedNameProblems(key), key, `${path}.matchLabels`),
    ...invalidValues(labelValueProblems(value), value, `${path}.matchLabels`),
  ]);
  const expressions = (selector.matchExpressions ?? []).flatMap((expression, index) =>
    expressionCauses(expression, `${path}.matchExpressions[${index}]`),
  );
  return [...labels, ...expressions];
}
