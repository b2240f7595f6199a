import { isAlias, LineCounter, parseDocument, visit } from "yaml";
import { badRequest, unsupportedMediaType } from "../../machinery/errors.ts";
import { decodeEnvelope, protobufMediaType } from "../protobuf/envelope.ts";
import { type Decoded, parseJson } from "./json-body.ts";

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
    return { value: decodeEnvelope(body ?? Buffer.alloc(0), textTypes), duplicates: [] };
  }
  const text = (body ?? Buffer.alloc(0)).toString();
  if (type === "application/json") {
    if (text.trim() === "") throw badRequest("Cannot read the body: it is empty");
    return parseJson(text);
  }
  if (type === "application/yaml") return parseYaml(text);
  throw unsupportedMediaType(type, objectMediaTypes);
}

const timestamp = "tag:yaml.org,2002:timestamp";

/** Parses YAML 1.1, the dialect of Kubernetes' tools. @throws StatusError `BadRequest` */
export function parseYaml(text: string): Decoded {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.1",
    lineCounter: lines,
    prettyErrors: false,
    // Times stay the strings they are on the wire.
    customTags: (tags) => tags.filter((tag) => typeof tag === "string" || tag.tag !== timestamp),
  });
  const duplicates: string[] = [];
  for (const { code, pos, message } of document.errors) {
    const { line, col } = lines.linePos(pos[0]);
    if (code !== "DUPLICATE_KEY") {
      throw badRequest(`yaml: line ${line}, column ${col}: ${message}`);
    }
    duplicates.push(/^[^\s:]+/.exec(text.slice(pos[0]))?.[0] ?? `line ${line}`);
  }
  let aliases = 0;
  visit(document, (_key, node) => {
    if (isAlias(node)) aliases += 1;
  });
  if (aliases > 100) throw badRequest("yaml: document contains excessive aliasing");
  const plain: unknown = document.toJS({ maxAliasCount: 100 });
  // Shared nodes and YAML's own types (dates, sets) become plain JSON.
  return { ...parseJson(JSON.stringify(plain ?? null)), duplicates };
}
