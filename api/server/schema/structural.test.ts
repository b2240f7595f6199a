import { expect, test } from "vitest";
import { compileStructural } from "./structural.ts";

test("compileStructural() runs rules only on objects that the schema accepts", () => {
  const schema = compileStructural({
    type: "object",
    properties: { n: { type: "integer", "x-kubernetes-validations": [{ rule: "self > 1" }] } },
  });
  expect(schema.validate({ n: "x" })).toHaveLength(1);
  expect(schema.validate({ n: 1 }).map(({ message }) => message)).toEqual([
    "Invalid value: 1: failed rule: self > 1",
  ]);
  expect(schema.validate({ n: 2 })).toEqual([]);
});

test("compileStructural() tests patterns in linear time", () => {
  const schema = compileStructural({
    type: "object",
    properties: { s: { type: "string", pattern: "^(a+)+$" } },
  });
  expect(schema.validate({ s: `${"a".repeat(40)}!` })).toHaveLength(1);
});

test("compileStructural() refuses patterns that RE2 does not know", () => {
  expect(() => compileStructural({ type: "string", pattern: "(?=a)" })).toThrow(Error);
});

test("compileStructural() lets an update keep what became wrong, in schema and rules", () => {
  const n = { type: "integer", maximum: 1 };
  const m = { type: "integer", "x-kubernetes-validations": [{ rule: "self < 2" }] };
  const schema = compileStructural({ type: "object", properties: { n, m } });
  expect(schema.validate({ n: 2, m: 2 }, { n: 2, m: 2 })).toEqual([]);
  expect(schema.validate({ n: 3, m: 2 }, { n: 2, m: 2 })).toHaveLength(1);
  expect(schema.validate({ n: 2, m: 3 }, { n: 2, m: 2 })).toHaveLength(1);
});
