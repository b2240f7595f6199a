import type { StatusCause } from "../../machinery/errors.ts";
import {
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../machinery/field-causes.ts";
import { schemaAt } from "../../machinery/schema-field-path.ts";
import type { JsonSchemaProps, ValidationRule } from "../../machinery/schema-props.ts";
import type { Checked } from "../cel/check.ts";
import { CelCheckError } from "../cel/check-error.ts";
import { checkRule } from "../cel/environment.ts";
import { estimateCost } from "../cel/estimate.ts";
import { ruleVariables } from "./cel-rule.ts";
import { mostOccurrences, schemaType, type SchemaType, withTypeAndNames } from "./cel-types.ts";

/** How strictly rules are looked at. */
export type RuleCheckOptions = {
  /** Whether single rules may cost more than the limit: they were accepted before. */
  readonly allowsCost?: boolean;
};

/** Limits of what rules may cost by estimate: each, and all of one schema. */
const ruleLimit = 10_000_000;
const schemaLimit = 100_000_000;

/** What is known on the way down. */
type Place = {
  readonly at: string;
  readonly isRoot: boolean;
  /** How often the value can occur in one object; infinite when nothing bounds it. */
  readonly times: number;
  /** The part around it in which values before and after an update cannot be told apart. */
  readonly blurred?: string;
};

type Cost = { readonly field: string; readonly cost: number };
type Look = {
  readonly causes: StatusCause[];
  readonly costs: Cost[];
  readonly options: RuleCheckOptions;
};

const reasons = [
  "FieldValueDuplicate",
  "FieldValueForbidden",
  "FieldValueInvalid",
  "FieldValueRequired",
];
const hasBreak = (text: string): boolean => /[\n\r]/.test(text);

/** The text of a rule; what is missing is empty, as it is to readers in Go. */
const textOf = ({ rule }: Partial<ValidationRule>): string => rule ?? "";

function messageCauses(given: ValidationRule, at: string): StatusCause[] {
  const { message } = given;
  const rule = textOf(given);
  const said = message?.trim() ?? "";
  if (rule.trim() === "") return [requiredValue(`${at}.rule`, "rule is not specified")];
  if (message !== undefined && message !== "" && said === "")
    return [invalidValue(`${at}.message`, message, "must be non-empty if specified")];
  if (hasBreak(said))
    return [invalidValue(`${at}.message`, message, "must not contain line breaks")];
  if (hasBreak(rule.trim()) && said === "")
    return [
      requiredValue(`${at}.message`, "message must be specified if rule contains line breaks"),
    ];
  return [];
}

/** What is wrong with a rule besides its expressions. */
function formCauses(rule: ValidationRule, schema: JsonSchemaProps, at: string): StatusCause[] {
  const causes = messageCauses(rule, at);
  const { messageExpression = "", reason, fieldPath = "" } = rule;
  if (messageExpression !== "" && messageExpression.trim() === "")
    causes.push(
      requiredValue(`${at}.messageExpression`, "messageExpression must be non-empty if specified"),
    );
  if (reason !== undefined && !reasons.includes(reason))
    causes.push(unsupportedValue(`${at}.reason`, reason, reasons));
  const path = (detail: string): StatusCause => invalidValue(`${at}.fieldPath`, fieldPath, detail);
  if (fieldPath !== "" && fieldPath.trim() === "")
    causes.push(path("must be non-empty if specified"));
  if (hasBreak(fieldPath)) causes.push(path("must not contain line breaks"));
  if (fieldPath !== "" && typeof schemaAt(schema, fieldPath) === "string")
    causes.push(path("must be a valid path"));
  return causes;
}

function factorText(cost: number, limit: number): string {
  const factor = cost / limit;
  if (factor > 100) return "more than 100x";
  return factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
}

const costText = (what: string, cost: number, limit: number): string =>
  `${what} exceeds budget by factor of ${factorText(cost, limit)} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;

/** An expression that was checked, or why it cannot be used. */
function attempt(text: string, type: SchemaType, rule: ValidationRule): Checked | string {
  try {
    return checkRule(text, ruleVariables(type.type, rule.optionalOldSelf === true));
  } catch (err) {
    if (err instanceof CelCheckError) return err.message;
    throw err;
  }
}

const product = (left: number, right: number): number =>
  left === 0 || right === 0 ? 0 : left * right;

type Expression = { readonly text: string; readonly field: string; readonly what: string };

/** Notes what an expression may cost, and complains when that is too much for one. */
function weigh(checked: Checked, { field, what }: Expression, times: number, look: Look): void {
  const cost = product(estimateCost(checked.node).max, times);
  look.costs.push({ field, cost });
  if (cost > ruleLimit && look.options.allowsCost !== true)
    look.causes.push(forbiddenValue(field, costText(`estimated ${what} cost`, cost, ruleLimit)));
}

function ruleExpression(rule: ValidationRule, type: SchemaType, place: Place, look: Look): void {
  const { at, times, blurred } = place;
  const field = `${at}.rule`;
  const checked = attempt(rule.rule, type, rule);
  const wrong = (detail: string): void => {
    look.causes.push(invalidValue(field, rule.rule, detail));
  };
  if (typeof checked === "string") return wrong(`compilation failed: ${checked}`);
  if (checked.node.type.name !== "bool") return wrong("cel expression must evaluate to a bool");
  const most = Number.isFinite(times) ? times : mostOccurrences(type);
  weigh(checked, { text: rule.rule, field, what: "rule" }, most, look);
  messageCheck(rule, type, place, look);
  if (checked.uses.has("oldSelf")) {
    if (blurred !== undefined)
      wrong(`oldSelf cannot be used on the uncorrelatable portion of the schema within ${blurred}`);
  } else if (rule.optionalOldSelf !== undefined) {
    const detail = "may not be set if oldSelf is not used in rule";
    look.causes.push(invalidValue(`${at}.optionalOldSelf`, rule.optionalOldSelf, detail));
  }
}

function messageCheck(rule: ValidationRule, type: SchemaType, { at }: Place, look: Look): void {
  const text = rule.messageExpression;
  if (text === undefined || text === "") return;
  const field = `${at}.messageExpression`;
  const checked = attempt(text, type, rule);
  const wrong = (detail: string): void => {
    look.causes.push(invalidValue(field, text, detail));
  };
  if (typeof checked === "string") return wrong(`messageExpression compilation failed: ${checked}`);
  if (checked.node.type.name !== "string")
    return wrong("messageExpression must evaluate to a string");
  weigh(checked, { text, field, what: "messageExpression" }, 1, look);
}

function levelCauses(schema: JsonSchemaProps, place: Place, look: Look): void {
  const rules = schema["x-kubernetes-validations"] ?? [];
  const type = rules.length === 0 ? undefined : schemaType(schema, place.isRoot);
  const whole = place.isRoot ? withTypeAndNames(schema) : schema;
  for (const [i, rule] of rules.entries()) {
    const at = `${place.at}.x-kubernetes-validations[${i}]`;
    const causes = formCauses(rule, whole, at);
    look.causes.push(...causes);
    if (causes.length > 0 || textOf(rule).trim() === "") continue;
    if (type === undefined)
      look.causes.push(
        invalidValue(`${at}.rule`, rule.rule, "the schema does not say enough for a rule about it"),
      );
    else ruleExpression(rule, type, { ...place, at }, look);
  }
}

/** How often each value below can occur for one of this. */
function spread(schema: JsonSchemaProps): number {
  if (schema.type === "array") return schema.maxItems ?? Infinity;
  if (schema.type === "object" && schema.additionalProperties !== undefined)
    return schema.maxProperties ?? Infinity;
  return 1;
}

function walk(schema: JsonSchemaProps, place: Place, look: Look): void {
  levelCauses(schema, place, look);
  const { at, blurred } = place;
  const times = product(place.times, spread(schema));
  const inner = { isRoot: false, times, ...(blurred === undefined ? {} : { blurred }) };
  if (typeof schema.additionalProperties === "object")
    walk(schema.additionalProperties, { ...inner, at: `${at}.additionalProperties` }, look);
  const isAtomic = schema["x-kubernetes-map-type"] === "atomic";
  const fields = isAtomic ? { ...inner, blurred: blurred ?? at } : inner;
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    walk(property, { ...fields, at: `${at}.properties[${name}]` }, look);
  if (schema.items === undefined) return;
  const isKeyed = schema["x-kubernetes-list-type"] === "map";
  const items = isKeyed ? inner : { ...inner, blurred: blurred ?? at };
  walk(schema.items, { ...items, at: `${at}.items` }, look);
}

function totalCauses(costs: readonly Cost[], at: string): StatusCause[] {
  const total = costs.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= schemaLimit) return [];
  const dear = costs
    .filter(({ cost }) => cost >= schemaLimit / 100)
    .sort((left, right) => right.cost - left.cost)
    .slice(0, 4);
  const said =
    "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
  const what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
  return [
    ...dear.map(({ field }) => forbiddenValue(field, said)),
    forbiddenValue(at, costText(what, total, schemaLimit)),
  ];
}

/**
 * Why the CEL rules of a structural schema cannot be used: each is checked against the types that
 * the schema declares, so that a misspelt field is found before any object is, and what it may cost
 * is estimated from the sizes that the schema allows. `at` is the path of the schema in its CRD.
 */
export function ruleCauses(
  schema: JsonSchemaProps,
  at: string,
  options: RuleCheckOptions = {},
): readonly StatusCause[] {
  const look: Look = { causes: [], costs: [], options };
  walk(schema, { at, isRoot: true, times: 1 }, look);
  return [...look.causes, ...totalCauses(look.costs, at)];
}
