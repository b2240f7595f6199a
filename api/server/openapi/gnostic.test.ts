import { expect, test } from "vitest";
import type { JsonObject } from "../../machinery/equality.ts";
import { gnosticDocument, gnosticPart, type Section } from "./gnostic.ts";

type Decoded = ReadonlyMap<number, readonly (Buffer | number)[]>;

/** Reads a varint; returns it and where the next byte is. */
function readVarint(bytes: Buffer, start: number): readonly [value: number, next: number] {
  let value = 0;
  for (let at = start, unit = 1; ; at += 1, unit *= 128) {
    const byte = bytes.readUInt8(at);
    value += (byte & 127) * unit;
    if (byte < 128) return [value, at + 1];
  }
}

/** A message by field number: bytes for messages and strings, numbers for the rest. */
function decode(bytes: Buffer): Decoded {
  const fields = new Map<number, (Buffer | number)[]>();
  for (let at = 0; at < bytes.length;) {
    const [tag, afterTag] = readVarint(bytes, at);
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    const values = fields.get(field) ?? [];
    fields.set(field, values);
    if (type === 1) {
      values.push(bytes.readDoubleLE(afterTag));
      at = afterTag + 8;
      continue;
    }
    const [value, next] = readVarint(bytes, afterTag);
    values.push(type === 2 ? bytes.subarray(next, next + value) : value);
    at = type === 2 ? next + value : next;
  }
  return fields;
}

/** Every value at a path of field numbers, messages on the way decoded. */
function at(bytes: Buffer, path: readonly number[]): readonly (Buffer | number)[] {
  return path.reduce<readonly (Buffer | number)[]>(
    (found, field) =>
      found.flatMap((one) => (typeof one === "number" ? [] : (decode(one).get(field) ?? []))),
    [bytes],
  );
}

type Whole = JsonObject & { readonly [section in Section]?: Readonly<Record<string, JsonObject>> };

/** A document encoded at once. */
function encodeWhole({ paths = {}, definitions = {}, ...about }: Whole): Buffer {
  const partsOf = (section: Section, named: Readonly<Record<string, JsonObject>>) =>
    Object.entries(named).map(([name, content]) => gnosticPart(section, name, content));
  return gnosticDocument(about, {
    paths: partsOf("paths", paths),
    definitions: partsOf("definitions", definitions),
  });
}

const texts = (bytes: Buffer, path: readonly number[]): readonly string[] =>
  at(bytes, path).map(String);

const definition = [9, 1, 2]; // definitions, NamedSchema, its value
const encodeSchema = (schema: JsonObject): Buffer =>
  encodeWhole({ definitions: { "dev.example.Thing": schema } });

test("a document says what it is", () => {
  const bytes = encodeWhole({ swagger: "2.0", info: { title: "T", version: "v1" } });
  expect(bytes.toString("hex")).toBe(
    "0a03322e30" + // 1: "2.0"
      "1207" + // 2: Info of 7 bytes
      "0a0154" + // 1: "T"
      "12027631" + // 2: "v1"
      "42004a00", // 8, 9: no paths, no definitions
  );
});

test.each([
  ["$ref", "#/definitions/x", 1, "#/definitions/x"],
  ["format", "int32", 2, "int32"],
  ["description", "Größe", 4, "Größe"],
  ["default", { a: 1 }, 5, '\u0012\u0008{"a":1}\n'],
  ["maximum", 1.5, 7, 1.5],
  ["exclusiveMinimum", true, 10, 1],
  ["maxLength", 300, 11, 300],
  ["maxItems", 2 ** 40, 14, 2 ** 40],
  ["minProperties", 1, 18, 1],
])("%s of a schema is written to its field", (name, value, field, want) => {
  const [found] = at(encodeSchema({ [name]: value }), [...definition, field]);
  expect(typeof found === "number" ? found : String(found)).toBe(want);
});

