import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Duplex, Readable } from "node:stream";
import { StatusError, unavailable } from "../../api/machinery/errors.ts";
import { nodeReason } from "../../crds/conditions.ts";
import { createDeadline, type Deadline } from "./deadline.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Doing, overdue, refused, unreachable } from "./errors.ts";
import { createEngineAgents, type EngineAgents } from "./keep-alive-agent.ts";
import { createPassThrough, type PassThrough } from "./pass-through.ts";
import { createModem, type Modem, type ModemAnswer, type ModemRequest } from "./modem.ts";
import { strange } from "./trouble.ts";
import { negotiate } from "./version.ts";
import { within } from "./within.ts";

/** Query values; `undefined` ones are left out, `true` is sent as 1, `false` as 0. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** One call of the Engine API. */
export type Call = {
  readonly method: ModemRequest["method"];
  /** Below the version, e.g. `/containers/json`. Parts must be encoded with {@link segment}. */
  readonly path: string;
  readonly query?: Query;
  readonly body?: object;
  readonly raw?: Buffer | Readable;
  readonly headers?: OutgoingHttpHeaders;
  readonly doing: Doing;
  /** For the whole call; of a stream, until its headers. */
  readonly deadlineMs: number;
  /** A 404 is an answer, `undefined`, instead of an error. */
  readonly mayBeAbsent?: boolean;
  readonly signal?: AbortSignal | undefined;
};

/** A body on its way. Destroy it, or read it to its end. */
export type Body = {
  readonly stream: IncomingMessage;
  /** Errors of the stream as callers shall see them. */
  explain(err: unknown): unknown;
};

/** HTTP to one engine: version, deadlines, errors. */
export type Transport = {
  /** The parsed JSON answer; `undefined` for an empty body or an absent object. */
  readonly json: <T>(call: Call) => Promise<T | undefined>;
  /** The body as it comes; `undefined` for an absent object. */
  readonly open: (call: Call) => Promise<Body | undefined>;
  /** Takes over the connection. Destroying it hangs up. */
  readonly hijack: (call: Call) => Promise<Duplex>;
  /** See `Engine.forward`. */
  readonly forward?: EngineAgents["forward"];
  /** For calls that are not ours. */
  readonly passThrough: PassThrough;
  /** Asks for a sign of life. */
  readonly ping: (signal?: AbortSignal) => Promise<void>;
  /** The negotiated version, e.g. `1.41`. */
  readonly apiVersion: (signal?: AbortSignal) => Promise<string>;
  /** Drops idle connections; open streams end by their own. */
  readonly close: () => void;
};

/** Encodes an id, name or reference for a path. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

function toQuery(query: Query = {}): Record<string, string | readonly string[]> {
  const given = Object.entries(query).flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (typeof value === "boolean") return [[key, value ? "1" : "0"] as const];
    return [[key, typeof value === "number" ? String(value) : value] as const];
  });
  return Object.fromEntries(given);
}

/** Far above the list of any engine's containers: one host must not take the agent of all others down. */
const maxAnswerBytes = 128 << 20;
/** Of a refusal: more is no message. */
const maxRefusalBytes = 1 << 20;

async function readAll(response: IncomingMessage, maxBytes = maxAnswerBytes): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw new Error(`it answers with more than ${maxBytes} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refusalText(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed)
      return String(parsed.message);
  } catch {
    // Proxies and TLS ports answer in plain text: that is the message then.
  }
  return text;
}

function parseAnswer(text: string, doing: Doing, url: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `Cannot ${doing.action}: the engine's answer is not JSON`;
    throw doing.kind === "engines"
      ? strange(url, nodeReason.notAnEngine, message, cause)
      : unavailable(message, { cause });
  }
}

/** A kept connection that the engine closed meanwhile: nothing was read, so asking again is safe. */
function isStale(err: unknown): boolean {
  if (!(err instanceof Error) || !("code" in err)) return false;
  return err.code === "ECONNRESET" || err.code === "EPIPE";
}

/** What an exchange needs of its transport. */
type Line = {
  readonly endpoint: Endpoint;
  readonly modem: Modem;
  readonly basePath: string;
  readonly apiVersion: Transport["apiVersion"];
  /** The engine did not answer: what was negotiated may be stale. */
  readonly forget: () => void;
  /** Closes kept connections that nobody uses. */
  readonly dropIdle: () => void;
};

async function send(line: Line, request: ModemRequest): Promise<ModemAnswer> {
  request.signal.throwIfAborted();
  try {
    return await line.modem(request);
  } catch (err) {
    if (!isStale(err) || request.method !== "GET" || request.signal.aborted) throw err;
    line.dropIdle(); // the others broke with it
    return line.modem(request);
  }
}

function toRequest(call: Call, path: string, signal: AbortSignal): ModemRequest {
  const { method, body, raw, headers = {} } = call;
  return {
    method,
    path,
    query: toQuery(call.query),
    headers,
    hijack: false,
    signal,
    ...(body === undefined ? {} : { body }),
    ...(raw === undefined ? {} : { raw }),
  };
}

