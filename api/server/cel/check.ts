import type { ASTNode } from "@marcbachmann/cel-js";
import type { FunctionTable } from "./function-table.ts";
import { CelCheckError } from "./check-error.ts";
import { argumentOf, constant, loopType, qualified, unsized } from "./check-nodes.ts";
import type { CelNode, LoopMacro } from "./ir.ts";
import { macroOf } from "./macros.ts";
import { parseCel } from "./parse.ts";
import { noOverloadText, resolveCall, wrongConstant } from "./overloads.ts";
import { celTypes, type CelType, joinTypes, listOf, mapOf, optionalOf, typeText } from "./types.ts";
import { CelTypeValue } from "./value.ts";

/** A variable that an expression may use. */
export type Variable = { readonly name: string; readonly type: CelType };

type Scope = ReadonlyMap<string, { readonly slot: number; readonly type: CelType }>;

const binary: ReadonlySet<string> = new Set([
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "+",
  "-",
  "*",
  "/",
  "%",
  "in",
]);
const typeNames: ReadonlySet<string> = new Set([
  "bool",
  "bytes",
  "double",
  "int",
  "list",
  "map",
  "null_type",
  "string",
  "type",
  "uint",
]);
/** An expression that was read and checked. */
export type Checked = {
  readonly node: CelNode;
  /** How many slots a frame needs; the variables come first, in their order. */
  readonly slots: number;
  /** Names of the variables that it uses. */
  readonly uses: ReadonlySet<string>;
};

/**
 * Reads an expression and resolves its names and types.
 * @throws CelCheckError when it does not parse, or does not fit the types of its variables
 */
export function checkCel(
  text: string,
  variables: readonly Variable[],
  functions: FunctionTable,
): Checked {
  return new Checker(text, functions).check(variables);
}

class Checker {
  readonly #text: string;
  readonly #functions: FunctionTable;
  readonly #uses = new Set<string>();
  #slots = 0;
  /** More than 0 inside of the arguments of `format`, where a list may mix types. */
  #mixing = 0;

  constructor(text: string, functions: FunctionTable) {
    this.#text = text;
    this.#functions = functions;
  }

  check(variables: readonly Variable[]): Checked {
    const scope = new Map(
      variables.map(({ name, type }) => [name, { slot: this.#slots++, type }] as const),
    );
    const node = this.#node(parseCel(this.#text), scope);
    return { node, slots: this.#slots, uses: this.#uses };
  }

  #fail(summary: string, { range }: ASTNode): never {
    throw new CelCheckError(summary, this.#text, range.start);
  }

  #node(ast: ASTNode, scope: Scope): CelNode {
    switch (ast.op) {
      case "value":
        return constant(ast.args);
      case "id":
        return this.#ident(ast, ast.args, scope);
      case ".":
      case ".?":
        return this.#select(ast, scope);
      case "&&":
      case "||":
        return this.#logic(ast, scope);
      case "?:":
        return this.#choice(ast, scope);
      case "list":
        return this.#list(ast.args, scope);
      case "map":
        return this.#map(ast.args, scope);
      case "call":
        return this.#call(ast, scope);
      case "rcall":
        return this.#method(ast, scope);
      default:
        return this.#operator(ast, scope);
    }
  }

  #operator(ast: ASTNode, scope: Scope): CelNode {
    if (ast.op === "!_" || ast.op === "-_") return this.#negation(ast, ast.args, scope);
    const name = ast.op === "[]" ? "_[_]" : ast.op === "[?]" ? "_[?_]" : `_${ast.op}_`;
    const known = binary.has(ast.op) || ast.op === "[]" || ast.op === "[?]";
    if (!known || !Array.isArray(ast.args)) return this.#fail(`unsupported ${ast.op}`, ast);
    const args = (ast.args as readonly ASTNode[]).map((arg) => this.#node(arg, scope));
    return this.#resolve(ast, name, args);
  }

  #negation(ast: ASTNode, inner: ASTNode, scope: Scope): CelNode {
    const { value } = (inner.op === "value" ? { value: inner.args } : {}) as { value?: unknown };
    if (ast.op === "-_" && typeof value === "bigint") return constant(-value);
    if (ast.op === "-_" && typeof value === "number") return constant(-value);
    return this.#resolve(ast, ast.op, [this.#node(inner, scope)]);
  }

  #ident(ast: ASTNode, name: string, scope: Scope): CelNode {
    const found = scope.get(name);
    if (found !== undefined) {
      this.#uses.add(name);
      return { op: "slot", slot: found.slot, type: found.type };
    }
    if (typeNames.has(name))
      return { op: "const", value: new CelTypeValue(name), type: celTypes.type };
    return this.#fail(`undeclared reference to '${name}' (in container '')`, ast);
  }

  #select(ast: ASTNode & { readonly op: "." | ".?" }, scope: Scope): CelNode {
    const [inner, field] = ast.args;
    const named = qualified(ast);
    if (named === "google.protobuf.Timestamp" || named === "google.protobuf.Duration")
      return { op: "const", value: new CelTypeValue(named), type: celTypes.type };
    const operand = this.#node(inner, scope);
    const optional = ast.op === ".?" || operand.type.name === "optional_type";
    const type = this.#fieldType(ast, operand.type, field);
    return { op: "select", operand, field, optional, type: optional ? optionalOf(type) : type };
  }

