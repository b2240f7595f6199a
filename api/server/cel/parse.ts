import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { CelCheckError } from "./check-error.ts";

/** What an expression may hold at most, so that reading it takes little time and no deep stack. */
const limits = {
  maxAstNodes: 20_000,
  maxDepth: 200,
  maxListElements: 1_000,
  maxMapEntries: 1_000,
  maxCallArguments: 32,
} as const;

const parser = new Environment({ enableOptionalTypes: true, limits });

/** Reads the syntax of an expression. @throws CelCheckError */
export function parseCel(text: string): ASTNode {
  try {
    return parser.parse(text).ast;
  } catch (err) {
    const { summary, range } = err as { summary?: string; range?: { start: number } };
    throw new CelCheckError(`Syntax error: ${summary ?? String(err)}`, text, range?.start ?? 0);
  }
}
