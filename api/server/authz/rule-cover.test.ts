import { assert, constantFrom, property, record, subarray } from "fast-check";
import { expect, test } from "vitest";
import type { RequestInfo } from "../objects/request-info.ts";
import { type PolicyRule, readRule } from "./policy.ts";
import { escalationText, missingRights } from "./rule-cover.ts";
import { ruleMatcher } from "./rule-match.ts";

const rule = (verbs: string, groups: string, resources: string, names = ""): PolicyRule =>
  readRule({
    verbs: verbs.split(" "),
    apiGroups: groups.split(" "),
    resources: resources.split(" "),
    ...(names === "" ? {} : { resourceNames: names.split(" ") }),
  });
const paths = (verbs: string, urls: string): PolicyRule =>
  readRule({ verbs: verbs.split(" "), nonResourceURLs: urls.split(" ") });

test.each<[string, readonly PolicyRule[], readonly PolicyRule[], boolean]>([
  ["the same", [rule("get", "v1", "pods")], [rule("get", "v1", "pods")], true],
  ["less", [rule("get list", "v1", "pods nodes")], [rule("get", "v1", "pods")], true],
  ["more verbs", [rule("get", "v1", "pods")], [rule("get list", "v1", "pods")], false],
  ["more groups", [rule("get", "v1", "pods")], [rule("get", "v1 v2", "pods")], false],
  [
    "two rules as one",
    [rule("get", "v1", "pods"), rule("list", "v1", "pods")],
    [rule("get list", "v1", "pods")],
    true,
  ],
  [
    "across rules",
    [rule("get", "v1", "pods"), rule("list", "v1", "nodes")],
    [rule("get list", "v1", "pods nodes")],
    false,
  ],
  ["every verb covers one", [rule("*", "v1", "pods")], [rule("get delete", "v1", "pods")], true],
  [
    "all known verbs are not every verb",
    [rule("get list watch create", "v1", "pods")],
    [rule("*", "v1", "pods")],
    false,
  ],
  ["every group covers one", [rule("get", "*", "pods")], [rule("get", "x", "pods")], true],
  [
    "every resource covers subresources",
    [rule("get", "v1", "*")],
    [rule("get", "v1", "pods/log")],
    true,
  ],
  [
    "a resource covers no subresource",
    [rule("get", "v1", "pods")],
    [rule("get", "v1", "pods/log")],
    false,
  ],
  [
    "a subresource of every kind",
    [rule("get", "v1", "*/scale")],
    [rule("get", "v1", "apps/scale")],
    true,
  ],
  [
    "another subresource",
    [rule("get", "v1", "*/scale")],
    [rule("get", "v1", "apps/status")],
    false,
  ],
  [
    "a subresource of every kind covers no kind",
    [rule("get", "v1", "*/scale")],
    [rule("get", "v1", "apps")],
    false,
  ],
  ["every name covers one", [rule("get", "v1", "pods")], [rule("get", "v1", "pods", "a")], true],
  [
    "some names cover some of them",
    [rule("get", "v1", "pods", "a b")],
    [rule("get", "v1", "pods", "b")],
    true,
  ],
  [
    "some names do not cover others",
    [rule("get", "v1", "pods", "a")],
    [rule("get", "v1", "pods", "a b")],
    false,
  ],
  [
    "some names do not cover all",
    [rule("get", "v1", "pods", "a")],
    [rule("get", "v1", "pods")],
    false,
  ],
  ["a path", [paths("get", "/a")], [paths("get", "/a")], true],
  ["another path", [paths("get", "/a")], [paths("get", "/a/b")], false],
  ["paths below one", [paths("get", "/a/*")], [paths("get", "/a/b /a/c/*")], true],
  ["every path", [paths("get", "*")], [paths("get", "/a")], true],
  ["resources cover no path", [rule("*", "*", "*")], [paths("get", "/a")], false],
  ["nothing", [], [], true],
  ["something by nothing", [], [rule("get", "v1", "pods")], false],
])("missingRights(): %s", (_what, owned, wanted, covered) => {
  expect(missingRights(owned, wanted).length === 0).toBe(covered);
});

test("escalationText() lists what is missing, each once and sorted", () => {
  const missing = missingRights(
    [],
    [rule("list get", "", "pods"), rule("get", "", "pods"), paths("get", "/x")],
  );
  expect(escalationText({ name: 'a"b', groups: ["g", "h"] }, missing)).toBe(
    'user "a\\"b" (groups=["g" "h"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["list" "get"]}\n{NonResourceURLs:["/x"], Verbs:["get"]}',
  );
});

const some = (...items: readonly string[]) => subarray([...items], { minLength: 1 });
const anyRule = record({
  verbs: some("get", "list", "*"),
  apiGroups: some("", "x", "*"),
  resources: some("pods", "pods/log", "*/log", "*"),
  resourceNames: subarray(["a", "b"]),
}).map(readRule);
const anyRequest = record({
  verb: constantFrom("get", "list", "delete"),
  group: constantFrom("", "x", "y"),
  plural: constantFrom("pods", "nodes"),
  subresource: constantFrom("", "log", "exec"),
  name: constantFrom("", "a", "b", "c"),
}).map(({ verb, ...resource }): RequestInfo => {
  return { verb, path: "", resource: { ...resource, version: "v1", namespace: "", rest: "" } };
});

test("missingRights() is empty only if the owner may do all that is wanted", () => {
  const sound = property(anyRule, anyRule, anyRule, anyRequest, (one, two, wanted, request) => {
    const allows = ruleMatcher(request);
    if (missingRights([one, two], [wanted]).length > 0 || !allows(wanted)) return;
    expect(allows(one) || allows(two)).toBe(true);
  });
  assert(sound, { numRuns: 2_000 });
});

test("missingRights() names exactly what turns the owner's rights into the wanted ones", () => {
  const complete = property(anyRule, anyRule, anyRequest, (owned, wanted, request) => {
    const allows = ruleMatcher(request);
    const missing = missingRights([owned], [wanted]);
    expect(missingRights([owned, ...missing], [wanted])).toEqual([]);
    expect(!allows(wanted) || allows(owned) || missing.some(allows)).toBe(true);
  });
  assert(complete, { numRuns: 1_000 });
});
