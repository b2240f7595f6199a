import { badRequest } from "../../machinery/errors.ts";
import { parseJson } from "../objects/json-body.ts";

/** What is wrong with a body. */
export type Finding = {
  /** Where, e.g. `HostConfig.Privileged`. */
  readonly at: string;
  readonly why: string;
  /** Nobody may send it, not even who may override. */
  readonly broken: boolean;
};

/** Looks at one value and tells what is wrong with it. `null` is what Go takes for "not given". */
export type Check = (value: unknown, at: string) => readonly Finding[];

const none: readonly Finding[] = [];

const broken = (at: string, why: string): readonly Finding[] => [{ at, why, broken: true }];
const refused = (at: string, why: string): readonly Finding[] => [{ at, why, broken: false }];

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whatever it is. */
export const anything: Check = () => none;

/** Only what Go takes for the zero value: the field may be there, and say nothing. */
export function nothing(why: string): Check {
  return (value, at) => {
    const empty =
      value === null || value === "" || value === 0 || value === false || isEmptyPart(value);
    return empty ? none : refused(at, why);
  };
}

const isEmptyPart = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

/** Only `null`: an empty list would already say something. */
export function absent(why: string): Check {
  return (value, at) => (value === null ? none : refused(at, why));
}

/** A text that passes. */
export function text(passes: (value: string) => boolean, why: string): Check {
  return (value, at) => {
    if (value === null) return none;
    if (typeof value !== "string") return broken(at, "must be a string");
    return passes(value) ? none : refused(at, why);
  };
}

/** A number that passes. */
export function number(passes: (value: number) => boolean, why: string): Check {
  return (value, at) => {
    if (value === null) return none;
    if (typeof value !== "number") return broken(at, "must be a number");
    return passes(value) ? none : refused(at, why);
  };
}

/** One of the texts, or none. */
export function oneOf(allowed: readonly string[], why: string): Check {
  return text((value) => value === "" || allowed.includes(value), why);
}

/** A list of such values. */
export function listOf(check: Check): Check {
  return (value, at) => {
    if (value === null) return none;
    if (!Array.isArray(value)) return broken(at, "must be a list");
    return value.flatMap((item: unknown, index) => check(item, `${at}[${index}]`));
  };
}

/** An object with any keys; `key` looks at each of them. */
export function mapOf(check: Check, key: Check = anything): Check {
  return (value, at) => {
    if (value === null) return none;
    if (!isObject(value)) return broken(at, "must be an object");
    return Object.entries(value).flatMap(([name, item]) => [
      ...key(name, `${at}[${name}]`),
      ...check(item, `${at}[${name}]`),
    ]);
  };
}

/**
 * An object with these fields alone. Go matches names without regard to case, so `privileged` would be
 * `Privileged`: a name that is not written exactly so is unknown, and refused.
 */
export function fields(known: Readonly<Record<string, Check>>): Check {
  return (value, at) => {
    if (value === null) return none;
    if (!isObject(value)) return broken(at, "must be an object");
    return Object.entries(value).flatMap(([name, item]) => {
      const path = at === "" ? name : `${at}.${name}`;
      const check = Object.hasOwn(known, name) ? known[name] : undefined;
      return check === undefined ? broken(path, "unknown field") : check(item, path);
    });
  };
}

/** Fields of which nothing is asked. */
export function free(names: string): Readonly<Record<string, Check>> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, anything]));
}

const labelPrefix = "lighthouse.dev/";

/** Labels by which nobody pretends to be one of ours. */
export const labels: Check = (value, at) => {
  if (value === null) return none;
  if (!isObject(value)) return broken(at, "must be an object");
  return Object.keys(value)
    .filter((name) => name.toLowerCase().startsWith(labelPrefix))
    .flatMap((name) =>
      broken(`${at}[${name}]`, "labels of Lighthouse are set by Lighthouse alone"),
    );
};

/** Deeper than any body of the Engine API, and shallow enough for every reader. */
const maxDepth = 32;

function checkParts(value: unknown, depth = 0): void {
  if (depth > maxDepth)
    throw badRequest(`Cannot read the body: it is nested more than ${maxDepth} deep`);
  // What is written anew would be another number.
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value))
    throw badRequest(`Cannot read the body: ${value} is too large a number`);
  if (typeof value !== "object" || value === null) return;
  for (const part of Object.values(value)) checkParts(part, depth + 1);
}

/**
 * Reads a JSON body as strictly as can be: what two readers might read in two ways is refused.
 * @throws StatusError `BadRequest`
 */
export function readJsonBody(body: Buffer): unknown {
  const { value, duplicates } = parseJson(body.toString("utf8"));
  if (duplicates.length > 0)
    throw badRequest(`Cannot read the body: it has ${duplicates.join(", ")} twice`);
  checkParts(value);
  return value;
}
