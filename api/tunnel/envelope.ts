import { badRequest, internal, StatusError, tooLarge } from "../machinery/errors.ts";
import { fromStatus, toStatus } from "../machinery/status.ts";
import type { Caller, NodeAnswer, NodeCall } from "./node-link.ts";

/** One call as it travels: everything but its body. Nothing of it is an HTTP/2 header of its own, so nothing can pose as one. */
export type CallHead = Omit<NodeCall, "body"> & {
  /** metadata.name of the Node. */
  readonly node: string;
};

/** The beginning of an answer as it travels. */
export type AnswerHead = Pick<NodeAnswer, "status" | "headers">;

/** The headers that carry them. */
export const headers = {
  call: "lighthouse-call",
  answer: "lighthouse-answer",
  /** Of an answer that is a Status: the handler threw it. Its text is the body. */
  refused: "lighthouse-refused",
  /** The trailer of each half: what came is whole when it is empty, else the Status that broke it off. */
  end: "lighthouse-end",
} as const;

/** HPACK decoders refuse one value above 64 KiB, so a long one is sent as several. */
const chunkLength = 32 << 10;
const maxLength = 192 << 10;

function encode(value: unknown): readonly string[] {
  const text = Buffer.from(JSON.stringify(value)).toString("base64url");
  if (text.length > maxLength) throw tooLarge(Math.floor((maxLength * 3) / 4));
  const chunks: string[] = [];
  for (let at = 0; at < text.length; at += chunkLength)
    chunks.push(text.slice(at, at + chunkLength));
  return chunks;
}

/** Several values of one header arrive joined by a comma. */
function decode(value: unknown): unknown {
  const text = Array.isArray(value) ? value.join("") : typeof value === "string" ? value : "";
  try {
    return JSON.parse(Buffer.from(text.replaceAll(/[, ]/g, ""), "base64url").toString());
  } catch (cause) {
    throw badRequest("Cannot read what came through the tunnel: its head is no JSON", { cause });
  }
}

type Unknown = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isOptionalText = (value: unknown): boolean =>
  value === undefined || typeof value === "string";

function isCaller(value: unknown): value is Caller {
  if (!isRecord(value)) return false;
  const { user, groups, verb, resource, auditId, uid, namespace, name } = value;
  return (
    [user, verb, resource].every(isText) &&
    typeof auditId === "string" &&
    Array.isArray(groups) &&
    groups.every((group) => typeof group === "string") &&
    [uid, namespace, name].every(isOptionalText)
  );
}

const isHeaders = (value: unknown): value is Record<string, string> =>
  isRecord(value) && Object.values(value).every((one) => typeof one === "string");

/** A final status, or the one that switches protocols: an interim one is not the answer. */
const isStatus = (value: unknown): value is number =>
  Number.isInteger(value) && (value === 101 || (Number(value) >= 200 && Number(value) <= 599));

const isToken = (name: string): boolean => /^[\w!#$%&'*+.^`|~-]+$/.test(name);

/** What a header's value may be (RFC 9110, 5.5): a line break would be the start of another one. */
const isFieldValue = (value: unknown): boolean =>
  typeof value === "string" && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);

const isAnswerHeaders = (value: unknown): value is AnswerHead["headers"] =>
  isRecord(value) &&
  Object.entries(value).every(([name, one]) => isToken(name) && [one].flat().every(isFieldValue));

/** @throws StatusError `RequestEntityTooLarge` */
export function encodeCall(head: CallHead): readonly string[] {
  return encode(head);
}

/**
 * Reads a call, and refuses one that does not say for whom and by which right it is made.
 * @throws StatusError `BadRequest`, `Forbidden` without a caller
 */
export function decodeCall(value: unknown): CallHead {
  const head = decode(value);
  if (!isRecord(head)) throw badRequest("Cannot read a call: its head is no object");
  const { node, method, path, headers: sent, caller, upgrade } = head;
  if (!isCaller(caller))
    throw new StatusError("Forbidden", "Cannot serve a call: it does not say who was allowed what");
  const known = isText(node) && isText(method) && /^[A-Z]+$/.test(method) && isText(path);
  if (!known || !path.startsWith("/") || !isHeaders(sent) || !isOptionalText(upgrade))
    throw badRequest("Cannot read a call: node, method, path or headers are missing");
  return {
    node,
    method,
    path,
    headers: sent,
    caller,
    ...(isText(upgrade) ? { upgrade } : {}),
  };
}

/** @throws StatusError `RequestEntityTooLarge` */
export function encodeAnswer({ status, headers: sent }: AnswerHead): readonly string[] {
  return encode({ status, headers: sent });
}

/** @throws StatusError `BadRequest` */
export function decodeAnswer(value: unknown): AnswerHead {
  const head = decode(value);
  const { status, headers: given } = isRecord(head) ? head : {};
  if (!isStatus(status) || !isAnswerHeaders(given))
    throw badRequest("Cannot read an answer: its head has no status or headers");
  return { status, headers: given };
}

/** What a caller is told of an error: one that is no StatusError is a bug, whose detail stays here. */
export function tellable(err: unknown, what: string): StatusError {
  if (err instanceof StatusError) return err;
  return internal(`Internal error of the agent: see its log for ${what}`, { cause: err });
}

/** The trailer after a body; without an error it says that the body is whole. */
export function encodeEnd(err?: StatusError): string {
  if (err === undefined) return "";
  const { reason, message } = err;
  const short = new StatusError(reason, message.slice(0, 4_096));
  return Buffer.from(JSON.stringify(toStatus(short))).toString("base64url");
}

/**
 * The error that broke off a body; `undefined` when it is whole. Never throws: nobody could catch it
 * where a trailer comes in.
 */
export function decodeEnd(value: string): StatusError | undefined {
  if (value === "") return undefined;
  try {
    const status = decode(value);
    const code = isRecord(status) ? Number(status["code"]) : 500;
    return fromStatus(code, status);
  } catch (cause) {
    return internal("The tunnel ended a body with words that nobody can read", { cause });
  }
}
