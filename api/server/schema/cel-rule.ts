import type { StatusCause } from "../../machinery/errors.ts";
import { type Segments, pathText } from "../../machinery/schema-path.ts";
import type { JsonSchemaProps, ValidationRule } from "../../machinery/schema-props.ts";
import { schemaAt } from "../../machinery/schema-field-path.ts";
import { checkRule } from "../cel/environment.ts";
import { CelBudgetError, compileNode, type Meter, type Program } from "../cel/run.ts";
import { type CelType, optionalOf } from "../cel/types.ts";
import { CelError, type CelValue, CelOptional, noValue } from "../cel/value.ts";
import type { CelType as Type } from "../cel/types.ts";

/** What one expression may cost at most when it runs, in Kubernetes' units. */
export const perRuleBudget = 1_000_000;

/** One rule, ready to run. */
export type CelRule = {
  /** Whether it compares with the value before: then it runs on updates only. */
  readonly isTransition: boolean;
  readonly optionalOldSelf: boolean;
  /** The cause when the rule is broken; `undefined` when it holds. Lowers the budget.
   * @throws CelBudgetError when the budget of the object is used up */
  check(site: RuleSite, budget: Meter): StatusCause | undefined;
};

/** The values that a rule is about. `before` is `undefined` where there is none. */
export type RuleSite = {
  readonly self: CelValue;
  readonly before: CelValue;
  readonly path: Segments;
  /** The value as it stands in the object, for messages. */
  readonly type: string;
};

/** The types of `self` and `oldSelf` of a rule. */
export function ruleVariables(
  self: CelType,
  optionalOldSelf: boolean,
): readonly { readonly name: string; readonly type: Type }[] {
  return [
    { name: "self", type: self },
    { name: "oldSelf", type: optionalOldSelf ? optionalOf(self) : self },
  ];
}

const causeReasons: ReadonlySet<string> = new Set([
  "FieldValueInvalid",
  "FieldValueForbidden",
  "FieldValueRequired",
  "FieldValueDuplicate",
]);

/** Structures are named by their type, as their text would bury the message. */
function shown({ self, type }: RuleSite): string {
  if (typeof self === "string") return JSON.stringify(self);
  const isScalar =
    typeof self === "bigint" || typeof self === "number" || typeof self === "boolean";
  return isScalar ? String(self) : JSON.stringify(type);
}

function causeOf(rule: ValidationRule, site: RuleSite, field: string, detail: string): StatusCause {
  const { reason = "FieldValueInvalid" } = rule;
  const known = causeReasons.has(reason) ? reason : "FieldValueInvalid";
  const opening: Readonly<Record<string, string>> = {
    FieldValueForbidden: "Forbidden",
    FieldValueRequired: "Required value",
    FieldValueDuplicate: `Duplicate value: ${shown(site)}`,
  };
  const message = known === "FieldValueDuplicate" ? opening[known] : undefined;
  const start = message ?? opening[known] ?? `Invalid value: ${shown(site)}`;
  return { reason: known, message: `${start}: ${detail}`, field };
}

type Run = (values: readonly CelValue[], budget: Meter) => CelValue;

/** What it costs to come to a rule, however short it is. */
const ruleCost = 15;

/** Runs with the limit of one expression, and takes what it cost from the budget of the object. */
function metered(program: Program): Run {
  return (values, budget) => {
    budget.left -= ruleCost;
    const allowed = Math.max(0, Math.min(perRuleBudget, budget.left));
    const meter = { left: allowed };
    try {
      return program(values, meter);
    } finally {
      budget.left -= allowed - Math.max(0, meter.left);
    }
  };
}

function compile(
  text: string,
  type: CelType,
  optionalOldSelf: boolean,
): { run: Run; uses: ReadonlySet<string> } {
  const { node, slots, uses } = checkRule(text, ruleVariables(type, optionalOldSelf));
  return { run: metered(compileNode(node, slots)), uses };
}

const maxMessageLength = 5 * 1024;

/** The message that an expression makes; one that cannot be used must not hide the breach. */
function messenger(
  rule: ValidationRule,
  type: CelType,
): (values: readonly CelValue[], budget: Meter) => string {
  const said = rule.message?.trim() ?? "";
  const fixed = said === "" ? `failed rule: ${rule.rule.trim()}` : said;
  if (rule.messageExpression === undefined) return () => fixed;
  const { run } = compile(rule.messageExpression, type, rule.optionalOldSelf === true);
  return (values, budget) => {
    try {
      const text = run(values, budget);
      if (typeof text !== "string") return fixed;
      const trimmed = text.trim();
      const fits = trimmed !== "" && trimmed.length <= maxMessageLength && !/[\n\r]/.test(trimmed);
      return fits ? trimmed : fixed;
    } catch (err) {
      if (err instanceof CelError || err instanceof CelBudgetError) return fixed;
      throw err;
    }
  };
}

const ruleText = ({ message = "", rule }: ValidationRule): string =>
  message.trim() === "" ? `rule: ${rule.trim()}` : message.trim();

function failure(rule: ValidationRule, err: unknown): string {
  const said = ruleText(rule);
  if (err instanceof CelBudgetError)
    return `'${err.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${said}`;
  if (!(err instanceof CelError)) throw err;
  if (err.message.startsWith("no such overload"))
    return `'${err.message}': call arguments did not match a supported operator, function or macro signature for rule: ${said}`;
  return `${err.message} evaluating rule: ${said}`;
}

/** Where a rule puts the blame: itself, or a field below it. */
function blamedPath({ fieldPath }: ValidationRule, schema: JsonSchemaProps): readonly string[] {
  if (fieldPath === undefined) return [];
  const found = schemaAt(schema, fieldPath);
  return typeof found === "string" ? [] : found.segments;
}

/** What a rule stands at: the schema, and the CEL type of its values. */
export type RulePlace = { readonly schema: JsonSchemaProps; readonly type: CelType };

/**
 * Compiles one rule.
 * @throws CelCheckError when the rule or its message is no valid CEL expression
 */
export function compileRule(rule: ValidationRule, { schema, type }: RulePlace): CelRule {
  const optionalOldSelf = rule.optionalOldSelf === true;
  const { run, uses } = compile(rule.rule, type, optionalOldSelf);
  const message = messenger(rule, type);
  const blamed = blamedPath(rule, schema);
  return {
    isTransition: uses.has("oldSelf"),
    optionalOldSelf,
    check(site, budget) {
      const { self, before, path } = site;
      const optional = before === undefined ? noValue : new CelOptional(true, before);
      const values = [self, optionalOldSelf ? optional : before];
      try {
        if (run(values, budget) === true) return undefined;
      } catch (err) {
        const cause = causeOf(
          { rule: rule.rule },
          { ...site, self: {} },
          pathText(path),
          failure(rule, err),
        );
        if (err instanceof CelBudgetError) throw new RuleStop(cause);
        return cause;
      }
      return causeOf(rule, site, pathText([...path, ...blamed]), message(values, budget));
    },
  };
}

/** No further rule is run: one cost too much. `cause` says which. */
export class RuleStop extends Error {
  override readonly name = "RuleStop";
  readonly stopped: StatusCause;
  constructor(stopped: StatusCause) {
    super(stopped.message);
    this.stopped = stopped;
  }
}
