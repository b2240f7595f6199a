import { CelCheckError } from "../../cel/check-error.ts";
import type { Variable } from "../../cel/check.ts";
import { checkPolicy } from "../../cel/environment.ts";
import { compileNode, type Program } from "../../cel/run.ts";
import { celTypes, type CelType, listOf, mapOf, typeText } from "../../cel/types.ts";
import type { PolicySpec } from "./spec.ts";

/** One expression of a policy, ready to run on values in the order of its variables. */
export type Expression = { readonly text: string; readonly run: Program };

/** An expression that cannot be used; `field` is its path in the policy. */
export type ExpressionProblem = {
  readonly field: string;
  readonly text: string;
  readonly why: string;
};

/** A policy whose expressions are compiled. */
export type CompiledPolicy = {
  readonly matchConditions: readonly (Expression & { readonly name: string })[];
  readonly variables: readonly (Expression & { readonly name: string })[];
  readonly validations: readonly (Expression & {
    readonly message: string;
    readonly messageExpression?: Expression;
    readonly reason: string;
  })[];
  readonly auditAnnotations: readonly (Expression & { readonly key: string })[];
};

const record = (fields: Readonly<Record<string, CelType>>): CelType => ({
  name: "object",
  args: [],
  fields: new Map(Object.entries(fields)),
});

const { string: text, bool, dyn } = celTypes;
const gvk = record({ group: text, version: text, kind: text });
const gvr = record({ group: text, version: text, resource: text });
const user = record({
  username: text,
  uid: text,
  groups: listOf(text),
  extra: mapOf(text, listOf(text)),
});
const requestType = record({
  kind: gvk,
  resource: gvr,
  subResource: text,
  requestKind: gvk,
  requestResource: gvr,
  requestSubResource: text,
  name: text,
  namespace: text,
  operation: text,
  userInfo: user,
  dryRun: bool,
  options: dyn,
});
/** The types of what an expression may be about, where they are known: for warnings only. */
export type KnownTypes = { readonly object?: CelType; readonly params?: CelType };

/** The variables that all expressions have, in the order of their values. */
function baseVariables({ paramKind }: PolicySpec, known: KnownTypes): readonly Variable[] {
  const object = known.object ?? dyn;
  const params = { name: "params", type: known.params ?? dyn };
  return [
    { name: "object", type: object },
    { name: "oldObject", type: object },
    { name: "request", type: requestType },
    { name: "namespaceObject", type: dyn },
    // It has a field and functions, which no type of ours has together: the functions are checked.
    { name: "authorizer", type: dyn },
    // Without a paramKind nobody can say what they would be.
    { ...params, name: paramKind === undefined ? "\u0000params" : "params" },
  ];
}

type Wanted = "bool" | "string" | "any" | "string or null";

const fits: Readonly<Record<Wanted, (name: string) => boolean>> = {
  any: () => true,
  bool: (name) => name === "bool",
  string: (name) => name === "string",
  "string or null": (name) => name === "string" || name === "null_type" || name === "dyn",
};

type Compiled = { readonly expression: Expression; readonly type: CelType };

/** Compiles one after the other, and keeps the problems instead of throwing them. */
class Compiler {
  readonly problems: ExpressionProblem[] = [];

  compile(
    field: string,
    source: string,
    variables: readonly Variable[],
    wanted: Wanted,
  ): Compiled | undefined {
    try {
      const { node, slots } = checkPolicy(source, variables);
      if (fits[wanted](node.type.name))
        return { expression: { text: source, run: compileNode(node, slots) }, type: node.type };
      const why = `must evaluate to ${wanted}, not to ${typeText(node.type)}`;
      this.problems.push({ field, text: source, why });
    } catch (err) {
      if (!(err instanceof CelCheckError)) throw err;
      this.problems.push({ field, text: source, why: `compilation failed: ${err.message}` });
    }
    return undefined;
  }
}

/** The expressions of a policy, and every one that cannot be used. */
export function compilePolicy(
  spec: PolicySpec,
  known: KnownTypes = {},
): { readonly policy: CompiledPolicy; readonly problems: readonly ExpressionProblem[] } {
  const compiler = new Compiler();
  const base = baseVariables(spec, known);
  const list = <T, U>(
    items: readonly T[] | undefined,
    one: (item: T, at: number) => U | undefined,
  ) => (items ?? []).map(one).filter((made) => made !== undefined);
  const matchConditions = list(spec.matchConditions, ({ name, expression }, at) => {
    const field = `spec.matchConditions[${at}].expression`;
    const made = compiler.compile(field, expression, base, "bool");
    return made && { ...made.expression, name };
  });
  const types = new Map<string, CelType>();
  const withVariables = (): readonly Variable[] => [
    ...base,
    { name: "variables", type: { name: "variables", args: [], fields: new Map(types) } },
  ];
  const variables = list(spec.variables, ({ name, expression }, at) => {
    const field = `spec.variables[${at}].expression`;
    const made = compiler.compile(field, expression, withVariables(), "any");
    // One that failed must not make all that use it fail too.
    types.set(name, made?.type ?? dyn);
    return made && { ...made.expression, name };
  });
  const all = withVariables();
  const validations = list(spec.validations, (validation, at) => {
    const { expression, message = "", messageExpression = "", reason = "Invalid" } = validation;
    const path = `spec.validations[${at}]`;
    const made = compiler.compile(`${path}.expression`, expression, all, "bool");
    const silent = all.map((one) => (one.name === "authorizer" ? { ...one, name: "\u0000" } : one));
    const told =
      messageExpression === ""
        ? undefined
        : compiler.compile(`${path}.messageExpression`, messageExpression, silent, "string");
    const extra = told === undefined ? {} : { messageExpression: told.expression };
    return made && { ...made.expression, message, reason, ...extra };
  });
  const auditAnnotations = list(spec.auditAnnotations, ({ key, valueExpression }, at) => {
    const field = `spec.auditAnnotations[${at}].valueExpression`;
    const made = compiler.compile(field, valueExpression, all, "string or null");
    return made && { ...made.expression, key };
  });
  const policy = { matchConditions, variables, validations, auditAnnotations };
  return { policy, problems: compiler.problems };
}
