import { expect, test } from "vitest";
import type { JsonSchemaProps, ValidationRule } from "../../machinery/schema-props.ts";
import { compileCelRules } from "./cel.ts";

const string: JsonSchemaProps = { type: "string" };
const integer: JsonSchemaProps = { type: "integer" };

/** A schema whose field `v` has `schema` and `rules`. */
const withRules = (schema: JsonSchemaProps, ...rules: ValidationRule[]): JsonSchemaProps => ({
  type: "object",
  properties: { v: { ...schema, "x-kubernetes-validations": rules } },
});

function breaches(schema: JsonSchemaProps, value: unknown, before?: unknown): string[] {
  const old = before === undefined ? undefined : { v: before };
  return compileCelRules(schema)({ v: value }, old).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

const any: JsonSchemaProps = {
  type: "object",
  properties: {
    i: integer,
    d: { type: "number" },
    s: string,
    b: { type: "boolean" },
    t: { type: "string", format: "date-time" },
    either: { "x-kubernetes-int-or-string": true },
    list: { type: "array", items: integer },
    texts: { type: "array", items: string },
    map: { type: "object", additionalProperties: integer },
    free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    "a-b.c": string,
    namespace: string,
    maybe: { type: "string", nullable: true },
  },
};
const value = {
  i: 3,
  d: 1.5,
  s: "abc",
  b: true,
  t: "2026-11-21T09:30:00Z",
  either: 5,
  list: [1, 2, 3],
  texts: ["b", "a"],
  map: { k: 1 },
  free: { n: 1, s: "x" },
  "a-b.c": "x",
  namespace: "ns",
  maybe: null,
};

test.each([
  "self.i + 1 == 4 && self.i / 2 == 1",
  "self.d > 1.0 && self.d < 2.0",
  "self.i > 2.5",
  "self.s.startsWith('a') && self.s.endsWith('c') && self.s.contains('b')",
  "self.s.matches('^[a-c]+$') && !self.s.matches('^b')",
  "(self.s + 'd').matches ( 'd$' ) == true",
  "self.s.find('[bc]') == 'b' && self.s.findAll('[bc]') == ['b', 'c']",
  "self.s.findAll('[abc]', 2).size() == 2",
  "self.s.charAt(1) == 'b' && self.s.replace('b', 'x') == 'axc'",
  "'aaa'.replace('a', 'b', 2) == 'bba' && 'a.b'.split('.').join('-') == 'a-b'",
  "self.s.upperAscii() == 'ABC' && self.s.lowerAscii() == 'abc' && ' x '.trim() == 'x'",
  "self.s.indexOf('c') == 2 && self.s.substring(1) == 'bc'",
  "size(self.s) == 3 && self.list.size() == 3",
  "self.list.all(x, x > 0) && self.list.exists(x, x == 2) && self.list.exists_one(x, x == 2)",
  "self.list.map(x, x * 2) == [2, 4, 6] && self.list.filter(x, x > 1) == [2, 3]",
  "self.list.sum() == 6 && self.list.min() == 1 && self.list.max() == 3",
  "self.list.isSorted() && !self.texts.isSorted() && self.texts.indexOf('a') == 1",
  "[1, 2, 1].lastIndexOf(1) == 2",
  "has(self.i) && !has(self.maybe)",
  "'k' in self.map && self.map.all(k, self.map[k] == 1)",
  "has(self.free)",
  "self.t < timestamp('2027-01-01T00:00:00Z') && self.t.getFullYear() == 2026",
  "type(self.either) == int && self.either == 5",
  "self.a__dash__b__dot__c == 'x' && self.__namespace__ == 'ns'",
  "self.?maybe.orValue('x') == 'x'",
  "isURL('https://example.com/') && !isURL('x y')",
  "duration('1h').getMinutes() == 60",
])("compileCelRules() evaluates %s", (rule) => {
  expect(breaches(withRules(any, { rule }), value)).toEqual([]);
});

const failing: [why: string, schema: JsonSchemaProps, value: unknown, ...want: string[]][] = [
  [
    "with its message",
    withRules(integer, { rule: "self > 3", message: "must be more than 3" }),
    3,
    "v: Invalid value: 3: must be more than 3",
  ],
  [
    "with the rule itself without a message",
    withRules(string, { rule: " self == 'x' " }),
    "y",
    "v: Invalid value: \"y\": failed rule: self == 'x'",
  ],
  [
    "with a computed message",
    withRules(integer, {
      rule: "self > 3",
      message: "no",
      messageExpression: "'have ' + string(self)",
    }),
    3,
    "v: Invalid value: 3: have 3",
  ],
  [
    "with its message when that cannot be computed",
    withRules(integer, { rule: "self > 3", message: "no", messageExpression: "string(1 / 0)" }),
    3,
    "v: Invalid value: 3: no",
  ],
  [
    "by the type of a structure",
    withRules(any, { rule: "false", message: "no" }),
    {},
    'v: Invalid value: "object": no',
  ],
  [
    "by the type of a list",
    withRules({ type: "array", items: integer }, { rule: "false", message: "no" }),
    [],
    'v: Invalid value: "array": no',
  ],
  [
    "at the field it blames",
    withRules(any, { rule: "false", message: "no", fieldPath: ".s" }),
    {},
    'v.s: Invalid value: "object": no',
  ],
  [
    "at a field with a quoted name",
    withRules(any, { rule: "false", message: "no", fieldPath: "['a-b.c']" }),
    {},
    'v.a-b.c: Invalid value: "object": no',
  ],
  [
    "as forbidden",
    withRules(integer, { rule: "false", message: "no", reason: "FieldValueForbidden" }),
    1,
    "v: Forbidden: no",
  ],
  [
    "as required",
    withRules(any, { rule: "false", message: "no", reason: "FieldValueRequired", fieldPath: ".s" }),
    {},
    "v.s: Required value: no",
  ],
  [
    "as a duplicate",
    withRules(string, { rule: "false", message: "no", reason: "FieldValueDuplicate" }),
    "x",
    'v: Duplicate value: "x": no',
  ],
  [
    "with the error of an evaluation",
    withRules(any, { rule: "self.i == 1", message: "no" }),
    {},
    'v: Invalid value: "object": no such key: i evaluating rule: no',
  ],
  [
    "in items and in values of maps",
    {
      type: "object",
      properties: {
        v: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: {
              type: "integer",
              "x-kubernetes-validations": [{ rule: "self == 1", message: "no" }],
            },
          },
        },
      },
    },
    [{ a: 1 }, { b: 2 }],
    "v[1].b: Invalid value: 2: no",
  ],
];

