import { compilePattern, findMatches } from "../schema/regex.ts";
import { costs } from "./cost.ts";
import { formatText } from "./format-text.ts";
import type { FunctionEntry } from "./function-table.ts";
import { CelError, type CelValue } from "./value.ts";

/** No text of a request is longer; one that a rule makes need not be either. */
const maxLength = 4 * 1024 * 1024;

/** @throws CelError for a text that would be too long, before it is made */
function bounded(length: number): void {
  if (length > maxLength) throw new CelError(`text of ${length} characters is too long`);
}

type Chars = readonly string[] | string;

/** By code points; a text without surrogate pairs is its own list of them. */
const chars = (text: string): Chars => (/[\ud800-\udfff]/.test(text) ? Array.from(text) : text);

const joined = (part: Chars): string => (typeof part === "string" ? part : part.join(""));

function within(at: bigint, length: number): number {
  const index = Number(at);
  if (index < 0 || index > length) throw new CelError(`index out of range: ${at}`);
  return index;
}

function find(text: string, wanted: string, from: bigint): bigint {
  const all = chars(text);
  const start = within(from, all.length);
  const rest = joined(all.slice(start));
  const at = rest.indexOf(wanted);
  return at < 0 ? -1n : BigInt(start + chars(rest.slice(0, at)).length);
}

function findLast(text: string, wanted: string, from?: bigint): bigint {
  const all = chars(text);
  if (wanted === "") return BigInt(from === undefined ? all.length : within(from, all.length));
  const last = from === undefined ? all.length : within(from, all.length);
  if (typeof all === "string") return BigInt(all.lastIndexOf(wanted, last));
  const target = Array.from(wanted);
  for (let at = Math.min(last, all.length - target.length); at >= 0; at -= 1)
    if (target.every((char, i) => all[at + i] === char)) return BigInt(at);
  return -1n;
}

function substring(text: string, from: bigint, to?: bigint): string {
  const all = chars(text);
  const start = within(from, all.length);
  const end = to === undefined ? all.length : within(to, all.length);
  if (start > end) throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  return joined(all.slice(start, end));
}

function replace(text: string, from: string, to: string, times = -1n): string {
  const most = from === "" ? text.length + 1 : text.length / from.length;
  bounded(text.length + most * to.length);
  if (times < 0n)
    return from === ""
      ? to + Array.from(text, (char) => char + to).join("")
      : text.replaceAll(from, () => to);
  let left = Number(times);
  const parts = from === "" ? ["", ...Array.from(text), ""] : text.split(from);
  return parts.reduce((done, part, i) => {
    if (i === 0) return part;
    left -= 1;
    return done + (left >= 0 ? to : from) + part;
  }, "");
}

function split(text: string, separator: string, limit = -1n): readonly string[] {
  const parts = separator === "" ? Array.from(text) : text.split(separator);
  const max = Number(limit);
  if (max === 0) return [];
  if (max < 0 || parts.length <= max) return parts;
  return [...parts.slice(0, max - 1), parts.slice(max - 1).join(separator)];
}

// Most texts are ASCII, where the engine's own conversion does the same and is much faster.
// oxlint-disable-next-line no-control-regex
const isAscii = (text: string): boolean => /^[\u0000-\u007f]*$/.test(text);
const lower = (text: string): string =>
  isAscii(text) ? text.toLowerCase() : text.replaceAll(/[A-Z]+/g, (part) => part.toLowerCase());
const upper = (text: string): string =>
  isAscii(text) ? text.toUpperCase() : text.replaceAll(/[a-z]+/g, (part) => part.toUpperCase());

function join(list: readonly CelValue[], separator = ""): string {
  if (!list.every((item) => typeof item === "string")) throw new CelError("no such overload");
  bounded(list.reduce((length: number, item) => length + item.length + separator.length, 0));
  return list.join(separator);
}

function matches(text: string, pattern: string): boolean {
  try {
    return compilePattern(pattern)(text);
  } catch (err) {
    throw new CelError(err instanceof Error ? err.message : String(err));
  }
}

function found(text: string, pattern: string, max: number): string[] {
  try {
    return findMatches(text, pattern, max);
  } catch (err) {
    throw new CelError(`Illegal regex: ${err instanceof Error ? err.message : String(err)}`);
  }
}

/** The functions on texts: of the language, of its extension for strings, and find of Kubernetes. */
export const textFunctions: readonly FunctionEntry[] = [
  [
    "string.contains(string): bool",
    (a: string, b: string) => a.includes(b),
    costs.contains,
    costs.searchText,
  ],
  ["string.startsWith(string): bool", (a: string, b: string) => a.startsWith(b), costs.scanLast],
  ["string.endsWith(string): bool", (a: string, b: string) => a.endsWith(b), costs.scanLast],
  ["string.matches(string): bool", matches, costs.regex, costs.regexRun],
  ["matches(string, string): bool", matches, costs.regex, costs.regexRun],
  [
    "string.find(string): string",
    (a: string, b: string) => found(a, b, 1)[0] ?? "",
    costs.regex,
    costs.regexRun,
  ],
  [
    "string.findAll(string): list<string>",
    (a: string, b: string) => found(a, b, Infinity),
    costs.regex,
    costs.regexRunAll,
  ],
  [
    "string.findAll(string, int): list<string>",
    (a: string, b: string, max: bigint) => found(a, b, max < 0n ? Infinity : Number(max)),
    costs.regex,
    costs.regexRunAll,
  ],
  [
    "string.charAt(int): string",
    (text: string, at: bigint) => {
      const all = chars(text);
      return all[within(at, all.length)] ?? "";
    },
    costs.scan,
  ],
  [
    "string.indexOf(string): int",
    (a: string, b: string) => find(a, b, 0n),
    costs.scan,
    costs.searchText,
  ],
  ["string.indexOf(string, int): int", find, costs.scan, costs.searchText],
  [
    "string.lastIndexOf(string): int",
    (a: string, b: string) => findLast(a, b),
    costs.scan,
    costs.searchText,
  ],
  ["string.lastIndexOf(string, int): int", findLast, costs.scan, costs.searchText],
  ["string.lowerAscii(): string", lower, costs.scan, costs.slowText],
  ["string.upperAscii(): string", upper, costs.scan, costs.slowText],
  ["string.trim(): string", (text: string) => text.trim(), costs.scan],
  [
    "string.reverse(): string",
    (text: string) => Array.from(text).toReversed().join(""),
    costs.scan,
    costs.slowText,
  ],
  [
    "string.replace(string, string): string",
    (a: string, b: string, c: string) => replace(a, b, c),
    costs.rebuild,
    costs.slowText,
  ],
  ["string.replace(string, string, int): string", replace, costs.rebuild, costs.slowText],
  [
    "string.split(string): list<string>",
    (a: string, b: string) => split(a, b),
    costs.rebuild,
    costs.slowText,
  ],
  ["string.split(string, int): list<string>", split, costs.rebuild, costs.slowText],
  ["string.substring(int): string", (a: string, from: bigint) => substring(a, from), costs.scan],
  ["string.substring(int, int): string", substring, costs.scan],
  ["list<string>.join(): string", (list: readonly CelValue[]) => join(list), costs.rebuild],
  ["list<string>.join(string): string", join, costs.rebuild, costs.allDeep],
  ["string.format(list<dyn>): string", formatText, costs.rebuild, costs.allDeep],
  ["strings.quote(string): string", (text: string) => JSON.stringify(text), costs.rebuild],
];
