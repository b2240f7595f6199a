import { type Pod, pods } from "../api/machinery/resources.ts";
import { label } from "../crds/labels.ts";
import type { Application, Revision } from "../crds/types.gen.ts";
import type { Call } from "./command.ts";
import { conditionRows, eventRows, pairs, podRows, section } from "./describe-parts.ts";
import { historyRows } from "./history.ts";
import { harmless } from "./live/plain-text.ts";
import { renderRollout } from "./live/render.ts";
import { type RolloutView, rolloutView } from "./live/rollout-view.ts";
import { failureOf } from "./live/slot-view.ts";
import { age, ageOf, formatTable } from "./output.ts";
import { revisionsOf } from "./revisions.ts";

function placementText({ spec }: Application): string {
  const { placement } = spec;
  if (placement.perNode) return "one per Node";
  if (placement.nodes.length > 0) return `Nodes ${placement.nodes.join(", ")}`;
  return `${spec.replicas ?? 0} replicas`;
}

function strategyText({ spec }: Application): string {
  const { batch, canary, onFailure } = spec.strategy;
  const first = canary.count > 0 ? `canary ${canary.count} (${canary.approve}), ` : "";
  return `${first}batch ${batch}, on failure ${onFailure}`;
}

function facts(call: Call, app: Application, view: RolloutView): string {
  const { metadata, spec, status } = app;
  const { name, message = "", failedAt } = status?.failedRevision ?? {};
  const failed = `${name ?? "the last version"}, ${ageOf(call.io, failedAt)} ago: ${harmless(message)}`;
  const optional = [
    ["Group:", view.group],
    ["Paused:", spec.paused ? "spec.paused is true" : undefined],
    ["Failed:", status?.failedRevision === undefined ? undefined : failed],
  ];
  return formatTable([
    ["Name:", metadata.name],
    ["Namespace:", metadata.namespace ?? ""],
    ["Labels:", pairs(metadata.labels)],
    ["Age:", ageOf(call.io, metadata.creationTimestamp)],
    ["Rollout:", view.verdict.text],
    ["Placement:", placementText(app)],
    ["Images:", spec.template.spec.containers.map(({ image }) => image).join(", ")],
    ["Strategy:", strategyText(app)],
    ["Revision:", status?.currentRevision ?? "<none>"],
    ...optional.flatMap(([key = "", value]) => (value === undefined ? [] : [[key, value]])),
  ]);
}

/** The slots while a rollout goes on; afterwards the Pods say enough. */
function progress(view: RolloutView): string {
  if (view.verdict.state !== "Running" || view.slots.length === 0) return "";
  const lines = renderRollout({ ...view, waits: [], fallen: [] }, { columns: 400, rows: 60 });
  const shown = lines.slice(1).map((line) => `${line.map(({ text }) => text).join("")}\n`);
  return `Slots:\n${shown.join("")}`;
}

function waitRows({ waits, nowMs }: RolloutView): string[][] {
  return waits.map(({ owner, reason, text, sinceMs }) => [
    owner,
    reason,
    age(nowMs - sinceMs),
    text,
  ]);
}

/** What containers said at their end, of the Pods that are there. */
function lastWords(list: readonly Pod[]): string {
  const said = list.flatMap((pod) => {
    const failure = failureOf(pod);
    if (failure === undefined) return [];
    const place = pod.spec.nodeName === undefined ? "" : ` on ${pod.spec.nodeName}`;
    const words = failure.words.map((word) => `    | ${word}`);
    return [`  ${pod.metadata.name}${place}: ${failure.summary}`, ...words];
  });
  return said.length === 0 ? "" : `Last words:\n${said.join("\n")}\n`;
}

function revisionRows(app: Application, all: readonly Revision[], nowMs: number): string[][] {
  return historyRows(app, all, nowMs).map(({ number, name, result, images, when, message }) => [
    number,
    name,
    result,
    images,
    when,
    harmless(message),
  ]);
}

/** All there is to know of an Application: enough to say why it does not move. */
export async function describeApplication(call: Call, app: Application): Promise<string> {
  const { client, namespace } = await call.connect();
  const { metadata, status } = app;
  const labelSelector = `${label.application}=${metadata.name}`;
  const { items } = await client.list(pods, { namespace, labelSelector }, call.signal);
  const nowMs = call.io.clock.nowMs();
  const view = rolloutView(app, items, nowMs);
  const waits = waitRows(view);
  return [
    facts(call, app, view),
    progress(view),
    waits.length === 0 ? "" : section("Waits", waits),
    lastWords(items),
    section("Conditions", conditionRows(call, status?.conditions)),
    section("Pods", podRows(call, items)),
    section("Revisions", revisionRows(app, await revisionsOf(call, app), nowMs)),
    section("Events", await eventRows(call, metadata.uid, metadata.namespace)),
  ].join("");
}