test.each(failing)(
  "compileCelRules() reports a broken rule %s",
  (_why, schema, object, ...want) => {
    expect(breaches(schema, object)).toEqual(want);
  },
);

const immutable: ValidationRule = { rule: "self == oldSelf", message: "immutable" };
const keyed: JsonSchemaProps = {
  type: "object",
  properties: {
    v: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: {
        type: "object",
        properties: { name: string, n: { ...integer, "x-kubernetes-validations": [immutable] } },
      },
    },
  },
};

const transitions: [
  why: string,
  schema: JsonSchemaProps,
  value: unknown,
  before: unknown,
  ...want: string[],
][] = [
  ["not on a creation", withRules(integer, immutable), 1, undefined],
  [
    "and pass an equal value",
    withRules(any, immutable),
    { list: [1], d: 1.5 },
    { list: [1], d: 1.5 },
  ],
  ["and stop a change", withRules(integer, immutable), 2, 1, "v: Invalid value: 2: immutable"],
  [
    "and stop a deep change",
    withRules(any, immutable),
    { list: [2] },
    { list: [1] },
    'v: Invalid value: "object": immutable',
  ],
  [
    "on items found by their keys",
    keyed,
    [
      { name: "b", n: 3 },
      { name: "a", n: 2 },
    ],
    [
      { name: "a", n: 1 },
      { name: "b", n: 3 },
    ],
    "v[1].n: Invalid value: 2: immutable",
  ],
  ["not on new items", keyed, [{ name: "b", n: 3 }], [{ name: "a", n: 1 }]],
  [
    "not on items of a list without keys",
    {
      type: "object",
      properties: {
        v: { type: "array", items: { ...integer, "x-kubernetes-validations": [immutable] } },
      },
    },
    [2],
    [1],
  ],
  [
    "on values of maps",
    {
      type: "object",
      properties: {
        v: {
          type: "object",
          additionalProperties: { ...integer, "x-kubernetes-validations": [immutable] },
        },
      },
    },
    { a: 2, b: 1 },
    { a: 1 },
    "v.a: Invalid value: 2: immutable",
  ],
  [
    "also on a creation with an optional oldSelf",
    withRules(integer, {
      rule: "oldSelf.hasValue() || self == 1",
      message: "must start at 1",
      optionalOldSelf: true,
    }),
    2,
    undefined,
    "v: Invalid value: 2: must start at 1",
  ],
];

