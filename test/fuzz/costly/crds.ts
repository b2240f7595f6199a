import type { JsonSchemaProps } from "../../../api/machinery/schema-props.ts";

const many = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));
const text: JsonSchemaProps = { type: "string" };
const integer: JsonSchemaProps = { type: "integer" };
const listOf = (items: JsonSchemaProps, more: JsonSchemaProps = {}): JsonSchemaProps => ({
  type: "array",
  items,
  ...more,
});
const object = (
  properties: Record<string, JsonSchemaProps>,
  more: JsonSchemaProps = {},
): JsonSchemaProps => ({
  type: "object",
  properties,
  ...more,
});
const free: JsonSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** A CRD of one kind, whose objects have this `spec`. */
function crdOf(kind: string, spec: unknown, more: object = {}): object {
  const singular = kind.toLowerCase();
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${singular}s.costly.example.com` },
    spec: {
      group: "costly.example.com",
      scope: "Namespaced",
      names: { plural: `${singular}s`, singular, kind },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
          ...more,
        },
      ],
    },
  };
}

/** A kind with every keyword over which lists can be long. */
export const thingCrd: object = crdOf(
  "Thing",
  object({
    set: listOf(integer, { "x-kubernetes-list-type": "set" }),
    map: listOf(object({ name: text, port: integer, note: text }, { required: ["name"] }), {
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
    }),
    defaults: listOf(object({ a: { ...text, default: "x" }, b: { ...integer, default: 1 } })),
    times: listOf({ ...text, format: "date-time" }),
    addresses: listOf({ ...text, format: "ipv6" }),
    durations: listOf({ ...text, format: "duration" }),
    patterns: listOf({ ...text, pattern: "^(a+)+$" }),
    choices: listOf({
      ...object({ a: integer, b: integer }),
      anyOf: [{ required: ["b"] }, { required: ["c"] }],
    }),
    enums: listOf({ ...text, enum: many(1_000, (i) => `v${i}`) }),
    wide: { type: "object", additionalProperties: integer },
    free,
  }),
  {
    additionalPrinterColumns: [
      { name: "All", type: "string", jsonPath: ".spec.map[*].name" },
      { name: "Deep", type: "string", jsonPath: "..name" },
      { name: "Chosen", type: "string", jsonPath: '.spec.map[?(@.name=="k1")].port' },
    ].filter(({ jsonPath }) => !jsonPath.startsWith("..")),
  },
);

/** A rule, and a value of `spec` on which it is slow. */
export type CostlyRule = {
  readonly rule: string;
  readonly value: () => unknown;
};

const numbers = (count: number) => () => ({ l: many(count, (i) => (i * 7_919) % 100_003) });
const texts = (count: number, length: number) => () => ({
  t: many(count, (i) => `${i}${"x".repeat(length)}`),
  s: "x".repeat(100_000),
});
const wideMap = () => Object.fromEntries(many(30_000, (i) => [`k${i}`, i]));
const keyed = (count: number) => () => ({ k: many(count, (i) => i) });
const cases: readonly (readonly [string, () => unknown])[] = [
  ["self.l.map(a, a).map(a, a).map(a, a).size() >= 0", numbers(60_000)],
  ["self.l.all(a, a >= 0) && self.l.all(a, a >= 0)", numbers(60_000)],
  ["self.l.exists(a, self.l.exists(b, a + b < 0)) == false", numbers(2_000)],
  ["self.l.sort().size() >= 0", numbers(60_000)],
  ["self.l.filter(a, a > 5).sort().isSorted()", numbers(60_000)],
  ["self.l.distinct().size() >= 0", numbers(1_000)],
  ["sets.equivalent(self.l, self.l)", numbers(900)],
  ["self.l.sum() >= 0 && self.l.max() >= 0 && self.l.min() >= 0", numbers(60_000)],
  ["self.l.all(a, self.l.indexOf(a) >= 0)", numbers(1_000)],
  ["self.l.all(a, a in self.l)", numbers(1_000)],
  ["self.l.map(a, [a, a]).flatten().size() >= 0", numbers(60_000)],
  ["self.l.map(a, {'a': a}).size() >= 0", numbers(60_000)],
  ["self.l.all(a, string(a) != '')", numbers(60_000)],
  ["self.l.all(a, self.l == self.l)", numbers(5_000)],
  ["self.l.reverse().reverse().size() >= 0", numbers(60_000)],
  ["self.l.all(a, self.l.slice(0, size(self.l)).size() >= 0)", numbers(5_000)],
  ["self.l.all(a, (self.l + self.l).size() >= 0)", numbers(5_000)],
  ["self.t.all(a, a.contains('xy') == false)", texts(20_000, 100)],
  ["self.t.all(a, self.s.contains('xxxxxxy') == false)", texts(20_000, 1)],
  ["self.t.all(a, self.s.substring(1).size() > 0)", texts(10_000, 1)],
  ["self.t.all(a, self.s.substring(0, 50000) != '')", texts(10_000, 1)],
  ["self.t.all(a, self.s.charAt(50000) == 'x')", texts(10_000, 1)],
  ["self.t.all(a, self.s.size() > 0)", texts(10_000, 1)],
  ["self.t.all(a, self.s.indexOf('xy') < 0)", texts(10_000, 1)],
  ["self.t.all(a, self.s.replace('x', 'yy') != '')", texts(10_000, 1)],
  ["self.t.all(a, self.s.split('x').size() > 0)", texts(10_000, 1)],
  ["self.t.all(a, self.s.lowerAscii() != '')", texts(10_000, 1)],
  ["self.t.all(a, (self.s + self.s).size() > 0)", texts(10_000, 1)],
  ["self.t.all(a, self.s == self.s)", texts(10_000, 1)],
  ["self.t.all(a, a < self.s)", texts(20_000, 100)],
  ["self.t.join('').size() > 0", texts(20_000, 100)],
  ["self.t.all(a, self.t.join('').size() > 0)", texts(5_000, 10)],
  ["self.t.all(a, a.matches('^([0-9]+)x*$'))", texts(20_000, 100)],
  ["self.t.all(a, a.findAll('x').size() >= 0)", texts(20_000, 100)],
  ["self.t.all(a, a.trim() != '')", texts(20_000, 100)],
  ["self.t.all(a, a.reverse() != '')", texts(20_000, 100)],
  ["self.t.all(a, '%s'.format([a]) != '')", texts(20_000, 100)],
  ["self.t.all(a, bytes(a).size() > 0)", texts(20_000, 100)],
  ["self.t.all(a, isURL(a) == false)", texts(20_000, 100)],
  ["self.t.all(a, isQuantity(a) == false)", texts(20_000, 100)],
  ["self.t.all(a, isIP(a) == false)", texts(20_000, 100)],
  ["self.t.all(a, isSemver(a) == false)", texts(20_000, 100)],
  ["self.t.all(a, a.size() > 0 ? self.t[0] != '' : true)", texts(60_000, 2)],
  ["self.t.exists_one(a, a == '1')", texts(60_000, 2)],
  ["self.t.all(a, dyn(a) == dyn(self.t[0]) || true)", texts(60_000, 2)],
  ["self.l.all(a, timestamp('2026-01-01T00:00:00Z').getFullYear() > 0)", numbers(60_000)],
  ["self.l.all(a, self.l.exists(b, true))", numbers(60_000)],
  ["self.l.all(a, self.m.exists(k, true))", () => ({ ...numbers(30_000)(), m: wideMap() })],
  ["self.l.all(a, self.m.size() > 0)", () => ({ ...numbers(30_000)(), m: wideMap() })],
  ["self.l.all(a, self.m == self.m)", () => ({ ...numbers(30_000)(), m: wideMap() })],
  ["(self.k + self.k).size() > 0", keyed(60_000)],
  ["self.k == self.k.map(a, a)", keyed(60_000)],
  ["self.k.all(a, self.k == self.k)", keyed(10_000)],
  ["self.l.all(a, timestamp('2026-01-01T00:00:00Z').getHours('Asia/Tokyo') > 0)", numbers(60_000)],
  ["self.t.all(a, int(self.s) > 0)", () => ({ t: many(100, () => "a"), s: "9".repeat(200_000) })],
  ["self.t.all(a, self.s.contains('xxxxxxxxxxxxxxxy') == false)", texts(20_000, 1)],
  ["self.l.all(a, duration('1h2m3s').getHours() > 0)", numbers(60_000)],
];

/** Rules that are as slow as their cost allows. */
export const rules: readonly CostlyRule[] = cases.map(([rule, value]) => ({
  rule,
  value,
}));

/** A schema of an object whose `spec` has this rule. */
export const ruleSchema = ({ rule }: CostlyRule): JsonSchemaProps =>
  object({
    spec: {
      ...object({
        k: listOf(integer, { maxItems: 1_000_000, "x-kubernetes-list-type": "set" }),
        m: {
          type: "object",
          additionalProperties: integer,
          maxProperties: 100_000,
        },
        l: listOf(integer, { maxItems: 1_000_000 }),
        t: listOf({ ...text, maxLength: 200_000 }, { maxItems: 1_000_000 }),
        s: { ...text, maxLength: 200_000 },
      }),
      "x-kubernetes-validations": [{ rule }],
    },
  });

const wide = (count: number, schema: JsonSchemaProps): JsonSchemaProps =>
  object(Object.fromEntries(many(count, (i) => [`f${i}`, schema])));
const deep = (levels: number): JsonSchemaProps =>
  many(levels, () => 0).reduce<JsonSchemaProps>((inner) => object({ a: inner }), text);

/** CRDs as large as they may be. */
export const costlyCrds: readonly (readonly [string, () => object])[] = [
  ["a CRD of 80,000 fields", () => crdOf("Many", wide(80_000, text))],
  ["a CRD of 100 levels", () => crdOf("Deep", deep(100))],
  ["a CRD of 200 levels", () => crdOf("Deep", deep(200))],
  [
    "a CRD of 10,000 rules",
    () =>
      crdOf("Rules", {
        ...object({ a: integer }),
        "x-kubernetes-validations": many(10_000, (i) => ({ rule: `self.a != ${i}` })),
      }),
  ],
  [
    "a CRD of 10,000 fields of rules",
    () =>
      crdOf(
        "Rules",
        wide(10_000, { ...integer, "x-kubernetes-validations": [{ rule: "self > 0" }] }),
      ),
  ],
  [
    "a CRD of a rule of 100 KB",
    () =>
      crdOf("Rule", {
        ...object({ a: integer }),
        "x-kubernetes-validations": [{ rule: many(5_000, (i) => `self.a != ${i}`).join(" && ") }],
      }),
  ],
  [
    "a CRD of a rule of 10,000 brackets",
    () =>
      crdOf("Rule", {
        ...object({ a: integer }),
        "x-kubernetes-validations": [{ rule: `${"(".repeat(10_000)}true${")".repeat(10_000)}` }],
      }),
  ],
  [
    "a CRD of a rule with a list of 30,000",
    () =>
      crdOf("Rule", {
        ...object({ a: integer }),
        "x-kubernetes-validations": [{ rule: `self.a in [${many(30_000, (i) => i).join(",")}]` }],
      }),
  ],
  [
    "a CRD of 10,000 broken rules",
    () =>
      crdOf("Rules", {
        ...object({ a: integer }),
        "x-kubernetes-validations": many(10_000, (i) => ({ rule: `self.b != ${i}` })),
      }),
  ],
  [
    "a CRD of rules on 5,000 fields each",
    () =>
      crdOf("Rules", {
        ...wide(5_000, integer),
        "x-kubernetes-validations": many(200, (i) => ({ rule: `self.f${i} != 0` })),
      }),
  ],
  [
    "a CRD of nested rules",
    () =>
      crdOf(
        "Rules",
        many(60, () => 0).reduce<JsonSchemaProps>(
          (inner) => ({
            ...object({ a: inner, b: text }),
            "x-kubernetes-validations": [{ rule: "self.b != ''" }],
          }),
          wide(500, text),
        ),
      ),
  ],
  [
    "a CRD of 10,000 patterns",
    () => crdOf("Patterns", wide(20_000, { ...text, pattern: "^[a-z]+([0-9]{1,9})*$" })),
  ],
  [
    "a CRD of a pattern of 1 MB",
    () => crdOf("Pattern", object({ a: { ...text, pattern: "(a|b)".repeat(200_000) } })),
  ],
  [
    "a CRD of a pattern of 1000 repeats",
    () => crdOf("Pattern", object({ a: { ...text, pattern: "(((a{1,100}){1,100}){1,100})" } })),
  ],
  [
    "a CRD of 10,000 patterns of repeats",
    () => crdOf("Patterns", wide(10_000, { ...text, pattern: "^(a{1,900}b)+$" })),
  ],
  [
    "a CRD of an enum of 300,000",
    () => crdOf("Enum", object({ a: { ...text, enum: many(250_000, (i) => `${i}`) } })),
  ],
  [
    "a CRD of 100,000 required fields",
    () => crdOf("Required", { ...object({ a: text }), required: many(250_000, (i) => `${i}`) }),
  ],
  [
    "a CRD of 30,000 defaults",
    () => crdOf("Defaults", wide(30_000, { ...object({ a: text }), default: { a: "x" } })),
  ],
  [
    "a CRD of a default of 2 MB",
    () =>
      crdOf(
        "Default",
        object({ a: { ...free, default: Object.fromEntries(many(200_000, (i) => [`${i}`, 0])) } }),
      ),
  ],
  [
    "a CRD of 10,000 columns",
    () =>
      crdOf("Columns", object({ a: text }), {
        additionalPrinterColumns: many(20_000, (i) => ({
          name: `c${i}`,
          type: "string",
          jsonPath: ".spec.a",
        })),
      }),
  ],
  [
    "a CRD of a column of 1 MB",
    () =>
      crdOf("Column", object({ a: text }), {
        additionalPrinterColumns: [{ name: "c", type: "string", jsonPath: ".a".repeat(500_000) }],
      }),
  ],
  [
    "a CRD of 50,000 choices",
    () =>
      crdOf("Choices", {
        ...object({ a: text }),
        anyOf: many(50_000, () => ({ required: ["a"] })),
      }),
  ],
  [
    "a CRD of 20,000 names",
    () => ({
      ...crdOf("Names", object({ a: text })),
      spec: {
        ...(crdOf("Names", object({ a: text })) as { spec: object }).spec,
        names: {
          plural: "names",
          singular: "name",
          kind: "Names",
          shortNames: many(150_000, (i) => `s${i}`),
          categories: many(100_000, (i) => `c${i}`),
        },
      },
    }),
  ],
  [
    "a CRD of 5,000 versions",
    () => ({
      ...crdOf("Versions", object({ a: text })),
      spec: {
        ...(crdOf("Versions", object({ a: text })) as { spec: object }).spec,
        versions: many(10_000, (i) => ({
          name: `v${i + 1}`,
          served: true,
          storage: i === 0,
          schema: { openAPIV3Schema: { type: "object", properties: { spec: { type: "object" } } } },
        })),
      },
    }),
  ],
  ["a CRD of 50,000 wrong types", () => crdOf("Wrong", wide(80_000, { type: "strings" }))],
];
