import { expect, test } from "vitest";
import {
  type LabelSelector,
  matchesLabels,
  selectorCauses,
  selectorRequirements,
  selectorText,
  selects,
} from "./selector.ts";
import { parseLabelSelector } from "./selector-parse.ts";

const web = { app: "web", tier: "front", rank: "7", size: "large" };

test.each<[string, boolean]>([
  ["", true],
  ["app=web", true],
  ["app==web", true],
  ["app = web , tier = front", true],
  ["app=db", false],
  ["zone=a", false],
  ["app!=db", true],
  ["app!=web", false],
  ["zone!=a", true],
  ["app in (db, web)", true],
  ["app in (db)", false],
  ["zone in (a)", false],
  ["zone in ()", false],
  ["app notin (db)", true],
  ["app notin (web)", false],
  ["zone notin (a)", true],
  ["app", true],
  ["zone", false],
  ["!zone", true],
  ["!app", false],
  ["! app", false],
  ["app,!zone,tier in (front)", true],
  ["toString", false],
  ["app=", false],
  ["in=web", false],
  ["rank>6", true],
  ["rank>7", false],
  ["rank<8,rank>0", true],
  ["rank<7", false],
  ["rank<9223372036854775807", true],
  ["size>1", false],
  ["zone<1", false],
])("matchesLabels(%j) is %s for app=web,tier=front,rank=7,size=large", (text, want) => {
  expect(matchesLabels(parseLabelSelector(text), web)).toBe(want);
});

test("matchesLabels() takes an object without labels", () => {
  expect(matchesLabels(parseLabelSelector("!app,app!=x"), undefined)).toBe(true);
  expect(matchesLabels(parseLabelSelector("app"), undefined)).toBe(false);
});

const all: LabelSelector = {
  matchLabels: { tier: "front", app: "web" },
  matchExpressions: [
    { key: "zone", operator: "NotIn", values: ["b", "a"] },
    { key: "gpu", operator: "DoesNotExist" },
    { key: "app", operator: "Exists" },
    { key: "env", operator: "In", values: ["x"] },
  ],
};

test("selectorText() is sorted by key and reads back as the same requirements", () => {
  const text = selectorText(selectorRequirements(all) ?? []);
  expect(text).toBe("app=web,app,env in (x),!gpu,tier=front,zone notin (a,b)");
  expect(selectorText(parseLabelSelector(text))).toBe(text);
  expect(selectorText(parseLabelSelector("a!=b"))).toBe("a!=b");
  expect(selectorText(parseLabelSelector("b<5,a > 1"))).toBe("a>1,b<5");
});

test.each<[string, LabelSelector | undefined, boolean]>([
  ["an absent selector selects nothing", undefined, false],
  ["an empty selector selects everything", {}, true],
  ["labels and expressions must all hold", { ...all, matchExpressions: [] }, true],
  ["an expression that fails", all, false],
  [
    "an unknown operator selects nothing",
    { matchExpressions: [{ key: "app", operator: "Gt" }] },
    false,
  ],
  [
    "In without values selects nothing",
    { matchExpressions: [{ key: "app", operator: "In" }] },
    false,
  ],
])("selects(): %s", (_why, selector, want) => {
  expect(selects(selector, web)).toBe(want);
});

test("selectorCauses() names every wrong field", () => {
  const selector: LabelSelector = {
    matchLabels: { "a b": "-" },
    matchExpressions: [
      { key: "ok", operator: "Near" },
      { key: "ok", operator: "In" },
      { key: "ok", operator: "Exists", values: ["x"] },
      { key: "", operator: "NotIn", values: ["a b"] },
    ],
  };
  const causes = selectorCauses(selector, "spec.selector");
  expect(causes.map(({ field, reason }) => `${field} ${reason}`)).toEqual([
    "spec.selector.matchLabels FieldValueInvalid",
    "spec.selector.matchLabels FieldValueInvalid",
    "spec.selector.matchExpressions[0].operator FieldValueInvalid",
    "spec.selector.matchExpressions[1].values FieldValueRequired",
    "spec.selector.matchExpressions[2].values FieldValueForbidden",
    "spec.selector.matchExpressions[3].key FieldValueInvalid",
    "spec.selector.matchExpressions[3].key FieldValueInvalid",
    "spec.selector.matchExpressions[3].values[0] FieldValueInvalid",
  ]);
  expect(causes[2]?.message).toBe('Invalid value: "Near": not a valid selector operator');
  expect(selectorCauses({}, "spec.selector")).toEqual([]);
  expect(selectorCauses(all, "spec.selector")).toEqual([]);
});
