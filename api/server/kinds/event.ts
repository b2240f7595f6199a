import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageText, column, nameColumn } from "./columns.ts";
import { objectIn, textIn } from "./fill.ts";
import type { Body, Column, JsonObject } from "./kind.ts";

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
  return `${textIn(about(event), "kind").toLowerCase()}/${textIn(about(event), "name")}`;
}

function sourceText(event: JsonObject): string {
  const source = objectIn(event, "source");
  const parts = [textIn(source, "component"), textIn(source, "host")].filter((part) => part !== "");
  return parts.length > 0 ? parts.join(", ") : textIn(event, "reportingComponent");
}

function countOf(event: JsonObject): number {
  const { count } = event;
  const repeated = objectIn(event, "series")?.["count"];
  if (typeof repeated === "number") return repeated;
  return typeof count === "number" ? count : 1;
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

function validate(object: Body): readonly StatusCause[] {
  const { namespace = "" } = object.metadata;
  const of = textIn(about(object), "namespace");
  // Events about cluster-scoped objects lie in the default namespace.
  const fits = of === namespace || (of === "" && namespace === "default");
  if (fits) return [];
  return [invalidValue("involvedObject.namespace", of, "does not match event.namespace")];
}

/** core/v1 Event: what happened to an object. The collector removes old ones. */
export const eventKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
  shortNames: ["ev"],
  definition: "io.k8s.api.core.v1.Event",
  columns: [
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
  ],
  fields: {
    ...Object.fromEntries(
      aboutFields.map((field) => [
        `involvedObject.${field}`,
        (event: AnyObject) => textIn(about(event), field),
      ]),
    ),
    reason: (event) => textIn(event, "reason"),
    reportingComponent: (event) => textIn(event, "reportingComponent"),
    source: (event) =>
      textIn(objectIn(event, "source"), "component") || textIn(event, "reportingComponent"),
    type: (event) => textIn(event, "type"),
  },
  strategy: { validate },
};
