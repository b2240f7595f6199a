import { isJsonObject, type JsonObject } from "../../machinery/equality.ts";
import { toV2Schema } from "./v2-schema.ts";

const objectsIn = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];
const entriesOf = (value: unknown): readonly [string, unknown][] =>
  isJsonObject(value) ? Object.entries(value) : [];

const mapValues = (value: unknown, convert: (inner: JsonObject) => JsonObject): JsonObject =>
  Object.fromEntries(
    entriesOf(value).map(([name, inner]) => [name, isJsonObject(inner) ? convert(inner) : inner]),
  );

/** v2 has what a parameter looks like beside its name, v3 in a schema. */
const toV2Parameter = ({ schema, ...rest }: JsonObject): JsonObject => ({
  ...rest,
  ...(isJsonObject(schema) && schema),
});

/** Media types of a body, and its schema; v2 has only one schema for all of them. */
function bodyOf(content: unknown): {
  readonly mediaTypes: readonly string[];
  readonly schema: JsonObject | undefined;
} {
  const entries = entriesOf(content);
  const schemas = entries.flatMap(([, type]) =>
    isJsonObject(type) && isJsonObject(type["schema"]) ? [type["schema"]] : [],
  );
  const [first, ...others] = schemas;
  const shared = others.every((other) => other["type"] === first?.["type"]);
  const schema = first && (shared ? toV2Schema(first) : {}); // {} is anything: a patch may be a list
  return { mediaTypes: entries.map(([mediaType]) => mediaType), schema };
}

function toV2Response({ content, ...rest }: JsonObject): JsonObject {
  const { schema } = bodyOf(content);
  return { ...rest, ...(schema && { schema }) };
}

function toV2Operation({ requestBody, parameters, responses, ...rest }: JsonObject): JsonObject {
  const request = isJsonObject(requestBody) ? bodyOf(requestBody["content"]) : undefined;
  const body = request && {
    name: "body",
    in: "body",
    required: true,
    schema: request.schema ?? {},
  };
  return {
    ...rest,
    ...(request && { consumes: request.mediaTypes }),
    produces: ["application/json"],
    parameters: [...(body ? [body] : []), ...objectsIn(parameters).map(toV2Parameter)],
    responses: mapValues(responses, toV2Response),
  };
}

/** A path item of an OpenAPI v3 document, with all its operations, as v2 writes it. */
export function toV2Path({ parameters, ...operations }: JsonObject): JsonObject {
  return {
    ...mapValues(operations, toV2Operation),
    parameters: objectsIn(parameters).map(toV2Parameter),
  };
}
