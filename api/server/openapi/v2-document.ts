import { isJsonObject, type JsonObject } from "../../machinery/equality.ts";
import type { Kind } from "../kinds/kind.ts";
import { openApiDocument } from "./document.ts";
import { toV2Path } from "./v2-paths.ts";
import { toV2Schema } from "./v2-schema.ts";

function toV2Definition(schema: JsonObject): JsonObject {
  const converted = toV2Schema(schema);
  // A kind whose fields are not known is still an object; kubectl looks its kind up.
  const isKind = converted["x-kubernetes-group-version-kind"] !== undefined;
  return isKind ? { type: "object", ...converted } : converted;
}

const mapValues = (value: object, convert: (inner: JsonObject) => JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isJsonObject(inner) ? convert(inner) : {}]),
  );

/**
 * The one OpenAPI v2 document of all kinds: what the documents of version 3 say per group and
 * version, in the older language. kubectl up to 1.28 reads nothing else; newer ones read it before
 * they update a custom resource.
 */
export async function openApiV2Document(kinds: readonly Kind[]): Promise<JsonObject> {
  const { paths, components } = await openApiDocument({ group: "", version: "", kinds });
  return {
    swagger: "2.0",
    info: { title: "Lighthouse", version: "v1" },
    paths: mapValues(paths, toV2Path),
    definitions: mapValues(components.schemas, toV2Definition),
  };
}
