import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import {
  type Reason,
  StatusError,
  tooManyRequests,
  unavailable,
} from "../../../api/machinery/errors.ts";
import { tlsFloorOfOthers } from "../../../api/machinery/tls-floor.ts";
import { createDeadline } from "../../engine/deadline.ts";

/** One call of a metadata service or of a cloud's API. */
export type Call = {
  /** Default GET. */
  readonly method?: "GET" | "PUT" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What it is for, e.g. `list the machines of gce`. */
  readonly doing: string;
  /** For the whole call, its body too. Milliseconds, default 20 s. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
};

/** Any answer, in full. */
export type Answer = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
};

const defaultTimeoutMs = 20_000;
/** A page of 1,000 machines takes about 5 MB. */
const maxBytes = 32 * 1024 * 1024;

function placeOf(url: string): string {
  return URL.parse(url)?.host ?? "a wrong address";
}

async function readAll(response: IncomingMessage, call: Call): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) {
      response.destroy();
      const limit = `more than ${maxBytes} bytes`;
      throw unavailable(`Cannot ${call.doing}: ${placeOf(call.url)} answers with ${limit}`);
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function send(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
  const { method = "GET", url, headers = {}, body } = call;
  const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
  const request = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      ...tlsFloorOfOthers,
      method,
      headers: { ...headers, ...length },
      signal,
    });
    sent.once("response", resolve);
    sent.on("error", reject);
    sent.end(body);
  });
}

/**
 * Sends one call and reads its whole answer. Redirects are never followed: a metadata service has no
 * reason for one, and a token must not travel to where an answer points.
 *
 * @throws StatusError `ServiceUnavailable` when there is no answer, not in time, not in full, or one
 * that is too long
 */
export async function exchange(call: Call): Promise<Answer> {
  const timeoutMs = call.timeoutMs ?? defaultTimeoutMs;
  const deadline = createDeadline(timeoutMs, call.signal);
  try {
    const response = await send(call, deadline.signal);
    const text = await readAll(response, call);
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  } catch (cause) {
    if (cause instanceof StatusError) throw cause;
    call.signal.throwIfAborted();
    const words = cause instanceof Error ? cause.message : String(cause);
    const why = deadline.expired() ? `no answer within ${timeoutMs / 1000} s` : words;
    throw unavailable(`Cannot ${call.doing}: ${placeOf(call.url)}: ${why}`, { cause });
  } finally {
    deadline.clear();
  }
}

const reasons = new Map<number, Reason>([
  [400, "BadRequest"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "BadRequest"],
]);

/** A refusal as an error, with the words of the API. */
export function refusal(call: Call, { status, headers }: Answer, words: string): StatusError {
  const said = words.replaceAll(/\s+/g, " ").trim().slice(0, 400);
  const why = said === "" ? `it answers ${status}` : `it answers ${status}: ${said}`;
  const message = `Cannot ${call.doing}: ${placeOf(call.url)}: ${why}`;
  if (status === 429) return tooManyRequests(message, Number(headers["retry-after"]) || 30);
  return new StatusError(reasons.get(status) ?? "ServiceUnavailable", message);
}

/** What is at `keys` of a JSON value; `undefined` when there is nothing. */
export function at(value: unknown, ...keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>((inner, key) => {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return undefined;
    return (inner as Readonly<Record<string | number, unknown>>)[key];
  }, value);
}

/** The text at `keys`; empty when there is none. */
export function textAt(value: unknown, ...keys: readonly (string | number)[]): string {
  const found = at(value, ...keys);
  return typeof found === "string" ? found : "";
}

/** The list at `keys`; empty when there is none. */
export function listAt(value: unknown, ...keys: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...keys);
  return Array.isArray(found) ? (found as readonly unknown[]) : [];
}

/** The texts of the object at `keys`. */
export function textsAt(
  value: unknown,
  ...keys: readonly (string | number)[]
): Readonly<Record<string, string>> {
  const found = at(value, ...keys);
  if (typeof found !== "object" || found === null) return {};
  const texts = Object.entries(found).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(texts);
}

function parse(call: Call, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unavailable(`Cannot ${call.doing}: ${placeOf(call.url)} does not answer in JSON`, {
      cause,
    });
  }
}

/** Words of an error in the forms of Google and Azure, OAuth 2 and DigitalOcean. */
function wordsOf(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    const nested = textAt(value, "error", "message");
    const flat = [textAt(value, "error"), textAt(value, "error_description")].join(" ").trim();
    return nested || flat || textAt(value, "message");
  } catch {
    return ""; // a page of HTML helps nobody
  }
}

/**
 * The JSON of an answer with 200.
 *
 * @throws StatusError as {@link exchange}; `Unauthorized`, `Forbidden` or `BadRequest` as the API
 * refuses; `ServiceUnavailable` for every other answer
 */
export async function askJson(call: Call): Promise<unknown> {
  const answer = await exchange(call);
  if (answer.status !== 200) throw refusal(call, answer, wordsOf(answer.text));
  return parse(call, answer.text);
}

/** A form as `application/x-www-form-urlencoded`. */
export function form(fields: Readonly<Record<string, string>>): string {
  return new URLSearchParams(fields).toString();
}