/** The response below 400; `undefined` when the object may be absent and is. */
async function accept(call: Call, answer: ModemAnswer): Promise<IncomingMessage | undefined> {
  if (answer.kind === "hijacked") {
    answer.socket.destroy();
    throw unavailable(`Cannot ${call.doing.action}: the engine switched protocols unasked`);
  }
  const { response } = answer;
  const status = response.statusCode ?? 0;
  if (status < 400) return response;
  const message = refusalText(await readAll(response, maxRefusalBytes));
  if (status === 404 && call.mayBeAbsent === true) return undefined;
  throw refused(call.doing, { status, message });
}

function explain(line: Line, call: Call, deadline: Deadline, err: unknown): unknown {
  if (err instanceof StatusError) return err;
  if (deadline.expired()) return overdue(line.endpoint.url, call.doing, call.deadlineMs);
  if (call.signal?.aborted === true) return call.signal.reason;
  line.forget();
  return unreachable(line.endpoint.url, call.doing, err);
}

/** One exchange under way: its request, and the deadline that `use` may keep beyond the call. */
type Exchange = {
  readonly call: Call;
  readonly request: ModemRequest;
  readonly deadline: Deadline;
};

/** Runs `use` below the deadline and translates whatever it throws. `prefix` replaces the version. */
async function exchange<T>(
  line: Line,
  call: Call,
  use: (exchange: Exchange) => Promise<T>,
  prefix?: string,
): Promise<T> {
  call.signal?.throwIfAborted();
  const version = prefix ?? `/v${await line.apiVersion(call.signal)}`;
  const deadline = createDeadline(call.deadlineMs, call.signal);
  try {
    const path = `${line.basePath}${version}${call.path}`;
    return await use({ call, deadline, request: toRequest(call, path, deadline.signal) });
  } catch (err) {
    deadline.clear();
    throw explain(line, call, deadline, err);
  }
}

const pingMs = 10_000;

/** The version that the engine announces, without knowing one yet. */
function ping(line: Line, signal?: AbortSignal): Promise<string> {
  const { url } = line.endpoint;
  const doing: Doing = { action: "reach the engine", kind: "engines", name: url };
  const ask: Call = { method: "GET", path: "/_ping", doing, deadlineMs: pingMs, signal };
  return exchange(
    line,
    ask,
    async ({ call, request, deadline }) => {
      const response = await accept(call, await send(line, request));
      response?.resume();
      deadline.clear();
      return negotiate(response?.headers["api-version"], url);
    },
    "",
  );
}

const json =
  (line: Line) =>
  <T>(asked: Call): Promise<T | undefined> =>
    exchange(line, asked, async ({ call, request, deadline }) => {
      const response = await accept(call, await send(line, request));
      const text = response === undefined ? "" : await readAll(response);
      deadline.clear();
      return parseAnswer(text, call.doing, line.endpoint.url) as T | undefined;
    });

const open =
  (line: Line): Transport["open"] =>
  (asked) =>
    exchange(line, asked, async ({ call, request, deadline }) => {
      const stream = await accept(call, await send(line, request));
      deadline.lift();
      if (stream === undefined) {
        deadline.clear();
        return undefined;
      }
      stream.once("close", () => deadline.clear());
      return { stream, explain: (err) => explain(line, call, deadline, err) };
    });

const hijack =
  (line: Line): Transport["hijack"] =>
  (asked) =>
    exchange(line, asked, async ({ call, request, deadline }) => {
      const answer = await send(line, { ...request, hijack: true });
      deadline.clear();
      if (answer.kind === "hijacked") return answer.socket;
      const response = await accept(call, answer);
      response?.destroy();
      throw unavailable(`Cannot ${call.doing.action}: the engine did not hand over the connection`);
    });

/** Opens HTTP to an engine. Connects at the first call. */
export function createTransport(endpoint: Endpoint): Transport {
  const agents = createEngineAgents(endpoint);
  const agent = agents.kept;
  let version: Promise<string> | undefined;
  const line: Line = {
    endpoint,
    modem: createModem(endpoint, agent),
    basePath: endpoint.kind === "tcp" ? endpoint.basePath : "",
    forget: () => {
      version = undefined; // an engine that was away may come back in another version
    },
    dropIdle: () => {
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    },
    apiVersion: (signal) => {
      version ??= ping(line).catch((err: unknown) => {
        version = undefined;
        throw err;
      });
      return signal === undefined ? version : within(version, signal);
    },
  };
  return {
    apiVersion: line.apiVersion,
    ping: async (signal) => {
      await ping(line, signal);
    },
    json: json(line),
    open: open(line),
    hijack: hijack(line),
    passThrough: createPassThrough(endpoint, agents),
    ...(agents.forward === undefined ? {} : { forward: agents.forward }),
    close: () => agents.close(),
  };
}
