import { badRequest, unsupportedMediaType } from "../../machinery/errors.ts";
import { countValues, maxBodyValues, tooManyParts } from "../../machinery/json-size.ts";
import { decodeEnvelope, protobufMediaType } from "../protobuf/envelope.ts";
import { type Decoded, parseJson } from "./json-body.ts";
import { parseYaml } from "./yaml-body.ts";

/** Media types that every kind can be sent in. */
const textTypes = ["application/json", "application/yaml"] as const;

/** Media types of whole objects, as they are listed in a 415. */
const objectMediaTypes = [...textTypes, protobufMediaType] as const;

/** Largest request body, in bytes: as Kubernetes has it. */
export const bodyLimitBytes = 3 * 1024 * 1024;

/** The media type of a Content-Type header, without parameters; a missing header means JSON. */
export function mediaTypeOf(contentType: string | undefined): string {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase();
  return type === undefined || type === "" ? "application/json" : type;
}

/**
 * Decodes a JSON, YAML or protobuf body. The last has no form for custom resources.
 * @throws StatusError `BadRequest` for bad content, `UnsupportedMediaType` for other types.
 */
export function decodeBody(contentType: string | undefined, body: Buffer | undefined): Decoded {
  const type = mediaTypeOf(contentType);
  if (type === protobufMediaType) {
    const value = decodeEnvelope(body ?? Buffer.alloc(0), textTypes);
    if (countValues(value, maxBodyValues) > maxBodyValues) throw tooManyParts(maxBodyValues);
    return { value, duplicates: [] };
  }
  const text = (body ?? Buffer.alloc(0)).toString();
  if (type === "application/json") {
    if (text.trim() === "") throw badRequest("Cannot read the body: it is empty");
    return parseJson(text);
  }
  if (type === "application/yaml") return parseYaml(text);
  throw unsupportedMediaType(type, objectMediaTypes);
}
