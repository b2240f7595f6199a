import { expect, test } from "vitest";
import type { AnyObject } from "../../machinery/object.ts";
import { printerColumns } from "./printer-columns.ts";

const now = Date.parse("2026-11-21T12:00:00Z");

function cell(type: string, value: unknown, jsonPath = ".v"): unknown {
  const column = printerColumns([{ name: "c", type, jsonPath }])[1];
  const metadata = { name: "o", creationTimestamp: "2026-11-21T11:00:00Z" };
  return column?.cell(
    { apiVersion: "a/v1", kind: "A", metadata, v: value } as unknown as AnyObject,
    now,
  );
}

test.each([
  ["integer", 42, 42],
  ["integer", 3.14, 3],
  ["integer", true, null],
  ["integer", "foo", null],
  ["number", 42, 42],
  ["number", 3.14, 3.14],
  ["number", true, null],
  ["number", "foo", null],
  ["boolean", 42, null],
  ["boolean", true, true],
  ["boolean", "foo", null],
  ["string", 42, "42"],
  ["string", true, "true"],
  ["string", "foo", "foo"],
  ["string", { a: [1] }, '{"a":[1]}'],
  ["string", ["a", "b"], '["a","b"]'],
  ["string", null, null],
  ["string", undefined, null],
  ["date", 42, null],
  ["date", true, null],
  ["date", "2026-11-20T23:30:00Z", "12h"],
  ["date", "2026-11-22T00:30:00Z", "<invalid>"],
  ["date", "yesterday", "<invalid>"],
  ["date", "", "<unknown>"],
])("printerColumns() shows as %s the value %j", (type, value, want) => {
  expect(cell(type, value)).toBe(want);
});

test.each([
  [".v[0]", "a"],
  [".v[*]", "a"],
  [".v[7]", null],
  [".nothing.at.all", null],
])("printerColumns() takes the first match of %s", (path, want) => {
  expect(cell("string", ["a", "b"], path)).toBe(want);
});

test("printerColumns() shows name and age when there are no columns", () => {
  expect(printerColumns(undefined).map(({ name }) => name)).toEqual(["Name", "Age"]);
  expect(printerColumns([]).map(({ name }) => name)).toEqual(["Name", "Age"]);
});
