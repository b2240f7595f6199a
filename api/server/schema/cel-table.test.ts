import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { type RuleGroup, testRules } from "../../../test/kit/cel-rules.ts";

// Rules in the groups of Kubernetes' own table: each holds, or says what is wrong with it.

const integer: JsonSchemaProps = { type: "integer" };
const number: JsonSchemaProps = { type: "number" };
const text: JsonSchemaProps = { type: "string" };
const flag: JsonSchemaProps = { type: "boolean" };
const formatted = (format: string): JsonSchemaProps => ({ type: "string", format });
const list = (items: JsonSchemaProps, more: JsonSchemaProps = {}): JsonSchemaProps => ({
  type: "array",
  items,
  ...more,
});
const set = (items: JsonSchemaProps): JsonSchemaProps =>
  list(items, { "x-kubernetes-list-type": "set" });
const map = (values: JsonSchemaProps): JsonSchemaProps => ({
  type: "object",
  additionalProperties: values,
});
const object = (
  properties: Record<string, JsonSchemaProps>,
  more: JsonSchemaProps = {},
): JsonSchemaProps => ({ type: "object", properties, ...more });
const free: JsonSchemaProps = { "x-kubernetes-preserve-unknown-fields": true };
const either: JsonSchemaProps = { "x-kubernetes-int-or-string": true };

const person = object({ k: text, v: text, w: text });
const people = list(person, {
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["k"],
});

