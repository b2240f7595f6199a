import { badRequest } from "../../machinery/errors.ts";
import { maxBodyValues, tooManyParts } from "../../machinery/json-size.ts";

/** A decoded body, and what a strict reader holds against it. */
export type Decoded = {
  readonly value: unknown;
  /** Paths of fields that were given twice; the last value won. */
  readonly duplicates: readonly string[];
};

/** What was decoded, with fields that were found twice before. */
export function withDuplicates(decoded: Decoded, duplicates: readonly string[]): Decoded {
  if (duplicates.length === 0) return decoded;
  return { value: decoded.value, duplicates: [...decoded.duplicates, ...duplicates] };
}

/**
 * Parses JSON and finds duplicate fields, which JSON.parse swallows.
 * @throws StatusError `BadRequest` for text that is no JSON, nested more than 500 deep, or with a
 *   field named `__proto__`; `RequestEntityTooLarge` for more values than anybody can need.
 */
export function parseJson(text: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw badRequest(`couldn't get version/kind; json parse error: ${why}`, { cause: err });
  }
  // Counting is cheap and nearly always enough: only unequal counts are looked into.
  const count = { fields: 0, values: 0 };
  countFields(value, count);
  const duplicates = count.fields === countPairs(text) ? [] : duplicateFields(text);
  return { value, duplicates };
}

// Everything that walks through an object calls itself at each level.
const maxDepth = 500;

type Count = { fields: number; values: number };

/**
 * Counts the fields of all objects inside, and with the items of lists all values.
 * @throws StatusError `BadRequest` on `__proto__`, or too deep; `RequestEntityTooLarge`
 */
function countFields(value: unknown, count: Count, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth >= maxDepth) throw badRequest(`Cannot read the body: exceeded max depth ${maxDepth}`);
  if (Array.isArray(value)) {
    count.values += value.length;
    if (count.values > maxBodyValues) throw tooManyParts(maxBodyValues);
    for (const item of value) countFields(item, count, depth + 1);
    return;
  }
  const fields = Object.keys(value);
  count.fields += fields.length;
  count.values += fields.length;
  if (count.values > maxBodyValues) throw tooManyParts(maxBodyValues);
  for (const field of fields) {
    // No API has such a field, and assigning to it would change an object's prototype.
    if (field === "__proto__") throw badRequest('Cannot read the body: "__proto__" is no field');
    countFields((value as Readonly<Record<string, unknown>>)[field], count, depth + 1);
  }
}

const quote = 34;
const backslash = 92;
const colon = 58;

/** Index of the quote that ends the string which starts at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  for (; end > 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

/** How many `"field": value` pairs a JSON text holds: its colons outside of strings. */
function countPairs(text: string): number {
  let pairs = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === quote) i = endOfString(text, i);
    else if (code === colon) pairs += 1;
  }
  return pairs;
}

type Frame = { readonly path: string; readonly fields?: Set<string>; field: string; index: number };

/** Paths of duplicate fields in a valid JSON text, e.g. `spec.containers[0].image`. */
function duplicateFields(text: string): readonly string[] {
  const found = new Set<string>();
  const stack: Frame[] = [];
  for (let i = 0; i < text.length; i++) {
    const top = stack.at(-1);
    switch (text[i]) {
      case "{":
        stack.push({ path: pathOf(top), fields: new Set(), field: "", index: 0 });
        break;
      case "[":
        stack.push({ path: pathOf(top), field: "", index: 0 });
        break;
      case "}":
      case "]":
        stack.pop();
        break;
      case ",":
        if (top !== undefined) top.index += 1;
        break;
      case '"': {
        const end = endOfString(text, i);
        if (top?.fields !== undefined && isField(text, end))
          note(top, text.slice(i, end + 1), found);
        i = end;
        break;
      }
      default:
        break;
    }
  }
  return [...found];
}

function pathOf(frame: Frame | undefined): string {
  if (frame === undefined) return "";
  if (frame.fields === undefined) return `${frame.path}[${frame.index}]`;
  return frame.path === "" ? frame.field : `${frame.path}.${frame.field}`;
}

const beforeColon = /\s*:/y;

function isField(text: string, endOfToken: number): boolean {
  beforeColon.lastIndex = endOfToken + 1;
  return beforeColon.test(text);
}

function note(frame: Frame, token: string, found: Set<string>): void {
  frame.field = JSON.parse(token) as string;
  if (frame.fields?.has(frame.field) === true) found.add(pathOf(frame));
  frame.fields?.add(frame.field);
}
