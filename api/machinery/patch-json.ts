import { equalJson, isJsonObject } from "./equality.ts";
import { badRequest, StatusError } from "./errors.ts";
import { copyJson } from "./schema-value.ts";

/**
 * Bounds on one patch, as in Kubernetes: operations, and bytes that `copy` may add. Two of our own: steps of
 * a pointer, as deep as a body may be, and list items that have to make way or close up.
 */
export const jsonPatchLimits = {
  operations: 10_000,
  copiedBytes: 3 * 1024 * 1024,
  steps: 500,
  shiftedItems: 20_000_000,
} as const;

type Verb = "add" | "remove" | "replace" | "move" | "copy" | "test";
type Operation = {
  readonly op: Verb;
  readonly path: readonly string[];
  /** Source of `move` and `copy`. */
  readonly from: readonly string[];
  readonly value: unknown;
  /** How the operation is named in messages, e.g. `operation 2 (replace /spec/paused)`. */
  readonly shown: string;
};

const verbs: readonly string[] = ["add", "remove", "replace", "move", "copy", "test"];

/** The document as one field of a holder, so that the root is replaced like any other value. */
type Holder = { root: unknown };

/** What a patch may still use up. */
type Budget = { bytes: number; shifts: number };

const failed = (operation: Operation, why: string): StatusError =>
  new StatusError("Invalid", `Cannot apply JSON patch: ${operation.shown}: ${why}`);

