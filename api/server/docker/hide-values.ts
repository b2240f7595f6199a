import { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { containerLabel } from "../../../crds/labels.ts";
import { unavailable } from "../../machinery/errors.ts";
import type { NodeAnswer, NodeCall, NodeHandler } from "../../tunnel/node-link.ts";

/**
 * What an engine tells of containers has the values of Secrets in it: in their environment, and in
 * commands that name it as `$(NAME)`. Who may only look at a host is not shown them for containers
 * of Pods and of agents; names of variables stay. Who may override may enter them anyway.
 */
const hidden = "(hidden)";

type Json = Readonly<Record<string, unknown>>;
type Labels = Readonly<Record<string, unknown>>;

const objectOf = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const isOurs = (labels: Labels): boolean =>
  labels[containerLabel.podUid] !== undefined || labels[containerLabel.agent] !== undefined;

const hiddenVariable = (variable: unknown): string =>
  `${String(variable).replace(/=.*$/s, "")}=${hidden}`;

const hiddenList = (value: unknown): unknown => (listOf(value).length === 0 ? value : [hidden]);

/** The answer to `GET /containers/{id}/json`. */
function hideInspected(answer: unknown): Json {
  const container = objectOf(answer);
  const config = objectOf(container["Config"]);
  if (!isOurs(objectOf(config["Labels"]))) return container;
  const { Env: env, Cmd: command, Entrypoint: entrypoint } = config;
  return {
    ...container,
    Path: hidden,
    Args: hiddenList(container["Args"]),
    Config: {
      ...config,
      Env: listOf(env).map(hiddenVariable),
      Cmd: hiddenList(command),
      Entrypoint: hiddenList(entrypoint),
      ...(config["Healthcheck"] === undefined ? {} : { Healthcheck: { Test: [hidden] } }),
    },
  };
}

/** An entry of `GET /containers/json`. */
function hideListed(entry: unknown): unknown {
  const container = objectOf(entry);
  return isOurs(objectOf(container["Labels"])) ? { ...container, Command: hidden } : entry;
}

const hideAllListed = (answer: unknown): unknown => listOf(answer).map(hideListed);

/** The answer to `GET /system/df`. */
function hideUsage(answer: unknown): Json {
  const usage = objectOf(answer);
  return { ...usage, Containers: hideAllListed(usage["Containers"]) };
}

/** Columns of ps that tell nothing but numbers and names of users. */
const plainColumns =
  /^(UID|USER|RUSER|PID|PPID|PGID|SID|C|%CPU|%MEM|PRI|NI|VSZ|RSS|SZ|STAT|S|STIME|START|STARTED|TTY|TT|TIME|ELAPSED)$/;

/** The answer to `GET /containers/{id}/top`. */
function hideTop(answer: unknown): Json {
  const top = objectOf(answer);
  const shown = listOf(top["Titles"]).map((title) => plainColumns.test(String(title)));
  const processes = listOf(top["Processes"]).map((row) =>
    listOf(row).map((cell, column) => (shown[column] === true ? cell : hidden)),
  );
  return { ...top, Processes: processes };
}

/** Far above what a host with thousands of containers answers. Bytes. */
const maxAnswerBytes = 64 << 20;

/** `undefined`: nothing was answered. */
async function wholeJson({ body }: NodeAnswer): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) break; // which destroys the body
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
  } catch {
    throw unreadable();
  }
}

/** Unseen it must not pass, and its text must not get into a message. */
const unreadable = (): Error =>
  unavailable("Cannot show what the engine answers: it is no JSON, or too long");

async function withJson(
  answer: NodeAnswer,
  change: (value: unknown) => unknown,
): Promise<NodeAnswer> {
  const { status, headers } = answer;
  const value = await wholeJson(answer);
  const body = Buffer.from(value === undefined ? "" : JSON.stringify(await change(value)));
  const { "content-encoding": _encoding, "transfer-encoding": _transfer, ...rest } = headers;
  return {
    status,
    headers: { ...rest, "content-length": String(body.length) },
    body: Readable.from([body], { objectMode: false }),
  };
}

