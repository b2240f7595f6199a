import { isJsonObject, type JsonObject } from "../../machinery/equality.ts";
import {
  count,
  double,
  type FieldEncoder,
  fields,
  flag,
  message,
  type MessageEncoder,
  type MessageTable,
  named,
  repeated,
  text,
} from "./protobuf.ts";

// Field numbers are those of OpenAPIv2.proto in github.com/google/gnostic-models, package
// openapi.v2. Fields that our documents never have are not listed.

/** Any value as YAML text; JSON is YAML. */
const any = (field: number): FieldEncoder =>
  message(field, (value) => text(2)(`${JSON.stringify(value)}\n`));

/** A message whose vendor extensions (`x-...`) are repeated NamedAny. */
function extensible(extensions: number, table: () => MessageTable): MessageEncoder {
  return fields(table, (name, value) =>
    name.startsWith("x-") ? named(extensions, any(2))({ [name]: value }) : Buffer.alloc(0),
  );
}

const schema: MessageEncoder = extensible(31, () => schemaTable);

const schemaTable: MessageTable = {
  $ref: text(1),
  format: text(2),
  title: text(3),
  description: text(4),
  default: any(5),
  multipleOf: double(6),
  maximum: double(7),
  exclusiveMaximum: flag(8),
  minimum: double(9),
  exclusiveMinimum: flag(10),
  maxLength: count(11),
  minLength: count(12),
  pattern: text(13),
  maxItems: count(14),
  minItems: count(15),
  uniqueItems: flag(16),
  maxProperties: count(17),
  minProperties: count(18),
  required: repeated(text(19)),
  enum: repeated(any(20)),
  additionalProperties: message(21, (value) =>
    typeof value === "boolean" ? flag(2)(value) : message(1, schema)(value),
  ),
  type: message(22, text(1)),
  items: message(23, message(1, schema)),
  properties: message(25, named(1, message(2, schema))),
  example: any(30),
};

const bodyParameter = extensible(6, () => ({
  description: text(1),
  name: text(2),
  in: text(3),
  required: flag(4),
  schema: message(5, schema),
}));

const pathParameter = extensible(22, () => ({
  required: flag(1),
  in: text(2),
  description: text(3),
  name: text(4),
  type: text(5),
  uniqueItems: flag(19),
}));

const queryParameter = extensible(23, () => ({
  required: flag(1),
  in: text(2),
  description: text(3),
  name: text(4),
  type: text(6),
  uniqueItems: flag(20),
}));

/** Content of a Parameter: one of its kinds, by where the parameter is. */
const parameter: MessageEncoder = (value) => {
  switch (isJsonObject(value) ? value["in"] : undefined) {
    case "body":
      return message(1, bodyParameter)(value);
    case "path":
      return message(2, message(4, pathParameter))(value);
    default:
      return message(2, message(3, queryParameter))(value);
  }
};

const parameters = (field: number): FieldEncoder => repeated(message(field, message(1, parameter)));

const response = extensible(5, () => ({
  description: text(1),
  schema: message(2, message(1, schema)),
}));

const operation = extensible(13, () => operationTable);

const operationTable: MessageTable = {
  description: text(3),
  operationId: text(5),
  produces: repeated(text(6)),
  consumes: repeated(text(7)),
  parameters: parameters(8),
  responses: message(9, named(1, message(2, message(1, response)))),
};

const pathItem = extensible(10, () => pathTable);

const pathTable: MessageTable = {
  get: message(2, operation),
  put: message(3, operation),
  post: message(4, operation),
  delete: message(5, operation),
  patch: message(8, operation),
  parameters: parameters(9),
};

const info = extensible(7, () => ({ title: text(1), version: text(2) }));

const head = extensible(16, () => ({ swagger: text(1), info: message(2, info) }));

/** The parts of a document of which there are many. */
export type Section = "paths" | "definitions";

const sections: Readonly<Record<Section, { readonly field: number; readonly one: FieldEncoder }>> =
  {
    paths: { field: 8, one: named(2, message(2, pathItem)) },
    definitions: { field: 9, one: named(1, message(2, schema)) },
  };

/** One path or definition, as {@link gnosticDocument} wants them. */
export function gnosticPart(section: Section, name: string, content: JsonObject): Buffer {
  return sections[section].one({ [name]: content });
}

/**
 * An OpenAPI v2 document as gnostic's `openapi.v2.Document`, which is how kubectl and Argo CD read
 * it. `about` has the fields besides the parts; those without a place in ours are left out.
 */
export function gnosticDocument(
  about: JsonObject,
  parts: Readonly<Record<Section, readonly Buffer[]>>,
): Buffer {
  const whole = (section: Section): Buffer =>
    message(sections[section].field, () => Buffer.concat(parts[section]))(undefined);
  return Buffer.concat([head(about), whole("paths"), whole("definitions")]);
}
