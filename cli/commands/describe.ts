import { stringify } from "yaml";
import type { ResourceType } from "../../api/machinery/gvk.ts";
import type { AnyObject } from "../../api/machinery/object.ts";
import {
  applications,
  type Event,
  events,
  nodes,
  type Pod,
  pods,
} from "../../api/machinery/resources.ts";
import { label } from "../../crds/labels.ts";
import type { Application, Condition } from "../../crds/types.gen.ts";
import { type Call, Misuse, type Run } from "../command.ts";
import { namedBy } from "../kinds.ts";
import { ageOf, formatTable } from "../output.ts";
import { revisionsOf } from "../revisions.ts";
import { verdictOf } from "../verdict.ts";

function section(title: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return `${title}: <none>\n`;
  const table = formatTable(rows).replaceAll(/^/gm, "  ").trimEnd();
  return `${title}:\n${table}\n`;
}

const pairs = (map: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(", ") || "<none>";

function eventTime(event: Event): string | undefined {
  return event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
}

async function eventRows(call: Call, uid: string, namespace?: string): Promise<string[][]> {
  const { client } = await call.connect();
  const scope = namespace === undefined ? {} : { namespace };
  const fieldSelector = `involvedObject.uid=${uid}`;
  const { items } = await client.list(events, { ...scope, fieldSelector }, call.signal);
  return items
    .toSorted((a, b) => (eventTime(a) ?? "").localeCompare(eventTime(b) ?? ""))
    .map((event) => [
      event.type ?? "",
      event.reason ?? "",
      `${ageOf(call.io, eventTime(event))}${(event.count ?? 1) > 1 ? ` (x${event.count ?? 1})` : ""}`,
      event.message ?? "",
    ]);
}

function podState({ status }: Pod): { readonly state: string; readonly why: string } {
  if (status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true) {
    return { state: "Ready", why: "" };
  }
  const waiting = (status?.containerStatuses ?? []).flatMap(({ state }) => state?.waiting ?? [])[0];
  return {
    state: waiting?.reason ?? status?.phase ?? "Pending",
    why: waiting?.message ?? "",
  };
}

function podRows(call: Call, list: readonly Pod[]): string[][] {
  return list.map((pod) => {
    const { metadata, spec, status } = pod;
    const { state, why } = podState(pod);
    const restarts = (status?.containerStatuses ?? []).map(({ restartCount }) => restartCount);
    return [
      metadata.name,
      state,
      spec.nodeName ?? "<none>",
      `${restarts.reduce((sum, count) => sum + count, 0)} restarts`,
      ageOf(call.io, metadata.creationTimestamp),
      why,
    ];
  });
}

function conditionRows(call: Call, conditions: readonly Condition[] | undefined): string[][] {
  return (conditions ?? []).map(({ type, status, reason, lastTransitionTime, message }) => [
    type,
    status,
    reason,
    ageOf(call.io, lastTransitionTime),
    message,
  ]);
}

function placementText({ spec }: Application): string {
  const { placement } = spec;
  if (placement.perNode) return "one per Node";
  if (placement.nodes.length > 0) return `Nodes ${placement.nodes.join(", ")}`;
  return `${spec.replicas ?? 0} replicas`;
}

async function describeApplication(call: Call, app: Application): Promise<string> {
  const { client, namespace } = await call.connect();
  const { metadata, spec, status } = app;
  const labelSelector = `${label.application}=${metadata.name}`;
  const list = await client.list(pods, { namespace, labelSelector }, call.signal);
  const history = await revisionsOf(call, app);
  const { strategy } = spec;
  const facts = [
    ["Name:", metadata.name],
    ["Namespace:", metadata.namespace ?? ""],
    ["Labels:", pairs(metadata.labels)],
    ["Age:", ageOf(call.io, metadata.creationTimestamp)],
    ["Rollout:", verdictOf(app).text],
    ["Placement:", placementText(app)],
    ["Images:", spec.template.spec.containers.map(({ image }) => image).join(", ")],
    ["Strategy:", `batch ${strategy.batch}, on failure ${strategy.onFailure}`],
    ["Revision:", status?.currentRevision ?? "<none>"],
  ];
  if (status?.failedRevision !== undefined) {
    const { name, message } = status.failedRevision;
    facts.push(["Failed:", `${name ?? ""} ${message ?? ""}`.trim()]);
  }
  const revisions = history.map((revision) => [
    String(revision.spec.number),
    revision.metadata.name,
    revision.status?.phase ?? "Pending",
    revision.status?.message ?? "",
  ]);
  return [
    formatTable(facts),
    section("Conditions", conditionRows(call, status?.conditions)),
    section("Pods", podRows(call, list.items)),
    section("Revisions", revisions),
    section("Events", await eventRows(call, metadata.uid, metadata.namespace)),
  ].join("");
}

/** Any other kind: the object as YAML without bookkeeping, its Pods if it is a Node, its events. */
async function describeOther(call: Call, type: ResourceType, object: AnyObject): Promise<string> {
  const { client } = await call.connect();
  const { managedFields: _, ...metadata } = object.metadata;
  const parts = [
    stringify({ ...object, metadata }, { version: "1.1", aliasDuplicateObjects: false }),
  ];
  if (type.plural === nodes.plural && type.group === "") {
    const fieldSelector = `spec.nodeName=${metadata.name}`;
    const { items } = await client.list(pods, { fieldSelector }, call.signal);
    parts.push(section("Pods", podRows(call, items)));
  }
  parts.push(section("Events", await eventRows(call, metadata.uid, metadata.namespace)));
  return parts.join("");
}

/** `lighthouse describe`. */
export const runDescribe: Run = async (call) => {
  const session = await call.connect();
  const named = await namedBy(session, call.args);
  let first = true;
  for (const { type, name } of named) {
    if (name === undefined) throw new Misuse(`Missing NAME: which of the ${type.plural}`);
    const key = type.namespaced ? { namespace: session.namespace, name } : { name };
    const object = await session.client.get<AnyObject>(type, key, call.signal);
    if (object === undefined) throw new Error(`${type.kind} "${name}" not found`);
    if (!first) call.io.out("\n\n");
    first = false;
    const isApplication = type.plural === applications.plural && type.group === applications.group;
    call.io.out(
      isApplication
        ? await describeApplication(call, object as unknown as Application)
        : await describeOther(call, type, object),
    );
  }
  return 0;
};
