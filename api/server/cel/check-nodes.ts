import type { ASTNode } from "@marcbachmann/cel-js";
import type { CelNode, LoopMacro } from "./ir.ts";
import { celTypes, type CelType, listOf, mapOf } from "./types.ts";
import { CelUint } from "./value.ts";

/** The type without what is known of the sizes of its values. */
export const unsized = ({ max: _max, ...type }: CelType): CelType => type;

/** The parser has a class of its own for unsigned numbers; its text is the number. */
const toBigInt = (value: unknown): bigint =>
  BigInt((value as { toString: () => string }).toString());

/** A value that is written out. */
export function constant(value: unknown): CelNode {
  const typed = (type: CelType, plain: unknown = value): CelNode => ({
    op: "const",
    value: plain,
    type,
  });
  if (typeof value === "bigint") return typed(celTypes.int);
  if (typeof value === "number") return typed(celTypes.double);
  if (typeof value === "string") return typed(celTypes.string);
  if (typeof value === "boolean") return typed(celTypes.bool);
  if (value === null) return typed(celTypes.null);
  if (value instanceof Uint8Array) return typed(celTypes.bytes);
  return typed(celTypes.uint, new CelUint(toBigInt(value)));
}

/** `a.b.c` as a text; empty for anything else. */
export function qualified(ast: ASTNode): string {
  if (ast.op === "id") return ast.args;
  if (ast.op !== ".") return "";
  const before = qualified(ast.args[0]);
  return before === "" ? "" : `${before}.${ast.args[1]}`;
}

type LoopTypes = {
  readonly key: CelType;
  readonly item: CelType;
  readonly body: CelType;
  readonly range: CelType;
};

/** What a macro yields. */
export function loopType(macro: LoopMacro, { key, item, body, range }: LoopTypes): CelType {
  switch (macro) {
    case "all":
    case "exists":
    case "existsOne":
      return celTypes.bool;
    case "filter":
      return listOf(item, range.max);
    case "map":
    case "transformList":
      return listOf(body, range.max);
    case "transformMap":
      return mapOf(key, body, range.max);
    case "transformMapEntry":
      return body.name === "map" ? { ...body } : celTypes.dyn;
  }
}

/** The place of an argument, the receiver first, for messages. */
export function argumentOf(ast: ASTNode, at: number): ASTNode {
  if (ast.op === "call") return ast.args[1][at] ?? ast;
  return ast.op === "rcall" ? (ast.args[2][at - 1] ?? ast) : ast;
}
