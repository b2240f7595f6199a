import type { Subresource } from "../kinds/kind.ts";

type Json = { readonly [field: string]: unknown };

const inQuery = (name: string, type: string, description: string): Json => ({
  name,
  in: "query",
  description,
  schema: { type, uniqueItems: true },
});

const container = inQuery(
  "container",
  "string",
  "Which container; may be left out for the only one.",
);
const stdin = inQuery("stdin", "boolean", "Send input.");
const stdout = inQuery("stdout", "boolean", "Receive what is written to stdout.");
const stderr = inQuery("stderr", "boolean", "Receive what is written to stderr.");
const tty = inQuery("tty", "boolean", "Use a terminal; it has no stderr of its own.");
const command = inQuery(
  "command",
  "string",
  "The program and its arguments, one parameter for each.",
);
const ports = inQuery("ports", "integer", "Ports of the Pod; needed over channels of a WebSocket.");

const path = inQuery("path", "string", "Absolute path in the container.");

const follow = inQuery("follow", "boolean", "Go on until the rollout is final.");
const progress = inQuery("progress", "boolean", "Tell of pulls, waits and exits too.");

/** Parameters by the kind of options that a streaming subresource takes. */
const parametersOf: Readonly<Record<string, readonly Json[]>> = {
  PodAttachOptions: [container, stderr, stdin, stdout, tty],
  PodExecOptions: [command, container, stderr, stdin, stdout, tty],
  PodPortForwardOptions: [ports],
  PodProxyOptions: [],
  FileContent: [container, path],
  FileChangeList: [container],
  RolloutStream: [follow, progress],
};

/** The operations of a subresource that takes the connection over; `undefined` for any other. */
export function connectItem({ responseKind, verbs }: Subresource): Json | undefined {
  const { group, version, kind } = responseKind;
  const parameters = Object.hasOwn(parametersOf, kind) ? parametersOf[kind] : undefined;
  if (parameters === undefined) return undefined;
  const operation: Json = {
    "x-kubernetes-action": "connect",
    "x-kubernetes-group-version-kind": { group, version, kind },
    parameters,
    responses: {
      "200": { description: "OK", content: { "*/*": { schema: { type: "string" } } } },
      "401": { description: "Unauthorized" },
    },
  };
  return {
    ...(verbs.includes("get") && { get: operation }),
    ...(verbs.includes("create") && { post: operation }),
  };
}
