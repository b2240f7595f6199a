import { expect, test } from "vitest";
import { parseQuery, queryRecord } from "./query-text.ts";

test.each([
  ["a=1&a=2&b=3", { a: ["1", "2"], b: "3" }],
  ["?a=1", { "?a": "1" }],
  ["", {}],
  ["a=%zz&b=%ff", { a: "%zz", b: "\ufffd" }],
  ["a+b=c+d", { "a b": "c d" }],
])("queryRecord() of %j", (text, want) => {
  expect(queryRecord(text)).toEqual(want);
});

test("queryRecord() and parseQuery() agree on what comes first", () => {
  for (const text of ["a=1&a=2", "&&a=", "a", "?a=1&a=2", "__proto__=1&a=2"]) {
    const [first] = [queryRecord(text)["a"]].flat();
    expect(first ?? null).toBe(parseQuery(text).get("a"));
  }
});
