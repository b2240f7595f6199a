/**
 * A CEL type. Objects carry their fields and are the same type only if they are the same value;
 * names of one capital letter are variables of a signature, e.g. `T` of `list<T>`.
 */
export type CelType = {
  readonly name: string;
  readonly args: readonly CelType[];
  /** Of objects: the types of the fields by the names that rules use. */
  readonly fields?: ReadonlyMap<string, CelType>;
  /** Most characters, items or entries of a value; absent: not known. Scalars of a schema have 0. */
  readonly max?: number;
};

/** What the variables of a signature stand for in one call. */
export type Substitution = Map<string, CelType>;

const plain = (name: string): CelType => ({ name, args: [] });

/** Types without arguments. */
export const celTypes = {
  bool: plain("bool"),
  bytes: plain("bytes"),
  double: plain("double"),
  duration: plain("google.protobuf.Duration"),
  dyn: plain("dyn"),
  int: plain("int"),
  null: plain("null_type"),
  string: plain("string"),
  timestamp: plain("google.protobuf.Timestamp"),
  type: plain("type"),
  uint: plain("uint"),
} as const;

/** `list<item>`. */
export const listOf = (item: CelType, max?: number): CelType => sized("list", [item], max);

/** `map<key, value>`. */
export const mapOf = (key: CelType, value: CelType, max?: number): CelType =>
  sized("map", [key, value], max);

/** `optional<value>`. */
export const optionalOf = (value: CelType): CelType => sized("optional_type", [value]);

function sized(name: string, args: readonly CelType[], max?: number): CelType {
  return max === undefined ? { name, args } : { name, args, max };
}

const aliases: Readonly<Record<string, string>> = {
  optional: "optional_type",
  timestamp: celTypes.timestamp.name,
  duration: celTypes.duration.name,
  null: celTypes.null.name,
};

/** Reads a type such as `map<string, list<T>>`; the names are not checked. */
export function parseType(text: string): CelType {
  const open = text.indexOf("<");
  if (open < 0) return plain(aliases[text.trim()] ?? text.trim());
  const name = text.slice(0, open).trim();
  const args = splitTop(text.slice(open + 1, text.lastIndexOf(">"))).map(parseType);
  return { name: aliases[name] ?? name, args };
}

/** Splits at the commas that are not inside of angle brackets. */
export function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i += 1) {
    const char = text[i];
    if (char === "<") depth += 1;
    else if (char === ">") depth -= 1;
    else if ((char === "," && depth === 0) || char === undefined) {
      const part = text.slice(start, i).trim();
      if (part !== "") parts.push(part);
      start = i + 1;
    }
  }
  return parts;
}

/** The type as messages show it, e.g. `list(string)`. */
export function typeText({ name, args }: CelType): string {
  if (name === "null_type") return "null";
  if (args.length === 0) return name;
  return `${name}(${args.map(typeText).join(", ")})`;
}

const isVariable = ({ name }: CelType): boolean => /^[A-Z]$/.test(name);
const isDyn = ({ name }: CelType): boolean => name === "dyn";

// What Go's protobufs keep behind a pointer may be null.
const nullable = new Set(["google.protobuf.Timestamp", "google.protobuf.Duration"]);
const takesNull = (type: CelType): boolean =>
  type.fields !== undefined || nullable.has(type.name) || type.name.includes(".");

/** Whether a value of type `from` may stand where `to` is wanted; binds the variables of `to`. */
export function isAssignable(to: CelType, from: CelType, bound: Substitution): boolean {
  if (isDyn(to) || isDyn(from)) {
    if (isVariable(to) && !bound.has(to.name)) bound.set(to.name, from);
    return true;
  }
  if (isVariable(to)) return bindVariable(to, from, bound);
  return isVariable(from) || isConcretely(to, from, bound); // a variable: the item of an empty list
}

function isConcretely(to: CelType, from: CelType, bound: Substitution): boolean {
  const [wantsNull, isNull] = [to.name === "null_type", from.name === "null_type"];
  if (wantsNull !== isNull) return takesNull(isNull ? to : from);
  if (to.fields !== undefined || from.fields !== undefined) return to.fields === from.fields;
  if (to.name !== from.name || to.args.length !== from.args.length) return false;
  return to.args.every((arg, i) => isAssignable(arg, from.args[i] ?? celTypes.dyn, bound));
}

function bindVariable(to: CelType, from: CelType, bound: Substitution): boolean {
  const known = bound.get(to.name);
  if (known === undefined || isVariable(known)) {
    bound.set(to.name, from);
    return true;
  }
  if (isDyn(known)) {
    bound.set(to.name, from);
    return true;
  }
  return isAssignable(known, from, new Map());
}

/** The type with its variables replaced; those that stand for nothing become dyn. */
export function substitute(type: CelType, bound: Substitution): CelType {
  if (isVariable(type)) return bound.get(type.name) ?? celTypes.dyn;
  if (type.args.length === 0) return type;
  return { ...type, args: type.args.map((arg) => substitute(arg, bound)) };
}

/** The type that values of both have, or dyn. */
export function joinTypes(left: CelType, right: CelType): CelType {
  if (left === right || isVariable(right)) return left;
  if (isVariable(left)) return right;
  const same = isAssignable(left, right, new Map()) && isAssignable(right, left, new Map());
  if (!same || isDyn(left) || isDyn(right)) return isDyn(left) || !same ? celTypes.dyn : right;
  return left.name === "null_type" ? right : left;
}
