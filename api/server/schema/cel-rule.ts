import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import type { StatusCause } from "../../machinery/errors.ts";
import { type Segments, pathText } from "../../machinery/schema-path.ts";
import type { ValidationRule } from "../../machinery/schema-props.ts";
import { isJsonObject } from "../../machinery/schema-value.ts";
import { addLibrary, type CelValue, linearMatches } from "./cel-library.ts";

/** One rule, ready to run. */
export type CelRule = {
  /** Whether it compares with the value before: then it runs on updates only. */
  readonly isTransition: boolean;
  readonly optionalOldSelf: boolean;
  /** The cause when the rule is broken; `undefined` when it holds. */
  check(self: CelValue, oldSelf: CelValue, path: Segments): StatusCause | undefined;
};

type Program = (context: Record<string, CelValue>) => CelValue;

/** What an expression may hold at most, so that parsing it takes little time and no deep stack. */
export const celLimits = {
  maxAstNodes: 20_000,
  maxDepth: 200,
  maxListElements: 1_000,
  maxMapEntries: 1_000,
  maxCallArguments: 32,
} as const;

const environment = addLibrary(
  new Environment({ enableOptionalTypes: true, limits: celLimits })
    .registerVariable("self", "dyn")
    .registerVariable("oldSelf", "dyn"),
);

const isNode = (value: unknown): value is ASTNode =>
  typeof value === "object" && value !== null && "op" in value && "args" in value;

/** Calls `visit` on `node` and all nodes below it. */
function visitAll(node: unknown, visit: (node: ASTNode) => void): void {
  if (Array.isArray(node)) for (const item of node) visitAll(item, visit);
  if (!isNode(node)) return;
  visit(node);
  visitAll(node.args, visit);
}

/**
 * The expression with every call of `matches` turned into one of {@link linearMatches}: a pattern
 * of a user must not be able to stop the server.
 */
function withLinearMatches(expression: string): string {
  const cuts: number[] = [];
  visitAll(environment.parse(expression).ast, (node) => {
    if (node.op === "rcall" && node.args[0] === "matches")
      cuts.push(expression.indexOf("matches", node.args[1].range.end));
  });
  // From the end, so that earlier positions stay true.
  return cuts
    .toSorted((a, b) => b - a)
    .reduce(
      (text, at) => text.slice(0, at) + linearMatches + text.slice(at + "matches".length),
      expression,
    );
}

/** The message of an error without the picture of the place that the CEL library draws below it. */
export function firstLine(err: unknown): string {
  return (err instanceof Error ? err.message : String(err)).split("\n", 1)[0] ?? "";
}

/** @throws Error when the expression does not parse, or calls what does not exist */
function compileExpression(expression: string): { run: Program; usesOldSelf: boolean } {
  const program = environment.parse(withLinearMatches(expression));
  const { valid, error } = program.check();
  if (!valid) throw new Error(`Cannot compile ${expression}: ${firstLine(error)}`);
  let usesOldSelf = false;
  visitAll(program.ast, (node) => {
    if (node.op === "id" && node.args === "oldSelf") usesOldSelf = true;
    if (node.op === "rcall" && node.args[0] === "matches")
      throw new Error(`Cannot compile ${expression}: write matches without a comment inside`);
  });
  return { run: (context): CelValue => program(context) as CelValue, usesOldSelf };
}

const causeReasons: ReadonlySet<string> = new Set([
  "FieldValueInvalid",
  "FieldValueForbidden",
  "FieldValueRequired",
  "FieldValueDuplicate",
]);

/** Structures are named by their type, as their text would bury the message. */
function shown(self: CelValue): string {
  if (Array.isArray(self)) return '"array"';
  if (isJsonObject(self)) return '"object"';
  if (self instanceof Date) return JSON.stringify(self.toISOString());
  return typeof self === "string" ? JSON.stringify(self) : String(self);
}

function causeOf(rule: ValidationRule, self: CelValue, field: string, detail: string): StatusCause {
  const { reason = "FieldValueInvalid" } = rule;
  const known = causeReasons.has(reason) ? reason : "FieldValueInvalid";
  const opening: Readonly<Record<string, string>> = {
    FieldValueForbidden: "Forbidden",
    FieldValueRequired: "Required value",
    FieldValueDuplicate: `Duplicate value: ${shown(self)}`,
  };
  const message = `${opening[known] ?? `Invalid value: ${shown(self)}`}: ${detail}`;
  return { reason: known, message, field };
}

/** `.spec.replicas` or `['a.b']` as segments. */
function relativePath(text: string): string[] {
  return [...text.matchAll(/\.([A-Za-z_][\w-]*)|\['((?:[^'\\]|\\.)*)'\]/g)].map(
    ([, name, quoted]) => name ?? quoted?.replaceAll(/\\(.)/g, "$1") ?? "",
  );
}

function messenger(rule: ValidationRule): (context: Record<string, CelValue>) => string {
  const fixed = rule.message ?? `failed rule: ${rule.rule.trim()}`;
  if (rule.messageExpression === undefined) return () => fixed;
  const { run } = compileExpression(rule.messageExpression);
  return (context) => {
    try {
      const text = run(context);
      return typeof text === "string" && text.trim() !== "" ? text.trim() : fixed;
    } catch {
      return fixed; // a message that cannot be made must not hide the breach
    }
  };
}

/**
 * Compiles one rule.
 * @throws Error when the rule or its message is no valid CEL expression
 */
export function compileRule(rule: ValidationRule): CelRule {
  const { run, usesOldSelf } = compileExpression(rule.rule);
  const message = messenger(rule);
  const blamed = rule.fieldPath === undefined ? [] : relativePath(rule.fieldPath);
  return {
    isTransition: usesOldSelf,
    optionalOldSelf: rule.optionalOldSelf === true,
    check(self, oldSelf, path) {
      const context = { self, oldSelf };
      const field = pathText([...path, ...blamed]);
      try {
        if (run(context) === true) return undefined;
      } catch (err) {
        const detail = `${firstLine(err)} evaluating rule: ${message(context)}`;
        return causeOf(rule, self, field, detail);
      }
      return causeOf(rule, self, field, message(context));
    },
  };
}
