import { expect, test } from "vitest";
import { crds } from "../../../crds/crds.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { schemaCauses } from "./schema-check.ts";

const at = "s.properties[f]";
const causes = (field: JsonSchemaProps): string[] =>
  schemaCauses({ type: "object", properties: { f: field } }, "s").map(
    ({ field, message }) => `${field}: ${message}`,
  );

test.each(crds.map(({ spec }) => [spec.names.kind, spec.versions[0]?.schema.openAPIV3Schema]))(
  "schemaCauses() accepts %s",
  (_kind, schema) => {
    expect(schemaCauses(schema as JsonSchemaProps, "s")).toEqual([]);
  },
);

const rule = (text: string, more = {}): JsonSchemaProps => ({
  type: "object",
  properties: {
    n: { type: "integer" },
    t: { type: "string", format: "date-time" },
    maybe: { type: "string", nullable: true },
    list: {
      type: "array",
      maxItems: 20,
      items: { type: "object", properties: { a: { type: "string", maxLength: 20 } } },
    },
    map: { type: "object", maxProperties: 20, additionalProperties: { type: "number" } },
    "a-b": { type: "boolean" },
    free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    either: { "x-kubernetes-int-or-string": true },
  },
  "x-kubernetes-validations": [{ rule: text, ...more }],
});

test.each([
  ["self.n > 1 && self == oldSelf && self.list != oldSelf.list", {}],
  ["self.list.all(x, x.a.matches('^a')) && self.map.all(k, self.map[k] > 1.0)", {}],
  ["self.a__dash__b && has(self.free) && (!has(self.maybe) || self.maybe == '')", {}],
  ["self.t < timestamp('2026-01-01T00:00:00Z') && type(self.either) == int", {}],
  ["!oldSelf.hasValue() || self.n > 1", { optionalOldSelf: true }],
  ["self.n > 1", { messageExpression: "'have ' + string(self.n)" }],
])("schemaCauses() accepts the rule %s", (text, more) => {
  expect(causes(rule(text, more))).toEqual([]);
});

const places = "x-kubernetes-validations[0]";
const wrong: [why: string, field: JsonSchemaProps, want: string][] = [
  ["what is not structural", { type: "array" }, `${at}.items: Required value: must be specified`],
  [
    "a pattern beyond RE2",
    { type: "string", pattern: "(?=a)" },
    `${at}.pattern: Invalid value: "(?=a)": must be a valid regular expression, but isn't: `,
  ],
  [
    "a pattern in a value validation",
    { type: "string", anyOf: [{ pattern: "(" }] },
    `${at}.anyOf[0].pattern: Invalid value: "(": must be a valid regular expression, but isn't: `,
  ],
  [
    "a default of another type",
    { type: "integer", default: "x" },
    `${at}.default: Invalid value: "string": default in body must be of type integer: "string"`,
  ],
  [
    "a default that breaks a bound",
    { type: "integer", minimum: 2, default: 1 },
    `${at}.default: Invalid value: 1: default in body should be greater than or equal to 2`,
  ],
  [
    "a default with an unknown field",
    { type: "object", properties: {}, default: { a: 1 } },
    `${at}.default: Invalid value: {"a":1}: must not have unknown fields`,
  ],
  ["an empty rule", rule(" "), `${at}.${places}.rule: Required value: rule is not specified`],
  [
    "a rule about a field that is not there",
    rule("self.m > 1"),
    `${at}.${places}.rule: Invalid value: "self.m > 1": compilation failed: ERROR: <input>:1:1: undefined field 'm'\n | self.m > 1\n | ^`,
  ],
  [
    "a rule about a field of items that is not there",
    rule("self.list.all(x, x.b == 'a')"),
    `${at}.${places}.rule: Invalid value: "self.list.all(x, x.b == 'a')": compilation failed: ERROR: <input>:1:18: undefined field 'b'`,
  ],
  [
    "a rule that compares a number with a text",
    rule("self.n == 'a'"),
    `${at}.${places}.rule: Invalid value: "self.n == 'a'": compilation failed: ERROR: <input>:1:1: found no matching overload for '_==_' applied to '(int, string)'`,
  ],
  [
    "a rule that is no condition",
    rule("self.n"),
    `${at}.${places}.rule: Invalid value: "self.n": cel expression must evaluate to a bool`,
  ],
  [
    "a message that is no text",
    rule("self.n > 1", { messageExpression: "self.n" }),
    `${at}.${places}.messageExpression: Invalid value: "self.n": messageExpression must evaluate to a string`,
  ],
];

test.each(wrong)("schemaCauses() refuses %s", (_why, field, want) => {
  const found = causes(field);
  expect(found).toHaveLength(1);
  expect(found[0]?.slice(0, want.length)).toBe(want);
});

test("schemaCauses() lets rules of the object itself see its name", () => {
  const schema = (text: string): JsonSchemaProps => ({
    type: "object",
    "x-kubernetes-validations": [{ rule: text }],
  });
  expect(schemaCauses(schema("self.metadata.name.size() < 9"), "s")).toEqual([]);
  expect(schemaCauses(schema("self.metadata.labels.size() < 9"), "s")).toHaveLength(1);
});