  #fieldType(ast: ASTNode, type: CelType, field: string): CelType {
    if (type.name === "optional_type") {
      const inner = this.#fieldType(ast, type.args[0] ?? celTypes.dyn, field);
      return inner.name === "optional_type" ? (inner.args[0] ?? inner) : inner;
    }
    if (type.fields !== undefined)
      return type.fields.get(field) ?? this.#fail(`undefined field '${field}'`, ast);
    // A size that is known of the values in general says nothing of a field by that name.
    if (type.name === "map") return unsized(type.args[1] ?? celTypes.dyn);
    if (type.name === "dyn") return celTypes.dyn;
    return this.#fail(`type '${typeText(type)}' does not support field selection`, ast);
  }

  #logic(ast: ASTNode & { readonly op: "&&" | "||" }, scope: Scope): CelNode {
    const [left, right] = ast.args.map((arg) => {
      const node = this.#node(arg, scope);
      this.#expectBool(arg, node);
      return node;
    }) as [CelNode, CelNode];
    return { op: ast.op === "&&" ? "and" : "or", left, right, type: celTypes.bool };
  }

  #expectBool(ast: ASTNode, { type }: CelNode): void {
    if (type.name !== "bool" && type.name !== "dyn")
      this.#fail(`expected type 'bool' but found '${typeText(type)}'`, ast);
  }

  #choice(ast: ASTNode & { readonly op: "?:" }, scope: Scope): CelNode {
    const [testAst, thenAst, elseAst] = ast.args;
    const test = this.#node(testAst, scope);
    this.#expectBool(testAst, test);
    const [yes, no] = [this.#node(thenAst, scope), this.#node(elseAst, scope)];
    const type = joinTypes(yes.type, no.type);
    const mixed = type.name === "dyn" && yes.type.name !== "dyn" && no.type.name !== "dyn";
    if (mixed) this.#noOverload(ast, "_?_:_", [test, yes, no]);
    return { op: "if", test, yes, no, type };
  }

  #list(items: readonly ASTNode[], scope: Scope): CelNode {
    const nodes = items.map((item) => this.#node(item, scope));
    const item = this.#common(items, nodes);
    return { op: "list", items: nodes, type: listOf(item, nodes.length) };
  }

  #map(entries: readonly (readonly [ASTNode, ASTNode])[], scope: Scope): CelNode {
    const nodes = entries.map(
      ([key, value]) => [this.#node(key, scope), this.#node(value, scope)] as const,
    );
    const key = this.#common(
      entries.map(([one]) => one),
      nodes.map(([one]) => one),
    );
    const value = this.#common(
      entries.map(([, one]) => one),
      nodes.map(([, one]) => one),
    );
    return { op: "map", entries: nodes, type: mapOf(key, value, nodes.length) };
  }

  /** Literals hold values of one type. */
  #common(asts: readonly ASTNode[], nodes: readonly CelNode[]): CelType {
    const [first] = nodes;
    if (first === undefined) return { name: "T", args: [] };
    let { type } = first;
    for (const [i, node] of nodes.entries()) {
      const joined = joinTypes(type, node.type);
      const mixed = joined.name === "dyn" && type.name !== "dyn" && node.type.name !== "dyn";
      if (mixed && this.#mixing === 0)
        this.#fail(
          `expected type '${typeText(type)}' but found '${typeText(node.type)}'`,
          asts[i] as ASTNode,
        );
      type = joined;
    }
    return type;
  }

  #call(ast: ASTNode & { readonly op: "call" }, scope: Scope): CelNode {
    const [name, args] = ast.args;
    if (name === "has") return this.#has(ast, args, scope);
    return this.#resolve(
      ast,
      name,
      args.map((arg) => this.#node(arg, scope)),
    );
  }

  #has(ast: ASTNode, args: readonly ASTNode[], scope: Scope): CelNode {
    const [arg] = args;
    if (args.length !== 1 || (arg?.op !== "." && arg?.op !== ".?"))
      return this.#fail("invalid argument to has() macro", ast);
    const [inner, field] = arg.args;
    const operand = this.#node(inner, scope);
    this.#fieldType(arg, operand.type, field);
    return { op: "has", operand, field, type: celTypes.bool };
  }

  #method(ast: ASTNode & { readonly op: "rcall" }, scope: Scope): CelNode {
    const [name, target, args] = ast.args;
    const full = `${qualified(target)}.${name}`;
    const isName = target.op === "id" && !scope.has(target.args);
    if (isName && full === "cel.bind") return this.#bind(ast, args, scope);
    if (isName && this.#functions.has(full))
      return this.#resolve(
        ast,
        full,
        args.map((arg) => this.#node(arg, scope)),
      );
    const macro = macroOf(name, args.length);
    if (macro !== undefined) return this.#loop(ast, macro, scope);
    if ((name === "optMap" || name === "optFlatMap") && args.length === 2)
      return this.#optMap(ast, scope);
    return this.#valueCall(ast, scope);
  }

  #valueCall(ast: ASTNode & { readonly op: "rcall" }, scope: Scope): CelNode {
    const [name, target, args] = ast.args;
    const receiver = this.#node(target, scope);
    const mixes = name === "format" ? 1 : 0;
    this.#mixing += mixes;
    const nodes = args.map((arg) => this.#node(arg, scope));
    this.#mixing -= mixes;
    return this.#resolve(ast, `.${name}`, [receiver, ...nodes]);
  }

  #variable(ast: ASTNode | undefined): string {
    if (ast?.op === "id") return ast.args;
    throw new CelCheckError("argument is not an identifier", this.#text, ast?.range.start ?? 0);
  }

  #bind(ast: ASTNode, args: readonly ASTNode[], scope: Scope): CelNode {
    const [variable, value, inner] = args;
    if (value === undefined || inner === undefined)
      return this.#fail("cel.bind() takes three arguments", ast);
    const init = this.#node(value, scope);
    const { slot, deeper } = this.#declare(scope, this.#variable(variable), init.type);
    const body = this.#node(inner, deeper);
    return { op: "bind", slot, init, body, type: body.type };
  }

  #declare(scope: Scope, name: string, type: CelType): { slot: number; deeper: Scope } {
    const slot = this.#slots++;
    return { slot, deeper: new Map(scope).set(name, { slot, type }) };
  }

  #optMap(ast: ASTNode & { readonly op: "rcall" }, scope: Scope): CelNode {
    const [name, targetAst, [variable, inner]] = ast.args;
    const target = this.#node(targetAst, scope);
    if (target.type.name !== "optional_type" && target.type.name !== "dyn")
      this.#noOverload(ast, name, [target]);
    const { slot, deeper } = this.#declare(
      scope,
      this.#variable(variable),
      target.type.args[0] ?? celTypes.dyn,
    );
    const body = this.#node(inner ?? ast, deeper);
    const flat = name === "optFlatMap";
    return {
      op: "optMap",
      flat,
      slot,
      target,
      body,
      type: flat ? body.type : optionalOf(body.type),
    };
  }

  #loop(
    ast: ASTNode & { readonly op: "rcall" },
    { macro, hasKey }: { readonly macro: LoopMacro; readonly hasKey: boolean },
    scope: Scope,
  ): CelNode {
    const [, target, args] = ast.args;
    const range = this.#node(target, scope);
    const [keyType, itemType] = this.#rangeTypes(target, range.type, hasKey);
    let inner = scope;
    let key: number | undefined;
    if (hasKey) {
      const declared = this.#declare(scope, this.#variable(args[0]), keyType);
      key = declared.slot;
      inner = declared.deeper;
    }
    const own = hasKey ? 1 : 0;
    const { slot: item, deeper } = this.#declare(inner, this.#variable(args[own]), itemType);
    const [first, second] = args.slice(own + 1).map((arg) => this.#node(arg, deeper));
    const body = second ?? first;
    if (body === undefined) return this.#fail("a macro has no body", ast);
    const filter = second === undefined ? undefined : first;
    const isTest = ["all", "exists", "existsOne", "filter"].includes(macro);
    if (isTest) this.#expectBool(args.at(-1) ?? ast, body);
    const type = loopType(macro, {
      item: itemType,
      key: keyType,
      body: body.type,
      range: range.type,
    });
    const common = { op: "loop", macro, range, item, body, type } as const;
    return {
      ...common,
      ...(key === undefined ? {} : { key }),
      ...(filter === undefined ? {} : { filter }),
    };
  }

  #rangeTypes(ast: ASTNode, type: CelType, hasKey: boolean): readonly [CelType, CelType] {
    const [first = celTypes.dyn, second = celTypes.dyn] = type.args;
    if (type.name === "list") return [celTypes.int, first];
    if (type.name === "map") return hasKey ? [first, second] : [first, first];
    if (type.name === "dyn") return [celTypes.dyn, celTypes.dyn];
    return this.#fail(
      `expression of type '${typeText(type)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      ast,
    );
  }

  #noOverload(ast: ASTNode, name: string, args: readonly CelNode[]): never {
    return this.#fail(noOverloadText(name, args), ast);
  }

  #resolve(ast: ASTNode, name: string, args: readonly CelNode[]): CelNode {
    const known = this.#functions.get(name);
    if (known === undefined) {
      const plain = name.replace(/^\./, "");
      return this.#fail(`undeclared reference to '${plain}' (in container '')`, ast);
    }
    const call = resolveCall(name, args, known);
    if (call === undefined) return this.#noOverload(ast, name, args);
    const wrong = wrongConstant(call);
    if (wrong !== undefined) this.#fail(wrong.summary, argumentOf(ast, wrong.at));
    return call;
  }
}