const groups: Record<string, RuleGroup> = {
  integers: {
    fields: { a: integer, b: formatted("x") },
    value: { a: 2_147_483_647, b: "x" },
    holds: [
      "self.a == 2147483647 && self.a + 1 == 2147483648",
      "type(self.a) == int && type(self.a) != double",
      "self.a / 2 == 1073741823 && self.a % 10 == 7 && -self.a < 0",
      "1 in [1, 2] && !(3 in [1, 2])",
      "0x10 == 16 && 1u + 2u == 3u && uint(3) == 3u",
    ],
    fails: {
      "9223372036854775807 + 1 == 0": "integer overflow",
      "-9223372036854775807 - 2 == 0": "integer overflow",
      "1u - 2u == 0u": "unsigned integer overflow",
      "1 / 0 == 1": "division by zero",
      "1 % 0 == 1": "modulus by zero",
      "self.a == 'x'": "found no matching overload for '_==_' applied to '(int, string)'",
      "self.a + 1.0 == 1.0": "found no matching overload for '_+_' applied to '(int, double)'",
    },
  },
  numbers: {
    fields: { d: number, whole: number, i: integer },
    value: { d: 10.5, whole: 10, i: 5 },
    holds: [
      "type(self.whole) == double && self.whole == 10.0",
      "self.i < self.whole && self.i <= 5.0 && self.d > 10",
      "int(self.d) == 10 && double(self.i) == 5.0",
      "self.d * 2.0 == 21.0 && self.d / 0.0 > 1e300",
      "self.i < 10.0 && 15 > 10.0 && double(10) == 10.0",
    ],
  },
  texts: {
    fields: { s: text, lines: text },
    value: { s: "Rook takes 👑", lines: "l1\nl2" },
    holds: [
      "self.s == 'Rook takes 👑' && size(self.s) == 12",
      "self.s.startsWith('Rook') && self.s.endsWith('👑') && self.s.contains('takes')",
      "self.s.matches('^[^0-9]*$') && !self.s.matches('^[0-9]*$')",
      "self.s.charAt(3) == 'k' && self.s.indexOf('o') == 1 && self.s.indexOf('o', 2) == 2",
      "self.s.lastIndexOf('k') == 7 && self.s.lastIndexOf('o', 1) == 1",
      "self.s.replace(' ', 'x') == 'Rookxtakesx👑' && self.s.replace(' ', 'x', 1) == 'Rookxtakes 👑'",
      "self.s.split(' ') == ['Rook', 'takes', '👑'] && self.s.split(' ', 2) == ['Rook', 'takes 👑']",
      "self.s.substring(5) == 'takes 👑' && self.s.substring(4, 10).trim() == 'takes'",
      "self.s.upperAscii() == 'ROOK TAKES 👑' && self.s.lowerAscii() == 'rook takes 👑'",
      "'%d %s %f'.format([1, 'abc', 1.0]) == '1 abc 1.000000'",
      "'%s %s'.format([duration('1m'), timestamp('2000-01-01T00:00:00.000Z')]) == '60s 2000-01-01T00:00:00Z'",
      "'%e'.format([3.14]) == '3.140000×10⁰⁰'",
      "'%o %b %x %X %%'.format([9, 9, 255, 255]) == '11 1001 ff FF %'",
      "'%s %s'.format([[1, 'a'], {'k': true}]) == '[1, \"a\"] {\"k\": true}'",
      "self.lines == 'l1\\nl2' && r'\\d' == '\\\\d' && \"\\u00e9\" == 'é'",
      "'abc'.find('[a-b]+') == 'ab' && 'a1b2'.findAll('[0-9]') == ['1', '2'] && 'a1b2'.findAll('[0-9]', 1) == ['1']",
      "strings.quote('a\"b') == '\"a\\\\\"b\"'",
    ],
    fails: {
      "self.s.matches(')')": "invalid matches argument",
      "self.s.substring(3, 99) == ''": "index out of range: 99",
      "self.s.charAt(-1) == ''": "index out of range",
      "'%d'.format(['a']) == ''": "integer clause can only be used on integers",
      "'%s %s'.format(['a']) == ''": "index 1 out of range",
      "self.s > 1": "found no matching overload for '_>_' applied to '(string, int)'",
      "self.s": "cel expression must evaluate to a bool",
      "self.s == ": "Syntax error",
    },
  },
  bytes: {
    fields: { a: formatted("byte"), b: formatted("byte") },
    value: { a: "QUI=", b: "QUI=" },
    holds: [
      "self.a == self.b && self.a == b'AB' && self.a == bytes('AB')",
      "type(self.a) == bytes && size(self.a) == 2 && string(self.a) == 'AB'",
    ],
  },
  flags: {
    fields: { t: flag, f: flag },
    value: { t: true, f: false },
    holds: [
      "self.t && !self.f && self.t != self.f && type(self.t) == bool",
      "self.t || 1 / 0 == 1",
      "1 / 0 == 1 || self.t",
      "!(self.f && 1 / 0 == 1) && !(1 / 0 == 1 && self.f)",
      "(self.t ? 1 : 2) == 1",
    ],
    fails: { "self.t ? 1 : 'a'": "found no matching overload for '_?_:_'" },
  },
  durations: {
    fields: { d: formatted("duration") },
    value: { d: "1h2m3s4ms" },
    holds: [
      "self.d == duration('1h2m3s4ms') && self.d == duration('1h2m') + duration('3s4ms')",
      "self.d.getHours() == 1 && self.d.getMinutes() == 62 && self.d.getSeconds() == 3723",
      "self.d.getMilliseconds() == 3723004 && type(self.d) == google.protobuf.Duration",
      "string(self.d) == '3723.004s' && self.d > duration('1h') && -self.d < duration('0s')",
    ],
    fails: {
      "self.d == duration('1')": "invalid duration argument",
      "self.d == duration('1d')": "invalid duration argument",
    },
  },
  times: {
    fields: { day: formatted("date"), at: formatted("date-time") },
    value: { day: "1997-07-16", at: "2011-08-18T19:03:37.010000000+01:00" },
    holds: [
      "self.day == timestamp('1997-07-16T00:00:00.000Z') && self.day.getDate() == 16",
      "self.day.getMonth() == 6 && self.day.getFullYear() == 1997 && self.day.getDayOfMonth() == 15",
      "self.at == timestamp('2011-08-18T00:00:00.000+01:00') + duration('19h3m37s10ms')",
      "self.at.getHours('01:00') == 19 && self.at.getHours('UTC') == 18 && self.at.getMinutes() == 3",
      "self.at.getHours('Europe/Paris') == 20 && self.at.getMilliseconds('01:00') == 10",
      "self.at - self.day > duration('24h') && type(self.at) == google.protobuf.Timestamp",
      "string(self.at) == '2011-08-18T18:03:37.01Z' && int(self.day) == 869011200",
      "self.day.getDayOfWeek() == 3 && self.day.getDayOfYear() == 196",
    ],
    fails: { "self.at == timestamp('1000-00-00T00:00:00Z')": "invalid timestamp" },
  },
  conversions: {
    fields: { i: integer, d: number, s: text, bad: text },
    value: { i: 10, d: 10.49, s: "10", bad: "x" },
    holds: [
      "int(self.d) == self.i && int(self.s) == self.i && double(self.s) == 10.0",
      "string(self.i) == self.s && string(self.d) == '10.49' && string(true) == 'true'",
      "bool('true') && !bool('f') && dyn(1) == 1 && type(type(1)) == type",
    ],
    fails: { "int(self.bad) == 1": "invalid syntax" },
  },
  lists: {
    fields: { a: list(integer), b: list(integer), s: list(text) },
    value: { a: [1, 2, 3], b: [1, 2, 3], s: ["a", "b", "c"] },
    holds: [
      "self.a == self.b && self.a == [1, 2, 3] && 1 in self.a && !(0 in self.a)",
      "self.a + self.b == [1, 2, 3, 1, 2, 3] && self.a + [4] == [1, 2, 3, 4]",
      "self.a.all(e, e > 0) && self.a.exists(e, e > 2) && self.a.exists_one(e, e == 2)",
      "self.a.all(i, e, i < 3 && e > i) && self.a.exists(i, e, i == 2 && e == 3)",
      "self.a.existsOne(i, e, e == 3) && self.a.transformList(i, e, e > 1, e * 2) == [4, 6]",
      "self.a.map(e, e * 20).filter(e, e > 50) == [60] && self.a.map(e, e > 1, e) == [2, 3]",
      "self.s.join('-') == 'a-b-c' && self.s.join() == 'abc'",
      "self.a.sum() == 6 && self.a.min() == 1 && self.a.max() == 3 && self.a.isSorted()",
      "[1.5, 2.5].sum() == 4.0 && [duration('1s'), duration('2s')].sum() == duration('3s')",
      "self.s.indexOf('c') == 2 && [1, 2, 1].lastIndexOf(1) == 2 && self.s.indexOf('x') == -1",
      "self.a.slice(1, 3) == [2, 3] && [5, 1].reverse() == [1, 5] && [3, 1, 2].sort() == [1, 2, 3]",
      "[[1], [2, 3]].flatten() == [1, 2, 3] && [1, 1, 2].distinct() == [1, 2] && lists.range(3) == [0, 1, 2]",
      "size(self.a) == 3 && self.a.size() == 3 && self.a[0] == 1 && self.a[?7].orValue(9) == 9",
      "cel.bind(x, self.a.size(), x + x) == 6",
      "self.a.exists(e, 1 / (e - 1) == 1)",
    ],
    fails: {
      "self.a[100] == 0": "index out of bounds: 100",
      "[1, 'a', false].filter(x, string(x) == 'a') == []": "expected type 'int' but found 'string'",
      "[1, 2].slice(1, 0) == []": "start index must be less than or equal to end index",
      "[1, 2].slice(0, 9) == []": "cannot slice(0, 9), list is length 2",
      "[1, 2].slice(-1, 1) == []": "negative indexes not supported",
      "self.a.all(e, 1 / (e - 1) > -1)": "division by zero",
      "self.a.filter(e, e) == []": "expected type 'bool' but found 'int'",
      "1.all(x, true)": "cannot be range of a comprehension",
      "self.a[0].all(x, true)": "cannot be range of a comprehension",
      "lists.range(1000000).size() > 0": "is too long",
    },
  },
  sets: {
    fields: { a: set(text), b: set(text) },
    value: { a: ["a", "b", "c"], b: ["a", "c", "b"] },
    holds: [
      "self.a == ['c', 'b', 'a'] && self.a == self.b && 'a' in self.a",
      "self.a + self.b == ['a', 'b', 'c'] && self.a + ['c', 'd'] == ['a', 'b', 'c', 'd']",
      "sets.contains(['a', 'b'], ['b']) && !sets.contains(['a'], ['c']) && sets.contains(['a'], [])",
      "sets.equivalent(['c', 'b'], ['b', 'c']) && !sets.equivalent(['a'], ['b'])",
      "sets.intersects(['a', 'b'], ['b', 'c']) && !sets.intersects(['a'], [])",
      "sets.contains([{'a': 1}], [{'a': 1}]) && sets.equivalent([[1, 2]], [[1, 2]])",
    ],
  },
  "lists with keys": {
    fields: { all: list(people) },
    value: {
      all: [
        [
          { k: "a", v: "1" },
          { k: "b", v: "2", w: "z" },
        ],
        [
          { k: "b", v: "2", w: "z" },
          { k: "a", v: "1" },
        ],
        [{ k: "b", v: "3" }],
      ],
    },
    holds: [
      "self.all[0] == self.all[1] && self.all[0] == [self.all[0][1], self.all[0][0]]",
      "(self.all[0] + self.all[2]).size() == 2 && (self.all[0] + self.all[2]).exists(m, m.v == '3')",
      "self.all[0].all(m, !has(m.w) || m.w == 'z') && self.all[0].exists(m, m.w == 'z')",
      "self.all[0].map(m, has(m.w), m.w) == ['z'] && self.all[0].filter(m, has(m.w)).size() == 1",
    ],
    fails: {
      "self.all[0].all(m, m.w == 'z')": "no such key: w",
      "self.all[0].exists_one(m, m.w == 'z')": "no such key: w",
      "self.all[0] == {'k': 'a'}": "found no matching overload for '_==_'",
    },
  },
  maps: {
    fields: { m: map(integer), t: map(text) },
    value: { m: { b: 1, d: 2 }, t: { k2: "b", k1: "a" } },
    holds: [
      "self.t == {'k1': 'a', 'k2': 'b'} && 'k1' in self.t && !('k3' in self.t)",
      "has(self.m.b) && !has(self.m.c) && self.m['d'] == 2 && size(self.m) == 2",
      "self.m.all(k, self.m[k] > 0) && self.m.exists(k, self.m[k] > 1)",
      "self.m.all(k, v, v > 0) && self.m.exists(k, v, k == 'd' && v == 2)",
      "self.m.transformMap(k, v, v > 1, v + 1) == {'d': 3} && self.m.transformMap(k, v, v + 1).size() == 2",
      "self.m.transformMapEntry(k, v, {k + '2': v + 1}) == {'b2': 2, 'd2': 3}",
      "self.m.transformList(k, v, v).exists(x, x == 1) && self.m[?'x'].orValue(7) == 7",
      "{1: 'a', 2: 'b'}[1] == 'a' && {true: 1}[true] == 1",
    ],
    fails: {
      "self.m['c'] == 1": "no such key: c",
      "self.m.c == 1": "no such key: c",
      "{'a': 1, 'b': 'x'}.size() == 2": "expected type 'int' but found 'string'",
      "{'a': 1, 'a': 2}.size() == 2": "repeated key",
    },
  },
  objects: {
    fields: {
      o: object({ b: integer, c: integer, gone: { ...integer, nullable: true } }),
      deep: object({ in: object({ x: integer }), out: object({ x: integer }) }),
    },
    value: { o: { b: 1, gone: null }, deep: { in: { x: 4 } } },
    holds: [
      "has(self.o.b) && !has(self.o.c) && !has(self.o.gone)",
      "has(self.deep.__in__.x) && !has(self.deep.out) && !(has(self.deep.out) && has(self.deep.out.x))",
      "self.?o.?c.orValue(3) == 3 && self.?deep.?out.?x.hasValue() == false",
      "self.?o.b.hasValue() && optional.of(1).value() == 1 && !optional.none().hasValue()",
      "self.?o.?b.optMap(x, x + 1).orValue(0) == 2 && self.?o.?c.or(optional.of(5)).value() == 5",
      "optional.ofNonZeroValue(0).hasValue() == false && optional.of(2).optFlatMap(x, optional.of(x)).value() == 2",
    ],
    fails: {
      "has(self.o.z)": "undefined field 'z'",
      "self.o['b'] == 1": "found no matching overload for '_[_]'",
      "has(self.deep.out.x)": "no such key: out",
      "self.o == {'b': 1}": "found no matching overload for '_==_'",
      "self.?o.?c.value() == 3": "optional.none() dereference",
      "has(self)": "invalid argument to has() macro",
      "other == 1": "undeclared reference to 'other'",
      "self.o.b.nothing() == 1": "undeclared reference to 'nothing'",
      "self.o.b.c == 1": "type 'int' does not support field selection",
    },
  },
  nulls: {
    fields: {
      s: { ...text, nullable: true },
      m: map({ ...text, nullable: true }),
      l: list({ ...text, nullable: true }),
    },
    value: { s: null, m: { a: null, b: "x" }, l: [null, "x"] },
    holds: [
      "!has(self.s)",
      "type(self.m['a']) == null_type && type(self.l[0]) == null_type && self.m.size() == 2",
    ],
    fails: {
      "self.s == null": "found no matching overload for '_==_' applied to '(string, null)'",
      "self.s != null": "found no matching overload for '_!=_' applied to '(string, null)'",
    },
  },
  "int or string": {
    fields: { p: either, n: either, none: { ...either, nullable: true } },
    value: { p: "25%", n: 1, none: null },
    holds: [
      "self.p == '25%' && self.p != 1 && (self.p == 1 || self.p == '25%')",
      "self.n == 1 && self.n != 'x' && type(self.n) == int && type(self.p) == string",
      "!has(self.none) && self.n != ['anything']",
      "type(self.p) == string ? self.p.matches(r'(\\d+(\\.\\d+)?%)') : self.p < 5",
      "self.n + 1 == 2",
    ],
    fails: {
      "self.p < 5": "no such overload",
      "type(self.none) == int": "no such key: none",
    },
  },
  "what nobody declared": {
    fields: {
      open: object({ known: integer }, free),
      opens: list(object({ known: integer }, free)),
      any: free,
      anyList: list(free),
      anyMap: map(free),
    },
    value: {
      open: { known: 1, more: "x" },
      opens: [{ more: "a" }, { more: "b" }, { more: "b" }],
      any: 1,
      anyList: [1],
      anyMap: { a: 1 },
    },
    holds: [
      "self.open.known == 1",
      "self.opens[0] != self.opens[1] && self.opens[1] == self.opens[2]",
    ],
    fails: {
      "has(self.open.more)": "undefined field 'more'",
      "has(self.any)": "undefined field 'any'",
      "has(self.anyList)": "undefined field 'anyList'",
      "has(self.anyMap)": "undefined field 'anyMap'",
    },
  },
  "embedded objects": {
    fields: {
      e: object({ spec: object({ f: text }) }, { "x-kubernetes-embedded-resource": true }),
    },
    value: {
      e: {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "foo", namespace: "n" },
        spec: { f: "a" },
      },
    },
    holds: [
      "self.e.kind == 'Pod' && self.e.apiVersion == 'v1' && self.e.metadata.name == 'foo'",
      "self.e.spec.f == 'a' && !has(self.e.metadata.generateName)",
    ],
    fails: { "has(self.e.metadata.namespace)": "undefined field 'namespace'" },
  },
  "names that need escaping": {
    fields: {
      if: text,
      "a-b": text,
      "a.b/c": text,
      self: text,
      int: integer,
      a__b: text,
      true: text,
    },
    value: { if: "1", "a-b": "2", "a.b/c": "3", self: "4", int: 5, a__b: "6", true: "7" },
    holds: [
      "self.__if__ == '1' && self.a__dash__b == '2' && self.a__dot__b__slash__c == '3'",
      "self.self == '4' && self.int == 5 && self.a__underscores__b == '6' && self.__true__ == '7'",
    ],
    fails: { "self.if == '1'": "undefined field 'if'" },
  },
};

testRules(groups);
