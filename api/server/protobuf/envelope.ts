import { unsupportedMediaType } from "../../machinery/errors.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { decodeMessage } from "./decode-message.ts";
import { fieldTable } from "./field-table.ts";
import { bytesOf, malformed, textOf, WireReader, type WireValue } from "./wire.ts";

/** Media type of Kubernetes' protobuf. */
export const protobufMediaType = "application/vnd.kubernetes.protobuf";

const magic = Buffer.from("k8s\0", "latin1");

/** runtime.Unknown: what every body is wrapped in. */
type Envelope = {
  readonly apiVersion: string;
  readonly kind: string;
  /** The object's own message. */
  readonly raw: Buffer;
};

function lastFields(bytes: Buffer): ReadonlyMap<number, WireValue> {
  const fields = new Map<number, WireValue>();
  for (const reader = new WireReader(bytes); reader.more;) fields.set(...reader.field());
  return fields;
}

const textIn = (fields: ReadonlyMap<number, WireValue>, number: number): string => {
  const value = fields.get(number);
  return value === undefined ? "" : textOf(value);
};

const bytesIn = (fields: ReadonlyMap<number, WireValue>, number: number): Buffer => {
  const value = fields.get(number);
  return value === undefined ? Buffer.alloc(0) : bytesOf(value);
};

function openEnvelope(body: Buffer): Envelope {
  if (!body.subarray(0, magic.length).equals(magic)) {
    throw malformed("it does not begin with the four bytes that Kubernetes puts first");
  }
  const fields = lastFields(body.subarray(magic.length));
  const type = lastFields(bytesIn(fields, 1));
  const [encoding, contentType] = [textIn(fields, 3), textIn(fields, 4)];
  if (encoding !== "" || (contentType !== "" && contentType !== protobufMediaType)) {
    throw malformed(`the object in it is ${[contentType, encoding].join(" ").trim()}`);
  }
  return { apiVersion: textIn(type, 1), kind: textIn(type, 2), raw: bytesIn(fields, 2) };
}

/**
 * Decodes a body of a built-in kind into the JSON that a client would have sent instead.
 * `otherTypes` are the media types that every kind accepts.
 *
 * @throws StatusError `BadRequest` for malformed bytes, `UnsupportedMediaType` for kinds that have
 *   no protobuf form: custom resources
 */
export function decodeEnvelope(body: Buffer, otherTypes: readonly string[]): JsonObject {
  const { apiVersion, kind, raw } = openEnvelope(body);
  if (kind === "" || apiVersion === "") throw malformed("it does not say which kind it is");
  const definition = fieldTable().definitionOf(apiVersion, kind);
  if (definition === undefined) throw unsupportedMediaType(protobufMediaType, otherTypes);
  return { kind, apiVersion, ...decodeMessage(definition, raw) };
}
