import { assert, dictionary, jsonValue, property, string } from "fast-check";
import { expect, test } from "vitest";
import { reasonOf } from "../../machinery/errors.ts";
import { decodeBody } from "./codec.ts";
import { parseJson } from "./json-body.ts";

test.each([
  ['{"a":1,"a":2}', ["a"]],
  ['{"a":{"b":1,"b":2},"a":3}', ["a.b", "a"]],
  ['{"list":[{"x":1},{"y":1,"y":2}]}', ["list[1].y"]],
  ['{"list":[[0,{"y":1,"y":2}]]}', ["list[0][1].y"]],
  ['{"a\\u0062":1,"ab":2}', ["ab"]],
  ['{"a":"b","c":"a"}', []],
  ['{ "a" : 1 , "b" : "\\"a\\": 2" }', []],
  ['["a","a"]', []],
])("parseJson(%s) finds %j", (text, duplicates) => {
  expect(parseJson(text)).toEqual({ value: JSON.parse(text), duplicates });
});

test("parseJson() finds no duplicates in what JSON.stringify wrote", () => {
  assert(
    property(dictionary(string(), jsonValue()), (object) => {
      if (Object.hasOwn(object, "__proto__")) return;
      const text = JSON.stringify(object);
      if (text.includes("__proto__")) return;
      expect(parseJson(text).duplicates).toEqual([]);
    }),
  );
});

test("parseJson() throws nothing but a BadRequest", () => {
  const outcome = (text: string): unknown => {
    try {
      return typeof parseJson(text);
    } catch (err) {
      return reasonOf(err);
    }
  };
  assert(
    property(string(), (text) => {
      expect(["object", "BadRequest"]).toContain(outcome(text));
    }),
  );
});

test.each(['{"__proto__":1}', '{"a":[{"__proto__":{}}]}', '{"\\u005f_proto__":1}'])(
  "parseJson() refuses %s",
  (text) => {
    expect(() => parseJson(text)).toThrow('"__proto__" is no field');
  },
);

test.each([
  [undefined, '{"a":1}'],
  ["application/json; charset=utf-8", '{"a":1}'],
  ["APPLICATION/JSON", '{"a":1}'],
  ["application/yaml", "a: 1"],
])("decodeBody() reads %j", (type, text) => {
  expect(decodeBody(type, Buffer.from(text)).value).toEqual({ a: 1 });
});

test("decodeBody() refuses an empty body and other types", () => {
  expect(() => decodeBody(undefined, undefined)).toThrow("it is empty");
  expect(() => decodeBody("text/plain", Buffer.from("x"))).toThrow('"text/plain" is not one of');
});

test("decodeBody() refuses what is nested deeper than a walk could follow", () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    const nested = (depth: number): Buffer =>
      Buffer.from(`${open.repeat(depth)}1${close.repeat(depth)}`);
    expect(() => decodeBody(undefined, nested(500))).not.toThrow();
    expect(() => decodeBody(undefined, nested(501))).toThrow("exceeded max depth 500");
    expect(() => decodeBody(undefined, nested(400_000))).toThrow(/max depth|parse error/);
  }
  expect(() => decodeBody("application/yaml", Buffer.from("[".repeat(50_000)))).toThrow("yaml");
});
