import { badRequest, invalid, type StatusCause } from "../../machinery/errors.ts";
import { forbiddenValue, unsupportedValue } from "../../machinery/field-causes.ts";
import {
  type FieldSelector,
  matchesFields,
  parseFieldSelector,
  pinnedField,
  requireSelectable,
} from "../../machinery/field-selector.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { matchesLabels, type Requirement } from "../../machinery/selector.ts";
import { parseLabelSelector } from "../../machinery/selector-parse.ts";
import type { Topic } from "../../store/listeners.ts";
import type { Revision } from "../../store/store.ts";
import type { Kind } from "../kinds/kind.ts";
import type { Call, Query } from "./call.ts";
import { isTrue } from "./request-info.ts";

/** Which objects of a collection: `undefined` selects all, without looking into any. */
export type Selection = ((object: AnyObject) => boolean) | undefined;

/** meta/v1 ListOptions, checked. */
export type ListOptions = {
  readonly selects: Selection;
  /** Integer, 1 or more; `undefined`: all. */
  readonly limit: number | undefined;
  readonly continueToken: string | undefined;
  /** `undefined`: the newest. 0: any state will do. */
  readonly revision: Revision | undefined;
  readonly exact: boolean;
};

/** Options of a watch. */
export type WatchOptions = {
  readonly selects: Selection;
  /** What the field selector asks one field of the kind to be. */
  readonly topic: Topic | undefined;
  /** `undefined`: from the newest state, which is sent first. 0: any state, sent first. */
  readonly revision: Revision | undefined;
  readonly timeoutSeconds: number | undefined;
  readonly bookmarks: boolean;
  readonly initialEvents: boolean | undefined;
};

const optionsKind = { group: "meta.k8s.io", kind: "ListOptions" };

/** Reads the query of a list. @throws StatusError `BadRequest`, `Invalid` */
export function readListOptions(call: Call): ListOptions {
  const { query } = call;
  const match = query.get("resourceVersionMatch") ?? "";
  const version = query.get("resourceVersion") ?? "";
  const token = query.get("continue") ?? "";
  refuse(listCauses(query, match, version, token));
  const revision = readRevision(version);
  const asked = revision ?? 0;
  if (token !== "" && asked > 0) {
    throw badRequest("specifying resource version is not allowed when using continue");
  }
  const limit = readPositive(query, "limit");
  readPositive(query, "timeoutSeconds"); // lists are quick: only its form counts
  // A version with a limit but no match is exact: the rule from before there was a match.
  const legacyExact = match === "" && limit !== undefined && asked > 0;
  return {
    selects: selection(call),
    exact: token === "" && (match === "Exact" || legacyExact),
    limit,
    continueToken: token === "" ? undefined : token,
    revision,
  };
}

/** Reads the query of a watch. @throws StatusError `BadRequest`, `Invalid` */
export function readWatchOptions(call: Call): WatchOptions {
  const { query } = call;
  const initial = query.get("sendInitialEvents");
  const match = query.get("resourceVersionMatch") ?? "";
  refuse(watchCauses(initial, match));
  readPositive(query, "limit"); // watches have none: only its form counts
  return {
    selects: selection(call),
    topic: topicOf(call),
    bookmarks: isTrue(query.get("allowWatchBookmarks")),
    initialEvents: initial === undefined ? undefined : isTrue(initial),
    revision: readRevision(query.get("resourceVersion") ?? ""),
    timeoutSeconds: readPositive(query, "timeoutSeconds"),
  };
}

function refuse(causes: readonly StatusCause[]): void {
  if (causes.length > 0) throw invalid(optionsKind, "", causes);
}

function listCauses(
  query: Query,
  match: string,
  version: string,
  token: string,
): readonly StatusCause[] {
  const field = "resourceVersionMatch";
  const causes: StatusCause[] = [];
  if (query.get("sendInitialEvents") !== undefined) {
    causes.push(forbiddenValue("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  if (match === "") return causes;
  if (version === "") {
    const why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
    causes.push(forbiddenValue(field, why));
  }
  if (token !== "") {
    causes.push(
      forbiddenValue(field, "resourceVersionMatch is forbidden when continue is provided"),
    );
  }
  if (match !== "Exact" && match !== "NotOlderThan") {
    causes.push(unsupportedValue(field, match, ["Exact", "NotOlderThan"]));
  } else if (match === "Exact" && version === "0") {
    const why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
    causes.push(forbiddenValue(field, why));
  }
  return causes;
}

function watchCauses(initial: string | undefined, match: string): readonly StatusCause[] {
  const field = "resourceVersionMatch";
  if (initial === undefined) {
    if (match === "") return [];
    const why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
    return [forbiddenValue(field, why)];
  }
  if (match === "NotOlderThan") return [];
  const why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
  return match === ""
    ? [forbiddenValue(field, why)]
    : [unsupportedValue(field, match, ["NotOlderThan"])];
}

const maxUint64 = 2n ** 64n - 1n;

/** A resourceVersion of a query. @throws StatusError `BadRequest` when it is no number */
export function readRevision(text: string): Revision | undefined {
  if (text === "") return undefined;
  // Versions are unsigned 64 bits to clients; ours end earlier, so the rest is the far future.
  if (/^\d{1,20}$/.test(text) && BigInt(text) <= maxUint64) {
    return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  }
  throw badRequest(`Invalid value for resourceVersion: ${JSON.stringify(text)}: must be a number`);
}

/** Zero and less mean the same as nothing. */
function readPositive(query: Query, name: string): number | undefined {
  const text = query.get(name) ?? "";
  if (text === "") return undefined;
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value > 0 ? value : undefined;
  throw badRequest(`Invalid value for ${name}: ${JSON.stringify(text)}: must be an integer`);
}

/**
 * What label selector, field selector and the name of the path select.
 * @throws StatusError `BadRequest` also when the selector names another object than the path
 */
export function selection({ kind, query, name }: Call): Selection {
  const labels = parseLabelSelector(query.get("labelSelector") ?? "");
  const asked = parseFieldSelector(query.get("fieldSelector") ?? "");
  const pinned = pinnedField(asked, "metadata.name");
  if (name !== "" && pinned !== undefined && pinned !== name) {
    throw badRequest("fieldSelector metadata.name doesn't match requested name");
  }
  const fields = [
    ...asked,
    ...(name === "" ? [] : [{ field: "metadata.name", operator: "=" as const, value: name }]),
  ];
  requireSelectable(
    fields,
    (field) => Object.hasOwn(common, field) || Object.hasOwn(kind.fields, field),
  );
  if (labels.length === 0 && fields.length === 0) return undefined;
  return (object) => matchesAll(kind, labels, fields, object);
}

/** The field that a selector pins, by which watchers are found; what is common is told by keys. */
function topicOf({ kind, query }: Call): Topic | undefined {
  const asked = parseFieldSelector(query.get("fieldSelector") ?? "");
  for (const [name, read] of Object.entries(kind.fields)) {
    const value = pinnedField(asked, name);
    if (value !== undefined) return { name, value, of: ({ object }) => read(object) };
  }
  return undefined;
}

const common: Kind["fields"] = {
  "metadata.name": ({ metadata }) => metadata.name,
  "metadata.namespace": ({ metadata }) => metadata.namespace ?? "",
};

function matchesAll(
  kind: Kind,
  labels: readonly Requirement[],
  fields: FieldSelector,
  object: AnyObject,
): boolean {
  return (
    matchesFields(fields, (field) => (common[field] ?? kind.fields[field])?.(object) ?? "") &&
    matchesLabels(labels, object.metadata.labels)
  );
}
