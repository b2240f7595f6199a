import { invalidValue, tooLongValue, wrongType } from "./field-causes.ts";
import { numberRange, textFormat } from "./schema-format.ts";
import type { JsonSchemaProps, PatternCompiler } from "./schema-props.ts";
import { type Check, here, report, type Walk } from "./schema-walk.ts";

type NumberTest = { readonly holds: (value: number) => boolean; readonly want: string };

function bounds(schema: JsonSchemaProps): NumberTest[] {
  const { minimum: min, maximum: max } = schema;
  const tests: NumberTest[] = [];
  if (max !== undefined && schema.exclusiveMaximum === true)
    tests.push({ holds: (value) => value < max, want: `less than ${max}` });
  else if (max !== undefined)
    tests.push({ holds: (value) => value <= max, want: `less than or equal to ${max}` });
  if (min !== undefined && schema.exclusiveMinimum === true)
    tests.push({ holds: (value) => value > min, want: `greater than ${min}` });
  else if (min !== undefined)
    tests.push({ holds: (value) => value >= min, want: `greater than or equal to ${min}` });
  return tests;
}

/** 0.3 is a multiple of 0.1, though the division of the two doubles is not whole. */
function isMultiple(value: number, factor: number): boolean {
  const times = value / factor;
  return Math.abs(times - Math.round(times)) <= 1e-9 * Math.max(1, Math.abs(times));
}

function rangeOf(schema: JsonSchemaProps): Check | undefined {
  const range = schema.format === undefined ? undefined : numberRange(schema.format);
  if (range === undefined) return undefined;
  const [least, greatest] = range;
  return (value, walk) => {
    if (typeof value !== "number" || (value >= least && value <= greatest)) return;
    const path = here(walk);
    const detail = `${path} in body must be of type ${schema.format}: "${value}"`;
    report(walk, wrongType(path, value, detail));
  };
}

/** The checks of the keywords for numbers; texts and the rest pass. */
export function numberChecks(schema: JsonSchemaProps): Check[] {
  const tests = bounds(schema);
  const factor = schema.multipleOf;
  if (factor !== undefined)
    tests.push({ holds: (value) => isMultiple(value, factor), want: `a multiple of ${factor}` });
  const checks = tests.map(({ holds, want }): Check => {
    return (value, walk) => {
      if (typeof value !== "number" || holds(value)) return;
      const path = here(walk);
      report(walk, invalidValue(path, value, `${path} in body should be ${want}`));
    };
  });
  const range = rangeOf(schema);
  return range === undefined ? checks : [range, ...checks];
}

/** Characters as Kubernetes counts them: code points, not the halves of surrogate pairs. */
function length(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i += 1) {
    const high = text.charCodeAt(i);
    if (high >= 0xd800 && high <= 0xdbff) count -= 1;
  }
  return count;
}

type TextCheck = (text: string, walk: Walk) => void;

function lengthChecks({ minLength, maxLength }: JsonSchemaProps): TextCheck[] {
  const checks: TextCheck[] = [];
  if (maxLength !== undefined)
    checks.push((text, walk) => {
      if (text.length > maxLength && length(text) > maxLength)
        report(walk, tooLongValue(here(walk), maxLength));
    });
  if (minLength !== undefined)
    checks.push((text, walk) => {
      if (length(text) >= minLength) return;
      const path = here(walk);
      const detail = `${path} in body should be at least ${minLength} chars long`;
      report(walk, invalidValue(path, text, detail));
    });
  return checks;
}

function formatCheck(format: string): TextCheck | undefined {
  const fits = textFormat(format);
  if (fits === undefined) return undefined;
  return (text, walk) => {
    if (fits(text)) return;
    const path = here(walk);
    const detail = `${path} in body must be of type ${format}: ${JSON.stringify(text)}`;
    report(walk, wrongType(path, text, detail));
  };
}

/** The checks of the keywords for texts; numbers and the rest pass. */
export function textChecks(schema: JsonSchemaProps, compile: PatternCompiler): Check[] {
  const { pattern, format } = schema;
  const checks = lengthChecks(schema);
  if (pattern !== undefined) {
    const test = compile(pattern);
    checks.push((text, walk) => {
      if (test(text)) return;
      const path = here(walk);
      report(walk, invalidValue(path, text, `${path} in body should match '${pattern}'`));
    });
  }
  const formatted = format === undefined ? undefined : formatCheck(format);
  if (formatted !== undefined) checks.push(formatted);
  return checks.map((check): Check => {
    return (value, walk) => {
      if (typeof value === "string") check(value, walk);
    };
  });
}
