import { CelBudgetError, type Meter } from "../../cel/run.ts";
import { CelError, type CelValue } from "../../cel/value.ts";
import type { CompiledPolicy, Expression } from "./expressions.ts";

/** The values of the variables that all expressions share, in their order. */
export type BaseValues = readonly CelValue[];

/** Something that a policy says against a request. */
export type Finding = {
  readonly message: string;
  readonly reason: string;
  /** Which validation it was; absent when it was none. */
  readonly index?: number;
  /** The expression could not be judged: `failurePolicy` decides. */
  readonly failed: boolean;
  /** The policy could not even be run, as its binding is incomplete. */
  readonly unbound?: true;
};

/** What came of a policy. */
export type Verdict = {
  readonly findings: readonly Finding[];
  /** Values for the audit event, by key. */
  readonly annotations: Readonly<Record<string, string>>;
};

/**
 * What all expressions of one policy may cost for one request: some 30 ns a unit, so that nobody
 * waits longer than a blink for a policy that others wrote. Kubernetes allows ten times as much.
 */
const policyBudget = 1_000_000;

/** What a policy may cost for one request; what is begun anew draws from the same. */
export const policyMeter = (): Meter => ({ left: policyBudget });

const maxMessageLength = 5 * 1_024;
const maxAnnotationLength = 10 * 1_024;

/** How often an expression may be begun anew because the authorizer must be asked first. */
export const maxQuestions = 32;

const outOfBudget =
  "validation failed due to running out of cost budget, no further validation rules will be run";

/** Runs expressions on one request, with one budget for all. */
class Evaluation {
  readonly #base: BaseValues;
  readonly #meter: Meter;
  readonly #all: readonly CelValue[];

  constructor(base: BaseValues, { variables }: CompiledPolicy, meter: Meter) {
    this.#base = base;
    this.#meter = meter;
    const values: Record<string, CelValue> = {};
    this.#all = [...base, values];
    // Each is worked out when it is first used, and once.
    for (const variable of variables) {
      let known: { readonly value: CelValue } | undefined;
      const get = (): CelValue => (known ??= { value: this.#run(variable, this.#all) }).value;
      Object.defineProperty(values, variable.name, { get, enumerable: true });
    }
  }

  #run({ run }: Expression, values: readonly CelValue[]): CelValue {
    return run(values, this.#meter);
  }

  /** @throws CelError, CelBudgetError */
  condition(expression: Expression): boolean {
    return this.#run(expression, this.#base) === true;
  }

  /** @throws CelError, CelBudgetError */
  value(expression: Expression): CelValue {
    return this.#run(expression, this.#all);
  }
}

const failureText = ({ text }: Expression, err: unknown): string => {
  if (err instanceof CelBudgetError) return outOfBudget;
  if (err instanceof CelError)
    return `expression '${text.trim()}' resulted in error: ${err.message}`;
  throw err;
};

const failure = (message: string, index?: number): Finding => ({
  message,
  reason: "Invalid",
  failed: true,
  ...(index === undefined ? {} : { index }),
});

/** Whether all conditions hold; a failure counts only if no other one is false. */
function conditionsOf({ matchConditions }: CompiledPolicy, evaluation: Evaluation) {
  const failures: Finding[] = [];
  for (const condition of matchConditions) {
    try {
      if (!evaluation.condition(condition)) return { holds: false, failures: [] };
    } catch (err) {
      const why = failureText(condition, err);
      failures.push(failure(`failed to evaluate match condition "${condition.name}": ${why}`));
    }
  }
  return { holds: true, failures };
}

type Validation = CompiledPolicy["validations"][number];

function messageOf(validation: Validation, evaluation: Evaluation): string {
  const { message, messageExpression, text } = validation;
  const fixed = message.trim() === "" ? `failed expression: ${text.trim()}` : message.trim();
  if (messageExpression === undefined) return fixed;
  try {
    const told = evaluation.value(messageExpression);
    const trimmed = typeof told === "string" ? told.trim() : "";
    const isFit = trimmed !== "" && trimmed.length <= maxMessageLength && !/[\n\r]/.test(trimmed);
    return isFit ? trimmed : fixed;
  } catch (err) {
    if (err instanceof CelError || err instanceof CelBudgetError) return fixed;
    throw err;
  }
}

function findingOf(
  validation: Validation,
  index: number,
  evaluation: Evaluation,
): Finding | undefined {
  try {
    if (evaluation.value(validation) === true) return undefined;
  } catch (err) {
    return failure(failureText(validation, err), index);
  }
  const message = messageOf(validation, evaluation);
  return { message, reason: validation.reason, index, failed: false };
}

/**
 * What a policy says of one request and one set of parameters.
 * @throws whatever the authorizer throws to be asked again later
 */
export function evaluatePolicy(policy: CompiledPolicy, base: BaseValues, meter: Meter): Verdict {
  const evaluation = new Evaluation(base, policy, meter);
  const { holds, failures } = conditionsOf(policy, evaluation);
  if (!holds) return { findings: [], annotations: {} };
  if (failures.length > 0) return { findings: failures, annotations: {} };
  const findings: Finding[] = [];
  for (const [index, validation] of policy.validations.entries()) {
    const finding = findingOf(validation, index, evaluation);
    if (finding !== undefined) findings.push(finding);
    if (finding?.message === outOfBudget) break;
  }
  const annotations: Record<string, string> = {};
  for (const annotation of policy.auditAnnotations) {
    try {
      const value = evaluation.value(annotation);
      if (typeof value === "string" && value.trim() !== "")
        annotations[annotation.key] = value.trim().slice(0, maxAnnotationLength);
    } catch (err) {
      const why = failureText(annotation, err);
      findings.push(failure(`failed to evaluate audit annotation "${annotation.key}": ${why}`));
    }
  }
  return { findings, annotations };
}
