import { equalJson } from "../../machinery/equality.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import { qualifiedNameProblems } from "../../machinery/names.ts";
import { objectIn, textIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

/** Longest texts of an Event with an eventTime, in characters. */
const maxLength = { reportingInstance: 128, action: 128, reason: 128, message: 1_024 } as const;
type Text = keyof typeof maxLength;

/** Which of the two APIs a request used. They differ in one name, and in how strict they are. */
export type EventApi = "core" | "events";

/**
 * What is wrong with an Event in its stored form. Kubernetes names the fields as they are stored,
 * also to those who used the other API.
 */
export function eventCauses(event: JsonObject, api: EventApi): readonly StatusCause[] {
  const { namespace = "" } = event["metadata"] as { readonly namespace?: string };
  const of = textIn(objectIn(event, "involvedObject"), "namespace");
  const timed = textIn(event, "eventTime") !== "";
  const fits = timed ? fitsTimed(of, namespace) : fitsUntimed(of, namespace);
  return [...(fits ? [] : [misplaced(of)]), ...(timed ? reporterCauses(event, api) : [])];
}

function misplaced(of: string): StatusCause {
  return invalidValue("involvedObject.namespace", of, "does not match event.namespace");
}

/** Events about cluster-scoped objects lie in the default namespace. */
const fitsUntimed = (of: string, namespace: string): boolean =>
  of === namespace || (of === "" && namespace === "default");

/** Newer recorders may also write about a namespaced object elsewhere. */
const fitsTimed = (of: string, namespace: string): boolean =>
  of !== "" || namespace === "default" || namespace === "kube-system";

function reporterCauses(event: JsonObject, api: EventApi): readonly StatusCause[] {
  const field = api === "core" ? "reportingComponent" : "reportingController";
  const reporter = textIn(event, "reportingComponent");
  return [
    ...(reporter === "" ? [requiredValue(field)] : []),
    ...qualifiedNameProblems(reporter).map((problem) => invalidValue(field, reporter, problem)),
    ...textCauses(event, "reportingInstance"),
    ...textCauses(event, "action"),
    ...textCauses(event, "reason"),
    ...lengthCauses(event, "message"),
  ];
}

function textCauses(event: JsonObject, field: Text): readonly StatusCause[] {
  return textIn(event, field) === "" ? [requiredValue(field)] : lengthCauses(event, field);
}

function lengthCauses(event: JsonObject, field: Text): readonly StatusCause[] {
  const max = maxLength[field];
  if (textIn(event, field).length <= max) return [];
  return [invalidValue(field, "", `can have at most ${max} characters`)];
}

function seriesCauses({ series }: JsonObject): readonly StatusCause[] {
  if (series === undefined || series === null) return [];
  const { count, lastObservedTime } = series as JsonObject;
  return [
    ...(typeof count === "number" && count >= 2
      ? []
      : [invalidValue("series.count", "", "should be at least 2")]),
    ...(typeof lastObservedTime === "string" ? [] : [requiredValue("series.lastObservedTime")]),
  ];
}

const isUnset = (value: unknown): boolean =>
  value === undefined || value === null || value === 0 || equalJson(value, {});

/** What the newer API asks of a new Event besides. */
export function newEventCauses(event: JsonObject): readonly StatusCause[] {
  const type = textIn(event, "type");
  return [
    ...seriesCauses(event),
    ...(textIn(event, "eventTime") === "" ? [requiredValue("eventTime")] : []),
    ...(type === "Normal" || type === "Warning"
      ? []
      : [invalidValue("type", "", `has invalid value: ${type}`)]),
    ...["firstTimestamp", "lastTimestamp", "count", "source"]
      .filter((field) => !isUnset(event[field]))
      .map((field) => invalidValue(field, "", "needs to be unset")),
  ];
}

const fixedFields = [
  "involvedObject",
  "reason",
  "message",
  "source",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "type",
  "eventTime",
  "action",
  "related",
  "reportingController",
  "reportingInstance",
] as const;

/** What the newer API lets nobody change: everything but the series and the metadata. */
export function changedEventCauses(event: JsonObject, before: JsonObject): readonly StatusCause[] {
  const stored = (field: string): string =>
    field === "reportingController" ? "reportingComponent" : field;
  const same = (field: string): boolean => {
    const [left, right] = [event[stored(field)], before[stored(field)]];
    return (isUnset(left) && isUnset(right)) || equalJson(left, right);
  };
  return [
    ...(equalJson(event["series"], before["series"]) ? [] : seriesCauses(event)),
    ...fixedFields
      .filter((field) => !same(field))
      .map((field) => invalidValue(field, event[stored(field)] ?? "", "field is immutable")),
  ];
}
