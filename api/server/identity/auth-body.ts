import { badRequest, unsupportedMediaType } from "../../machinery/errors.ts";
import { mediaTypeOf } from "../objects/codec.ts";
import { parseJson } from "../objects/json-body.ts";

/** Bodies of logins are small: nobody makes the server read megabytes before it knows them. */
export const authBodyBytes = 16 << 10;

/** A body's fields; each is text or was not sent. */
export type AuthBody<Field extends string> = Readonly<Partial<Record<Field, string>>>;

/**
 * Reads a small JSON object of texts. What was sent appears in no message: it may be a password.
 * @throws StatusError `UnsupportedMediaType`, or `BadRequest` for fields that are unknown, given twice or
 *   no text
 */
export function readAuthBody<Field extends string>(
  contentType: string | undefined,
  body: unknown,
  fields: readonly Field[],
): AuthBody<Field> {
  const type = mediaTypeOf(contentType);
  if (type !== "application/json") throw unsupportedMediaType(type, ["application/json"]);
  const { value, duplicates } = parsed(Buffer.isBuffer(body) ? body.toString() : "");
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest("Cannot read the body: it is no JSON object");
  }
  if (duplicates.length > 0) throw badRequest("Cannot read the body: a field is there twice");
  const known = new Set<string>(fields);
  for (const [field, text] of Object.entries(value)) {
    if (!known.has(field)) {
      throw badRequest(`Cannot read the body: it may have the fields ${fields.join(", ")} alone`);
    }
    if (typeof text !== "string") throw badRequest(`Cannot read the body: ${field} is no text`);
  }
  return value as AuthBody<Field>;
}

function parsed(text: string): ReturnType<typeof parseJson> {
  try {
    return parseJson(text);
  } catch {
    // The parser's own words quote what it stumbled over.
    throw badRequest("Cannot read the body: it is no JSON");
  }
}
