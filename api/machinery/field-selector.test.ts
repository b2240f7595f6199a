import { array, assert, constantFrom, property, record, string } from "fast-check";
import { expect, test } from "vitest";
import {
  type FieldTerm,
  fieldSelectorText,
  matchesFields,
  parseFieldSelector,
  pinnedField,
  requireSelectable,
} from "./field-selector.ts";

test.each<[string, readonly FieldTerm[]]>([
  ["", []],
  [",", []],
  ["a=b", [{ field: "a", operator: "=", value: "b" }]],
  ["a==b", [{ field: "a", operator: "=", value: "b" }]],
  [
    "a!=b,c=",
    [
      { field: "a", operator: "!=", value: "b" },
      { field: "c", operator: "=", value: "" },
    ],
  ],
  ["a=x\\,y\\=z\\\\", [{ field: "a", operator: "=", value: "x,y=z\\" }]],
])("parseFieldSelector(%j)", (text, want) => {
  expect(parseFieldSelector(text)).toEqual(want);
});

test.each([
  ["a", "invalid selector: 'a'; can't understand 'a'"],
  ["a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"],
  ["a=b=c", "invalid field selector: unescaped character in value: 61"],
  ["a===b", "invalid field selector: unescaped character in value: 61"],
  ["a=b\\x", "invalid field selector: invalid escape sequence: \\x"],
  ["a=b\\", "invalid field selector: invalid escape sequence: \\"],
])("parseFieldSelector(%j) says %j", (text, want) => {
  expect(() => parseFieldSelector(text)).toThrow(want);
});

test("parseFieldSelector() reads what fieldSelectorText() writes", () => {
  const term = record<FieldTerm>({
    field: constantFrom("metadata.name", "spec.nodeName"),
    operator: constantFrom("=", "!="),
    value: string(),
  });
  assert(
    property(array(term), (selector) => {
      expect(parseFieldSelector(fieldSelectorText(selector))).toEqual(selector);
    }),
  );
});

test("matchesFields() reads absent fields as empty", () => {
  const read = (field: string): string => (field === "metadata.name" ? "web" : "");
  const matches = (text: string): boolean => matchesFields(parseFieldSelector(text), read);
  expect(matches("metadata.name=web,spec.nodeName=")).toBe(true);
  expect(matches("metadata.name!=web")).toBe(false);
  expect(matches("spec.nodeName!=host-1")).toBe(true);
  expect(matches("spec.nodeName=host-1")).toBe(false);
});

test("pinnedField() finds the one value that can match", () => {
  const selector = parseFieldSelector("metadata.namespace=a,metadata.name!=x,metadata.name=y");
  expect(pinnedField(selector, "metadata.name")).toBe("y");
  expect(pinnedField(selector, "spec.nodeName")).toBeUndefined();
});

test("requireSelectable() names the field that is not", () => {
  const names = (field: string): boolean => field === "metadata.name";
  requireSelectable(parseFieldSelector("metadata.name=x"), names);
  expect(() => requireSelectable(parseFieldSelector("spec.x=y"), names)).toThrow(
    "field label not supported: spec.x",
  );
});
