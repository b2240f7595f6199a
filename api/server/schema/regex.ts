import { RE2JS } from "re2js";
import type { PatternCompiler } from "../../machinery/schema-props.ts";

/** Patterns kept compiled. CRDs repeat themselves, and CEL rules may compute patterns from data. */
const limit = 2_000;
const compiled = new Map<string, (text: string) => boolean>();

/**
 * Compiles a regular expression of a user: RE2 syntax, found anywhere in the text, time linear in
 * its length. Results are shared.
 * @throws Error on a pattern that is no RE2 expression
 */
export const compilePattern: PatternCompiler = (pattern) => {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const regex = RE2JS.compile(pattern);
  const test = (text: string): boolean => regex.matcher(text).find();
  if (compiled.size >= limit) compiled.clear();
  compiled.set(pattern, test);
  return test;
};

/** Every match of `pattern` in `text`, from the left, at most `max`. */
export function findMatches(text: string, pattern: string, max = Infinity): string[] {
  const matcher = RE2JS.compile(pattern).matcher(text);
  const found: string[] = [];
  for (let left = max; left > 0 && matcher.find(); left -= 1) found.push(matcher.group() ?? "");
  return found;
}