test.each([
  ["an empty string", { format: "" }],
  ["a false", { uniqueItems: false }],
  ["a zero", { minLength: 0, minimum: 0 }],
  ["a field that v2 does not have", { nullable: true, constructor: 1 }],
  ["a negative count", { maxItems: -1 }],
])("%s takes no space", (_, schema) => {
  expect(String(at(encodeSchema(schema), definition))).toBe("");
});

test("schemas contain schemas", () => {
  const bytes = encodeSchema({
    type: "object",
    required: ["a", "b"],
    properties: {
      a: { type: "array", items: { type: "string" } },
      constructor: { type: "object", additionalProperties: { type: "integer" } },
    },
  });
  expect(texts(bytes, [9, 1, 1])).toEqual(["dev.example.Thing"]);
  expect(texts(bytes, [...definition, 22, 1])).toEqual(["object"]);
  expect(texts(bytes, [...definition, 19])).toEqual(["a", "b"]);
  expect(texts(bytes, [...definition, 25, 1, 1])).toEqual(["a", "constructor"]);
  const property = [...definition, 25, 1, 2];
  expect(texts(bytes, [...property, 23, 1, 22, 1])).toEqual(["string"]);
  expect(texts(bytes, [...property, 21, 1, 22, 1])).toEqual(["integer"]);
});

test("items of any shape are there, though empty", () => {
  expect(texts(encodeSchema({ items: {} }), [...definition, 23, 1])).toEqual([""]);
});

test("additionalProperties may be a plain yes", () => {
  expect(at(encodeSchema({ additionalProperties: true }), [...definition, 21, 2])).toEqual([1]);
});

test("extensions and enums are YAML", () => {
  const bytes = encodeSchema({ enum: ["A", 1], "x-kubernetes-list-type": "map" });
  expect(texts(bytes, [...definition, 20, 2])).toEqual(['"A"\n', "1\n"]);
  expect(texts(bytes, [...definition, 31, 1])).toEqual(["x-kubernetes-list-type"]);
  expect(texts(bytes, [...definition, 31, 2, 2])).toEqual(['"map"\n']);
});

test("an operation has its media types, parameters by place, and answers", () => {
  const bytes = encodeWhole({
    paths: {
      "/things/{name}": {
        parameters: [{ name: "name", in: "path", required: true, type: "string" }],
        patch: {
          "x-kubernetes-group-version-kind": { group: "", version: "v1", kind: "Thing" },
          consumes: ["application/merge-patch+json"],
          parameters: [
            { name: "body", in: "body", required: true, schema: {} },
            { name: "dryRun", in: "query", type: "string" },
          ],
          responses: { "200": { description: "OK", schema: { $ref: "#/definitions/x" } } },
        },
      },
    },
  });
  const item = [8, 2, 2];
  const patch = [...item, 8];
  expect(texts(bytes, [8, 2, 1])).toEqual(["/things/{name}"]);
  expect(texts(bytes, [...item, 9, 1, 2, 4, 4])).toEqual(["name"]);
  expect(texts(bytes, [...patch, 7])).toEqual(["application/merge-patch+json"]);
  expect(texts(bytes, [...patch, 8, 1, 1, 2])).toEqual(["body"]);
  expect(at(bytes, [...patch, 8, 1, 1, 5])).toHaveLength(1);
  expect(texts(bytes, [...patch, 8, 1, 2, 3, 4])).toEqual(["dryRun"]);
  expect(texts(bytes, [...patch, 8, 1, 2, 3, 6])).toEqual(["string"]);
  expect(texts(bytes, [...patch, 9, 1, 1])).toEqual(["200"]);
  expect(texts(bytes, [...patch, 9, 1, 2, 1, 2, 1, 1])).toEqual(["#/definitions/x"]);
  expect(texts(bytes, [...patch, 13, 2, 2])).toEqual([
    '{"group":"","version":"v1","kind":"Thing"}\n',
  ]);
});
