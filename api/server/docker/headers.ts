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

/**
 * What a browser keeps for the whole address, which is the API server's: neither a host nor a container has
 * a say in it. Cookies would not even come back to them.
 */
const ofWholeOrigin: ReadonlySet<string> = new Set([
  "alt-svc",
  "clear-site-data",
  "nel",
  "origin-agent-cluster",
  "report-to",
  "service-worker-allowed",
  "set-cookie",
  "strict-transport-security",
]);

const policyHeader = "content-security-policy";

/** For what no browser needs to show: nothing is loaded, nothing runs. */
const nothingRuns = "default-src 'none'; sandbox";

const isTheirs = (name: string): boolean =>
  !hopByHopHeaders.has(name) && !ofWholeOrigin.has(name) && name !== policyHeader;

/**
 * What of an answer's headers goes back to the caller; `policy` is what a browser may do with the body,
 * a Content-Security-Policy.
 */
export function headersFromNode(
  { headers }: Pick<NodeAnswer, "headers">,
  policy = nothingRuns,
): OutgoingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => isTheirs(name.toLowerCase()));
  const own = kept.map(([name, value]) => [name, typeof value === "string" ? value : [...value]]);
  return { ...Object.fromEntries(own), [policyHeader]: policy };
}