/** RFC 6901: `~1` is a slash, `~0` a tilde. */
function parsePointer(text: unknown, shown: string): readonly string[] {
  if (typeof text !== "string" || (text !== "" && !text.startsWith("/"))) {
    throw badRequest(
      `Cannot read JSON patch: ${shown}: pointer is ${JSON.stringify(text)}, expected "" or "/..."`,
    );
  }
  if (/~(?![01])/.test(text)) {
    throw badRequest(`Cannot read JSON patch: ${shown}: "~" must be followed by 0 or 1 in ${text}`);
  }
  const steps = text.split("/", jsonPatchLimits.steps + 2).slice(1);
  if (steps.length > jsonPatchLimits.steps) {
    throw badRequest(
      `Cannot read JSON patch: a pointer has more than ${jsonPatchLimits.steps} steps`,
    );
  }
  return steps.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function parseOperation(raw: unknown, index: number): Operation {
  const wrong = (why: string): StatusError =>
    badRequest(`Cannot read JSON patch: operation ${index}: ${why}`);
  if (!isJsonObject(raw)) throw wrong("expected an object");
  const { op, path, from, value } = raw;
  if (typeof op !== "string" || !verbs.includes(op)) {
    throw wrong(`op is ${JSON.stringify(op)}, expected one of: ${verbs.join(", ")}`);
  }
  const shown = `operation ${index} (${op} ${typeof path === "string" ? path : "?"})`;
  const needsValue = op === "add" || op === "replace" || op === "test";
  if (needsValue && !Object.hasOwn(raw, "value")) throw wrong(`${op} needs a value`);
  const needsFrom = op === "move" || op === "copy";
  return {
    op: op as Verb,
    path: parsePointer(path, shown),
    from: needsFrom ? parsePointer(from, shown) : [],
    value,
    shown,
  };
}

function parseOperations(patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch)) throw badRequest("Cannot read JSON patch: expected an array");
  if (patch.length > jsonPatchLimits.operations) {
    throw new StatusError(
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${jsonPatchLimits.operations}, got ${patch.length}`,
    );
  }
  return patch.map(parseOperation);
}

/** Where a pointer leads: the container, and the field or index in it. */
type Place = { readonly container: unknown; readonly token: string };

const missing = (operation: Operation, token: string): StatusError =>
  failed(operation, `"${token}" does not exist`);

/** An index in decimal without leading zeros, below `bound`. */
function indexOf(token: string, bound: number): number | undefined {
  const index = /^(0|[1-9]\d*)$/.test(token) ? Number(token) : Number.NaN;
  return index < bound ? index : undefined;
}

function read({ container, token }: Place, operation: Operation): unknown {
  if (Array.isArray(container)) {
    const index = indexOf(token, container.length);
    if (index !== undefined) return container[index];
  } else if (isJsonObject(container) && Object.hasOwn(container, token)) return container[token];
  throw missing(operation, token);
}

function locate(holder: Holder, pointer: readonly string[], operation: Operation): Place {
  let place: Place = { container: holder, token: "root" };
  for (const token of pointer) place = { container: read(place, operation), token };
  return place;
}

/** Defines an own field: an assignment to `__proto__` would change the prototype. */
function setField(container: object, field: string, value: unknown): void {
  Object.defineProperty(container, field, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

/** Takes what a list has to move from what is left of the budget. */
function shift(items: number, operation: Operation, budget: Budget): void {
  budget.shifts -= items;
  if (budget.shifts >= 0) return;
  throw failed(operation, `list items would have to move ${jsonPatchLimits.shiftedItems} times`);
}

/** One operation, and what it may use up. */
type Step = { readonly operation: Operation; readonly budget: Budget };

function add({ container, token }: Place, value: unknown, { operation, budget }: Step): void {
  if (Array.isArray(container)) {
    const end = container.length;
    const index = token === "-" ? end : indexOf(token, end + 1);
    if (index === undefined) throw failed(operation, `"${token}" is no index from 0 to ${end}`);
    shift(end - index, operation, budget);
    container.splice(index, 0, value);
  } else if (isJsonObject(container)) setField(container, token, value);
  else throw failed(operation, "the parent is no object or array");
}

function remove(place: Place, { operation, budget }: Step): unknown {
  const value = read(place, operation);
  const { container, token } = place;
  if (Array.isArray(container)) {
    shift(container.length - Number(token), operation, budget);
    container.splice(Number(token), 1);
  } else delete (container as Record<string, unknown>)[token];
  return value;
}

/** An absent field is replaced, too: Kubernetes does so, and its clients rely on it. */
function replace(place: Place, value: unknown, operation: Operation): void {
  const { container, token } = place;
  if (isJsonObject(container)) return setField(container, token, value);
  read(place, operation);
  (container as unknown[])[Number(token)] = value;
}

function move(holder: Holder, step: Step): void {
  const { operation } = step;
  const { from, path } = operation;
  const inside = path.length > from.length && from.every((token, index) => token === path[index]);
  if (inside) throw failed(operation, "a value cannot be moved into itself");
  const source = locate(holder, from, operation);
  if (path.length === from.length && path.every((token, index) => token === from[index])) {
    read(source, operation);
    return;
  }
  const value = remove(source, step);
  add(locate(holder, path, operation), value, step);
}

/** An absent field is null, as it is to Kubernetes: so clients test that something is not there. */
function check(place: Place, operation: Operation): void {
  const { container, token } = place;
  const absent = isJsonObject(container) && !Object.hasOwn(container, token);
  if (absent && operation.value === null) return;
  if (!equalJson(read(place, operation), operation.value)) {
    throw failed(operation, "the value differs");
  }
}

/** Copies a value and takes its size from what is left of the budget. */
function copyOf(value: unknown, operation: Operation, budget: Budget): unknown {
  const text = JSON.stringify(value);
  budget.bytes -= text.length;
  if (budget.bytes < 0) {
    throw failed(operation, `copies exceed ${jsonPatchLimits.copiedBytes} bytes`);
  }
  return JSON.parse(text);
}

function perform(holder: Holder, step: Step): void {
  const { operation, budget } = step;
  if (operation.op === "move") return move(holder, step);
  const place = locate(holder, operation.path, operation);
  switch (operation.op) {
    case "add":
      return add(place, copyJson(operation.value), step);
    case "remove":
      remove(place, step);
      return;
    case "replace":
      return replace(place, copyJson(operation.value), operation);
    case "copy": {
      const source = read(locate(holder, operation.from, operation), operation);
      return add(place, copyOf(source, operation, budget), step);
    }
    case "test":
      return check(place, operation);
  }
}

/**
 * RFC 6902 as Kubernetes reads it, all or nothing; neither argument is changed. Fields called `__proto__` or
 * `constructor` are fields like any other.
 *
 * @throws StatusError `BadRequest` for a patch that is none, `Invalid` for one that does not fit
 * the document, `RequestEntityTooLarge` for too many operations.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  const operations = parseOperations(patch);
  const holder: Holder = { root: copyJson(document) };
  const budget: Budget = {
    bytes: jsonPatchLimits.copiedBytes,
    shifts: jsonPatchLimits.shiftedItems,
  };
  for (const operation of operations) perform(holder, { operation, budget });
  return holder.root;
}
