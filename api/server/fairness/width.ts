import { collectionPrefix } from "../../store/keys.ts";
import type { Scope } from "../objects/call.ts";
import { isTrue, type RequestInfo } from "../objects/request-info.ts";

const objectsPerSeat = 500;
const maxSeats = 10;

/** Query parameters as the framework parsed them. */
type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

const textOf = (value: string | readonly string[] | undefined): string =>
  (typeof value === "object" ? value[0] : value) ?? "";

/** How many seats a request takes: one, and more for a list of much. Integer, 1 to 10. */
export function widthOf(scope: Scope, info: RequestInfo, query: Parameters): number {
  if (!readsMany(info, query)) return 1;
  const stored = storedCount(scope, info);
  const limit = Number(textOf(query["limit"]));
  // A selector may look at all of them to fill one page.
  const bounded = limit > 0 && info.verb === "list" && !selects(query);
  const looked = bounded ? Math.min(limit, stored) : stored;
  return Math.min(Math.max(Math.ceil(looked / objectsPerSeat), 1), maxSeats);
}

function selects(query: Parameters): boolean {
  return textOf(query["labelSelector"]) !== "" || textOf(query["fieldSelector"]) !== "";
}

function storedCount({ kinds, storage }: Scope, { resource }: RequestInfo): number {
  if (resource === undefined) return 0;
  const { group, version, plural, namespace } = resource;
  const kind = kinds.find(group, version, plural);
  if (kind === undefined) return 0;
  const inNamespace = kind.namespaced && namespace !== "";
  return storage.cache.count(collectionPrefix(kind, inNamespace ? namespace : undefined));
}

function readsMany({ verb, resource }: RequestInfo, query: Parameters): boolean {
  if (resource === undefined || resource.name !== "" || resource.subresource !== "") return false;
  return verb === "list" || verb === "deletecollection" || sendsState(verb, query);
}

function sendsState(verb: string, query: Parameters): boolean {
  if (verb !== "watch") return false;
  const initial = query["sendInitialEvents"];
  if (initial !== undefined) return isTrue(textOf(initial));
  const version = textOf(query["resourceVersion"]);
  return version === "" || version === "0";
}
