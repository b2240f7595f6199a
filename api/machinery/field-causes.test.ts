import { expect, test } from "vitest";
import * as causes from "./field-causes.ts";

test.each([
  ["a text", causes.invalidValue("f", "x", "bad"), 'Invalid value: "x": bad'],
  ["a number", causes.invalidValue("f", 3, "bad"), "Invalid value: 3: bad"],
  ["a structure", causes.invalidValue("f", { a: [1] }, "bad"), 'Invalid value: {"a":[1]}: bad'],
  ["a wrong type", causes.wrongType("f", null, "bad"), "Invalid value: null: bad"],
  ["a missing value", causes.requiredValue("f"), "Required value"],
  [
    "a missing value and why",
    causes.requiredValue("f", "it is needed"),
    "Required value: it is needed",
  ],
  ["a forbidden value", causes.forbiddenValue("f", "not here"), "Forbidden: not here"],
  [
    "an unsupported value",
    causes.unsupportedValue("f", "x", ["a", 1]),
    'Unsupported value: "x": supported values: "a", 1',
  ],
  ["a duplicate", causes.duplicateValue("f", "x"), 'Duplicate value: "x"'],
  ["a long text", causes.tooLongValue("f", 3), "Too long: may not be more than 3 bytes"],
  ["many values", causes.tooManyValues("f", 4, 3), "Too many: 4: must have at most 3 items"],
])("field causes name %s as Kubernetes does", (_why, cause, message) => {
  expect(cause).toMatchObject({ field: "f", message });
  expect(cause.reason).toMatch(/^FieldValue/);
});