/** Commands of people and of health checks are part of what happened, e.g. `exec_create: sh -c ...`. */
const withCommand = /^(exec_\w+): .*$/s;

const withoutCommand = (action: unknown): unknown =>
  typeof action === "string" ? action.replace(withCommand, `$1: ${hidden}`) : action;

function hideEvent(value: unknown): unknown {
  const event = objectOf(value);
  if (!isOurs(objectOf(objectOf(event["Actor"])["Attributes"]))) return value;
  const { status, Action: action } = event;
  return {
    ...event,
    ...(status === undefined ? {} : { status: withoutCommand(status) }),
    ...(action === undefined ? {} : { Action: withoutCommand(action) }),
  };
}

/** Far above the labels of a container. Characters. */
const maxEventLength = 1 << 20;

/** The stream of `GET /events`: one JSON text a line, as they happen. */
async function* hideEvents(body: NodeAnswer["body"]): AsyncGenerator<string> {
  const decoder = new StringDecoder();
  let rest = "";
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxEventLength) throw unreadable();
    const shown = lines.filter((line) => line.trim() !== "").map(shownEvent);
    if (shown.length > 0) yield `${shown.join("\n")}\n`;
  }
  if (rest.trim() !== "") yield `${shownEvent(rest)}\n`;
}

function shownEvent(line: string): string {
  try {
    return JSON.stringify(hideEvent(JSON.parse(line)));
  } catch {
    throw unreadable();
  }
}

function withEvents({ status, headers, body }: NodeAnswer, signal: AbortSignal): NodeAnswer {
  const { "content-length": _length, ...rest } = headers;
  // The one that reads it would hear of the end with the next event.
  signal.addEventListener("abort", () => body.destroy(), { once: true });
  return { status, headers: rest, body: Readable.from(hideEvents(body), { objectMode: false }) };
}

/** A call whose answer must be looked into. */
export type HidingCall = {
  readonly handler: NodeHandler;
  /** `pattern` of the operation, e.g. `/containers/{id}/json`. */
  readonly pattern: string;
  readonly call: NodeCall;
  readonly signal: AbortSignal;
};

/** Whether a container is ours, for answers that do not say so. */
async function isOursAt({ handler, call, signal }: HidingCall, path: string): Promise<boolean> {
  const answer = await handler({ method: "GET", path, headers: {}, caller: call.caller }, signal);
  if (answer.status !== 200) {
    answer.body.destroy();
    return true;
  }
  return isOurs(objectOf(objectOf(objectOf(await wholeJson(answer))["Config"])["Labels"]));
}

/** The answer to `GET /exec/{id}/json`. */
async function hideExec(hiding: HidingCall, value: unknown): Promise<unknown> {
  const exec = objectOf(value);
  const id = String(exec["ContainerID"]);
  const path = hiding.call.path.replace(/\/exec\/[^/]*\/json(\?.*)?$/s, `/containers/${id}/json`);
  const known = /^[0-9a-f]{12,64}$/.test(id) && !(await isOursAt(hiding, path));
  if (known) return value;
  const config = objectOf(exec["ProcessConfig"]);
  return { ...exec, ProcessConfig: { ...config, entrypoint: hidden, arguments: [hidden] } };
}

/**
 * The answer of an engine as who may only look at the host sees it.
 * @throws StatusError `ServiceUnavailable` when it cannot be read
 */
export async function hideValues(hiding: HidingCall, answer: NodeAnswer): Promise<NodeAnswer> {
  if (answer.status !== 200 || hiding.call.method !== "GET") return answer;
  switch (hiding.pattern) {
    case "/containers/{id}/json":
      return withJson(answer, hideInspected);
    case "/containers/json":
      return withJson(answer, hideAllListed);
    case "/system/df":
      return withJson(answer, hideUsage);
    case "/containers/{id}/top": {
      const path = hiding.call.path.replace(/\/top(\?.*)?$/s, "/json");
      return (await isOursAt(hiding, path)) ? withJson(answer, hideTop) : answer;
    }
    case "/exec/{id}/json":
      return withJson(answer, (value) => hideExec(hiding, value));
    case "/events":
      return withEvents(answer, hiding.signal);
    default:
      return answer;
  }
}
