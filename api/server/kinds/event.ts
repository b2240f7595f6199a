import type { StatusCause } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageText, column, nameColumn } from "./columns.ts";
import { changedEventCauses, eventCauses, newEventCauses } from "./event-validate.ts";
import { eventView } from "./event-view.ts";
import { objectIn, textIn } from "./fill.ts";
import type { Body, Column, JsonObject, Kind } from "./kind.ts";

const about = (event: JsonObject): JsonObject => objectIn(event, "involvedObject") ?? {};
const wide = { priority: 1 };

const aboutFields = [
  "kind",
  "namespace",
  "name",
  "uid",
  "apiVersion",
  "resourceVersion",
  "fieldPath",
];

function objectText(event: JsonObject): string {
  const [kind, name] = [textIn(about(event), "kind").toLowerCase(), textIn(about(event), "name")];
  return name === "" ? kind : `${kind}/${name}`;
}

function sourceText(event: JsonObject): string {
  const source = objectIn(event, "source");
  const component = textIn(source, "component") || textIn(event, "reportingComponent");
  const instance = textIn(source, "host") || textIn(event, "reportingInstance");
  return instance === "" ? component : `${component}, ${instance}`;
}

function countOf(event: JsonObject): number {
  const { count } = event;
  const repeated = objectIn(event, "series")?.["count"];
  if (typeof repeated === "number") return repeated;
  return typeof count === "number" && count > 0 ? count : 1;
}

function firstTime(event: AnyObject): string {
  return textIn(event, "firstTimestamp") || textIn(event, "eventTime");
}

function lastTime(event: AnyObject): string {
  const repeated = textIn(objectIn(event, "series"), "lastObservedTime");
  return repeated || textIn(event, "lastTimestamp") || firstTime(event);
}

const text = (name: string, field: string, options = {}): Column =>
  column(name, (event) => textIn(event, field), options);

const columns: readonly Column[] = [
  column("Last Seen", (event, nowMs) => ageText(lastTime(event), nowMs)),
  text("Type", "type"),
  text("Reason", "reason"),
  column("Object", objectText),
  column("Subobject", (event) => textIn(about(event), "fieldPath"), wide),
  column("Source", sourceText, wide),
  column("Message", (event) => textIn(event, "message").trim()),
  column("First Seen", (event, nowMs) => ageText(firstTime(event), nowMs), wide),
  column("Count", countOf, { type: "integer", priority: 1 }),
  { ...nameColumn, priority: 1 },
];

/** Selectors on the object that an Event is about, e.g. `involvedObject.uid`. */
const fieldsAbout = (prefix: string): Kind["fields"] =>
  Object.fromEntries(
    aboutFields.map((field) => [
      `${prefix}.${field}`,
      (event: AnyObject) => textIn(about(event), field),
    ]),
  );

const reporter = (event: AnyObject): string => textIn(event, "reportingComponent");
const commonFields: Kind["fields"] = {
  reason: (event) => textIn(event, "reason"),
  type: (event) => textIn(event, "type"),
};

/** core/v1 Event: what happened to an object. The collector removes old ones. */
export const eventKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
  shortNames: ["ev"],
  definition: "io.k8s.api.core.v1.Event",
  columns,
  fields: {
    ...fieldsAbout("involvedObject"),
    ...commonFields,
    reportingComponent: reporter,
    source: (event) => textIn(objectIn(event, "source"), "component") || reporter(event),
  },
  strategy: { validate: (object) => eventCauses(object, "core") },
};

function validateView(object: Body, before?: AnyObject): readonly StatusCause[] {
  const event = eventView.toStored(object);
  const more =
    before === undefined
      ? newEventCauses(event)
      : changedEventCauses(event, eventView.toStored(before));
  return [...eventCauses(event, "events"), ...more];
}

/** events.k8s.io/v1 Event: the same objects, as newer recorders write them. */
export const eventsEventKind: BuiltIn = {
  group: "events.k8s.io",
  version: "v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
  shortNames: ["ev"],
  definition: "io.k8s.api.events.v1.Event",
  keptWith: { group: "", plural: "events" },
  view: eventView,
  columns,
  fields: { ...fieldsAbout("regarding"), ...commonFields, reportingController: reporter },
  strategy: { validate: validateView },
};
