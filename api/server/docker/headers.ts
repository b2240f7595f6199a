import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { hopByHopHeaders } from "../../machinery/hop-by-hop.ts";
import type { NodeAnswer } from "../../tunnel/node-link.ts";

/** Of the caller and us alone: no engine shall see who may do what here. */
const ours =
  /^(:|authorization$|cookie$|host$|impersonate-|x-remote-|x-forwarded-|x-lighthouse-|audit-id$|expect$)/;

/** What of a request's headers goes on to the engine; names come in lower case. */
export function headersForNode(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const named = new Set((headers.connection ?? "").toLowerCase().split(/\s*,\s*/));
  const kept = Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined || hopByHopHeaders.has(name) || ours.test(name) || named.has(name))
      return [];
    return [[name, [value].flat().join(", ")] as const];
  });
  return Object.fromEntries(kept);
}

/** What of an engine's headers goes back to the caller. */
export function headersFromNode({ headers }: Pick<NodeAnswer, "headers">): OutgoingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => !hopByHopHeaders.has(name.toLowerCase()));
  return Object.fromEntries(
    kept.map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
  );
}
