import { assert, property, string } from "fast-check";
import { expect, test } from "vitest";
import { isBadRequest } from "./errors.ts";
import type { Requirement } from "./selector.ts";
import { parseLabelSelector } from "./selector-parse.ts";

test.each<[string, readonly Requirement[]]>([
  ["  ", []],
  ["x in (,b)", [{ key: "x", operator: "in", values: ["", "b"] }]],
  ["x in (b,)", [{ key: "x", operator: "in", values: ["", "b"] }]],
  ["x in (b,,a,a)", [{ key: "x", operator: "in", values: ["", "a", "b"] }]],
  ["x in (in,notin)", [{ key: "x", operator: "in", values: ["in", "notin"] }]],
  ["notin in (a)", [{ key: "notin", operator: "in", values: ["a"] }]],
  [
    "x=,y",
    [
      { key: "x", operator: "=", values: [""] },
      { key: "y", operator: "exists", values: [] },
    ],
  ],
  ["x!=", [{ key: "x", operator: "!=", values: [""] }]],
  ["x= ", [{ key: "x", operator: "=", values: [""] }]],
  ["x>1", [{ key: "x", operator: ">", values: ["1"] }]],
  ["x < 7", [{ key: "x", operator: "<", values: ["7"] }]],
  ["\rx", [{ key: "x", operator: "exists", values: [] }]],
  ["x notin\n\t(b, a)", [{ key: "x", operator: "notin", values: ["a", "b"] }]],
  ["x in ()", [{ key: "x", operator: "in", values: [""] }]],
  ["x in (a,,,,)", [{ key: "x", operator: "in", values: ["", "a"] }]],
  ["x notin (, a)", [{ key: "x", operator: "notin", values: ["", "a"] }]],
  [
    "0.1.2.zone/99 notin (10.1.2.3)",
    [{ key: "0.1.2.zone/99", operator: "notin", values: ["10.1.2.3"] }],
  ],
  ["example.com/x==1", [{ key: "example.com/x", operator: "=", values: ["1"] }]],
  [
    "!x,y",
    [
      { key: "x", operator: "!", values: [] },
      { key: "y", operator: "exists", values: [] },
    ],
  ],
])("parseLabelSelector(%j) reads what Kubernetes reads", (text, want) => {
  expect(parseLabelSelector(text)).toEqual(want);
});

const prefix = "unable to parse requirement: ";
test.each([
  ["x in a", `${prefix}found 'a' expected: '('`],
  ["a b", `${prefix}found 'b', expected: in, notin, =, ==, !=, gt, lt`],
  ["x==a==b", "found '==', expected: ',' or 'end of string'"],
  ["!x=a", "found '=', expected: ',' or 'end of string'"],
  ["x=a,", "found '', expected: identifier after ','"],
  [",x", "found ',', expected: !, identifier, or 'end of string'"],
  ["!", `${prefix}found '', expected: identifier`],
  ["!!x", `${prefix}found '!', expected: identifier`],
  ["x=(", `${prefix}found '(', expected: identifier`],
  ["x in (a", `${prefix}found '', expected: ',' or ')'`],
  ["x in (", `${prefix}found '', expected: ',', ')' or identifier`],
  ["x in (a b)", `${prefix}found 'b', expected: ',' or ')'`],
  ["x>=1", `${prefix}found '=', expected: identifier`],
  [
    "x<a",
    `${prefix}values[0]: Invalid value: "a": for 'Gt', 'Lt' operators, the value must be an integer`,
  ],
  [
    "x>",
    `${prefix}values[0]: Invalid value: "": for 'Gt', 'Lt' operators, the value must be an integer`,
  ],
  ["x=a||y=b", "must be"],
  ["x,,y", "found ',', expected: identifier after ','"],
  ["x nott in (y)", "found 'nott'"],
  ["a in (xyz)b notin ()", "found 'b', expected: ',' or 'end of string'"],
  ["a in (xyz abc)", `${prefix}found 'abc', expected: ',' or ')'`],
  ["a notin(", `${prefix}found '', expected: ',', ')' or identifier`],
  ["a (", `${prefix}found '(', expected:`],
  ["(", "found '(', expected: !, identifier, or 'end of string'"],
])("parseLabelSelector(%j) says %j", (text, want) => {
  expect(() => parseLabelSelector(text)).toThrow(want);
});

test("parseLabelSelector() checks keys and values", () => {
  expect(() => parseLabelSelector("a/b/c=d")).toThrow(
    'unable to parse requirement: <nil>: Invalid value: "a/b/c": a qualified name must consist of',
  );
  expect(() => parseLabelSelector("x in (ok,-bad)")).toThrow(
    'unable to parse requirement: values[0][x]: Invalid value: "-bad": a valid label must be',
  );
});

test("parseLabelSelector() answers any text with requirements or BadRequest", () => {
  const outcome = (text: string): string => {
    try {
      return Array.isArray(parseLabelSelector(text)) ? "read" : "?";
    } catch (err) {
      return isBadRequest(err) ? "refused" : "?";
    }
  };
  assert(
    property(string({ unit: "binary-ascii", maxLength: 30 }), (text) => {
      expect(outcome(text)).not.toBe("?");
    }),
  );
});
