import { type Event, events, type Pod } from "../api/machinery/resources.ts";
import type { Condition } from "../crds/types.gen.ts";
import type { Call } from "./command.ts";
import { harmless } from "./live/plain-text.ts";
import { ageOf, formatTable } from "./output.ts";

/** A titled table. */
export function section(title: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return `${title}: <none>\n`;
  const table = formatTable(rows).replaceAll(/^/gm, "  ").trimEnd();
  return `${title}:\n${table}\n`;
}

/** Labels as `key=value`. */
export const pairs = (map: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(", ") || "<none>";

/** Words of hosts and containers in one line that a terminal only shows. */
const oneLine = (text = ""): string => harmless(text.trim().replaceAll(/\s*[\r\n]+\s*/g, " | "));

function eventTime(event: Event): string | undefined {
  return event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
}

/** Oldest first; of those of one second the one that was written first. */
function byTime(one: Event, other: Event): number {
  const byTime = (eventTime(one) ?? "").localeCompare(eventTime(other) ?? "");
  const [first, second] = [one.metadata.resourceVersion, other.metadata.resourceVersion];
  return byTime === 0 ? first.localeCompare(second, "en", { numeric: true }) : byTime;
}

/** The Events about an object, oldest first. */
export async function eventRows(call: Call, uid: string, namespace?: string): Promise<string[][]> {
  const { client } = await call.connect();
  const scope = namespace === undefined ? {} : { namespace };
  const fieldSelector = `involvedObject.uid=${uid}`;
  const { items } = await client.list(events, { ...scope, fieldSelector }, call.signal);
  return items
    .toSorted(byTime)
    .map((event) => [
      event.type ?? "",
      event.reason ?? "",
      `${ageOf(call.io, eventTime(event))}${(event.count ?? 1) > 1 ? ` (x${event.count ?? 1})` : ""}`,
      oneLine(event.message),
    ]);
}

function podState({ status }: Pod): { readonly state: string; readonly why: string } {
  if (status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true) {
    return { state: "Ready", why: "" };
  }
  const waiting = (status?.containerStatuses ?? []).flatMap(({ state }) => state?.waiting ?? [])[0];
  return {
    state: waiting?.reason ?? status?.phase ?? "Pending",
    why: oneLine(waiting?.message),
  };
}

/** One row for each Pod: where it is, how it is, and why. */
export function podRows(call: Call, list: readonly Pod[]): string[][] {
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

/** One row for each condition, with its age. */
export function conditionRows(
  call: Call,
  conditions: readonly Condition[] | undefined,
): string[][] {
  return (conditions ?? []).map(({ type, status, reason, lastTransitionTime, message }) => [
    type,
    status,
    reason,
    ageOf(call.io, lastTransitionTime),
    oneLine(message),
  ]);
}
