import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import { bodyHeader } from "../../api/machinery/docker/body-header.ts";
import { dockerUrlText, readDockerUrl } from "../../api/machinery/docker/docker-url.ts";
import {
  type FoundOperation,
  findOperation,
  refusedOperation,
} from "../../api/machinery/docker/operations.ts";
import { StatusError } from "../../api/machinery/errors.ts";
import { hopByHopHeaders } from "../../api/machinery/hop-by-hop.ts";
import type { Caller, NodeAnswer, NodeCall } from "../../api/tunnel/node-link.ts";
import type { PassedAnswer } from "../engine/pass-through.ts";
import type { NodeRoute } from "../node-route.ts";
import { guardCall } from "./guard.ts";
import { createHistory } from "./history.ts";

const prefix = "/docker";

/**
 * Whether the right that the API server granted covers the call: a server that was talked into
 * sending something else is not obeyed.
 */
function covers({ verb, resource }: Caller, { operation }: FoundOperation): boolean {
  const { access } = operation;
  if (access === undefined) return false;
  if (resource !== `nodes/docker-${access}` && resource !== "nodes/proxy") return false;
  return verb === "override" || verb === (access === "read" ? "get" : "create");
}

function headersOf({ headers }: IncomingMessage): NodeAnswer["headers"] {
  const kept = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || hopByHopHeaders.has(name) ? [] : [[name, value] as const],
  );
  return Object.fromEntries(kept);
}

// BuildKit looks at each line of it, and on the way here they became one.
const oneLineEach = "x-docker-expose-session-grpc-method";

function headersForEngine(headers: NodeCall["headers"]): OutgoingHttpHeaders {
  const joined = headers[oneLineEach];
  return joined === undefined ? headers : { ...headers, [oneLineEach]: joined.split(/\s*,\s*/) };
}

/** An engine's answer as the caller shall see it. */
function toNodeAnswer({ response, upgraded }: PassedAnswer): NodeAnswer {
  return {
    status: response.statusCode ?? 502,
    headers: headersOf(response),
    // With an upgrade there is none, and to destroy the response would take the connection along.
    body: upgraded === undefined ? response : Readable.from([]),
    ...(upgraded === undefined ? {} : { upgraded }),
  };
}

/** The row of the table, if the caller's right covers it. @throws StatusError `Forbidden` */
function coveredOperation({ method, caller }: NodeCall, path: string): FoundOperation {
  const found = findOperation(method, path);
  if (found?.operation.access === undefined) throw refusedOperation(method, path, found);
  if (covers(caller, found)) return found;
  const right = `${caller.verb} ${caller.resource}`;
  throw new StatusError(
    "Forbidden",
    `Cannot pass ${method} ${path} to Docker: the right to ${right} does not cover it`,
  );
}

/** The call with its body in its place, see {@link bodyHeader}. */
function unpacked(call: NodeCall): NodeCall {
  const { [bodyHeader]: packed, ...headers } = call.headers;
  if (packed === undefined) return call;
  const bytes = Buffer.from(packed, "base64");
  return { ...call, headers, body: Readable.from([bytes], { objectMode: false }) };
}

/** Everything below `/docker` of a Node: the Engine API of its host, as far as the table knows it. */
export const dockerRoute: NodeRoute = (world) => {
  const tell = createHistory(world);
  return async (sent, signal) => {
    const call = unpacked(sent);
    const url = readDockerUrl(call.path.slice(prefix.length));
    const asked = { call, url, found: coveredOperation(call, url.path) };
    const guarded = await guardCall(world, asked, signal);
    if ("refusal" in guarded) return toNodeAnswer(guarded.refusal);
    const { headers, body } = guarded;
    const { method, upgrade } = call;
    const passed = {
      method,
      path: dockerUrlText(guarded.url),
      headers: headersForEngine(headers),
      ...(body === undefined ? {} : { body }),
      ...(upgrade === undefined ? {} : { upgrade }),
    };
    const doing = {
      action: "pass a call to Docker",
      kind: "engines",
      name: world.nodeName,
    } as const;
    const answer = await world.host.engine.passThrough(passed, doing, signal);
    return tell(asked, guarded, toNodeAnswer(answer));
  };
};