test.each(transitions)(
  "compileCelRules() runs rules about oldSelf %s",
  (_why, schema, object, ...[before, ...want]) => {
    expect(breaches(schema, object, before)).toEqual(want);
  },
);

const late: JsonSchemaProps = withRules(any, { rule: "has(self.i)", message: "i is needed" });
test.each([
  ["leaves alone what was wrong before", { t: value.t, list: [1] }, { list: [1], t: value.t }, 0],
  ["judges a change of it", { t: value.t, list: [1] }, { t: value.t, list: [2] }, 1],
  ["judges another time", { t: value.t }, { t: "2027-11-21T09:30:00Z" }, 1],
  ["judges a field more", { s: "x" }, { s: "x", b: true }, 1],
])("compileCelRules() %s", (_why, before, now, found) => {
  expect(breaches(late, now, before)).toHaveLength(found);
});

test("compileCelRules() shows the name of the object, and no more of its metadata", () => {
  const rule = {
    rule: "self.metadata.name == 'web' && !has(self.metadata.generateName)",
    message: "no",
  };
  const check = compileCelRules({ type: "object", "x-kubernetes-validations": [rule] });
  expect(check({ metadata: { name: "web", labels: {} } })).toEqual([]);
});

test("compileCelRules() is not stopped by a pattern that makes other engines back-track", () => {
  const schema = withRules(string, { rule: "self.matches('^(a+)+$')", message: "no" });
  expect(breaches(schema, `${"a".repeat(40)}!`)).toHaveLength(1);
});

test.each([
  ["no expression", "self >"],
  ["an unknown function", "self.frobnicate()"],
  ["an unknown variable", "other == 1"],
  ["a field that nobody declared", "self.metadata == 1"],
])("compileCelRules() throws on %s", (_why, rule) => {
  expect(() => compileCelRules(withRules(string, { rule }))).toThrow(Error);
});

test.each([
  ["loops", "self.all(x, self.all(y, self.all(z, x + y + z >= 0)))"],
  ["comparisons", "self.all(x, [self, self] == [self, self])"],
  ["patterns", "self.all(x, string(x).matches('((a|b)*c){20}|([a-z]{1,50}[0-9]){10}') || true)"],
  ["texts", "self.map(x, string(self[0]) + '0123456789').join('-').split('').all(c, c != '')"],
])("compileCelRules() stops a rule whose %s cost too much, and all after it", (_why, rule) => {
  const schema = withRules({ type: "array", items: integer }, { rule }, { rule: "false" });
  const found = breaches(
    schema,
    Array.from({ length: 20_000 }, (_, i) => i),
  );
  expect(found).toHaveLength(1);
  expect(found[0]).toContain("actual cost limit exceeded");
});
