import type { JsonSchemaProps } from "./schema-props.ts";

/** A field that a path leads to. */
type Found = { readonly schema: JsonSchemaProps; readonly segments: readonly string[] };

type Options = {
  /** Whether `['key']` may name a field or a key of a map. Default true. */
  readonly arrayNotation?: boolean;
};

const escapes: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "'": "'",
  "\\": "\\",
};

/** `undefined` when it holds an escape that does not exist. */
function unquote(text: string): string | undefined {
  let bad = false;
  const plain = text.replaceAll(/\\(.)/gs, (_, char: string) => {
    bad ||= escapes[char] === undefined;
    return escapes[char] ?? "";
  });
  return bad ? undefined : plain;
}

const step = /\.([^.[\]']+)|\[((?:'(?:[^'\\]|\\.)*')|[^\]]*)\]/sy;

/**
 * Follows a path of fields such as `.spec.replicas` or `.spec['a.b']` through a schema. Returns what
 * is wrong with the path if it does not lead to a field that the schema names.
 */
export function schemaAt(
  schema: JsonSchemaProps,
  path: string,
  { arrayNotation = true }: Options = {},
): Found | string {
  const segments: string[] = [];
  let here = schema;
  for (let at = 0; at < path.length; at = step.lastIndex) {
    step.lastIndex = at;
    const match = step.exec(path);
    if (match === null) return unreadable(path, at);
    const [, name, bracketed = ""] = match;
    if (name === undefined && !arrayNotation) return "expected . but got: [";
    const next = name === undefined ? follow(here, bracketed) : field(here, name);
    if (typeof next === "string") return next;
    segments.push(name ?? plainName(bracketed));
    here = next;
  }
  return segments.length === 0 ? "must not be empty" : { schema: here, segments };
}

const plainName = (bracketed: string): string => unquote(bracketed.slice(1, -1)) ?? "";

function unreadable(path: string, at: number): string {
  return at === 0 ? `expected [ or . but got: ${path}` : "unexpected end of JSON path";
}

function field({ properties = {} }: JsonSchemaProps, name: string): JsonSchemaProps | string {
  const found = Object.hasOwn(properties, name) ? properties[name] : undefined;
  return found ?? "does not refer to a valid field";
}

function follow(schema: JsonSchemaProps, bracketed: string): JsonSchemaProps | string {
  const { properties, additionalProperties: values } = schema;
  const name = /^'.*'$/s.test(bracketed) ? unquote(bracketed.slice(1, -1)) : undefined;
  if (name === undefined) {
    const quoted = bracketed.startsWith("'");
    return quoted ? "invalid escape char" : "expected single quoted string but got " + bracketed;
  }
  if (properties !== undefined) return field(schema, name);
  if (typeof values === "object") return values;
  return "does not refer to a valid field";
}
