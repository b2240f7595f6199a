import type { AnyObject } from "../../machinery/object.ts";
import type { Body, JsonObject, View } from "./kind.ts";

/** What events.k8s.io/v1 calls the fields of a core/v1 Event; the others have one name. */
const names: readonly (readonly [shown: string, stored: string])[] = [
  ["regarding", "involvedObject"],
  ["note", "message"],
  ["reportingController", "reportingComponent"],
  ["deprecatedSource", "source"],
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
];
const toStored = new Map(names);
const toShown = new Map(names.map(([shown, stored]) => [stored, shown]));

function renamed(object: JsonObject, names: ReadonlyMap<string, string>): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([field, value]) => [names.get(field) ?? field, value]),
  );
}

/** events.k8s.io/v1 Event as a view of core/v1 Event: one object, two sets of field names. */
export const eventView: View = {
  toStored({ metadata, ...rest }): Body {
    // An involvedObject is required where it is stored; nothing else is.
    const fields = { involvedObject: {}, ...renamed(rest, toStored) };
    return { ...fields, apiVersion: "v1", kind: "Event", metadata };
  },
  toShown({ metadata, ...rest }): AnyObject {
    const fields = renamed(rest, toShown);
    return { ...fields, apiVersion: "events.k8s.io/v1", kind: "Event", metadata };
  },
};
