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

/** Of the tree, where `a && b && c` goes down a step with each word: what reads it calls itself. */
const maxTreeDepth = 500;

const isNode = (value: unknown): value is ASTNode =>
  typeof value === "object" && value !== null && "op" in value && "args" in value;

/** Whether a tree is deeper than those who walk it can stand. Does not call itself. */
function isTooDeep(root: ASTNode): boolean {
  const waiting: (readonly [unknown, number])[] = [[root, 1]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [value, depth] = next;
    if (depth > maxTreeDepth) return true;
    if (Array.isArray(value)) for (const item of value) waiting.push([item, depth]);
    else if (isNode(value)) waiting.push([value.args, depth + 1]);
  }
  return false;
}

/** Reads the syntax of an expression. @throws CelCheckError */
export function parseCel(text: string): ASTNode {
  const ast = parsed(text);
  if (!isTooDeep(ast)) return ast;
  const why = `expression recursion limit exceeded. limit: ${maxTreeDepth}`;
  throw new CelCheckError(`Syntax error: ${why}`, text, 0);
}

function parsed(text: string): ASTNode {
  try {
    return parser.parse(text).ast;
  } catch (err) {
    const { summary, range } = err as { summary?: string; range?: { start: number } };
    throw new CelCheckError(`Syntax error: ${summary ?? String(err)}`, text, range?.start ?? 0);
  }
}
