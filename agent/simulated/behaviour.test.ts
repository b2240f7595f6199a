import { expect, test } from "vitest";
import { type Behaviour, behaviourOf, defaultRules } from "./behaviour.ts";

test.each<readonly [string, Behaviour, string]>([
  ["shop/web:v2", { serve: "v2" }, "an image serves its tag"],
  ["shop/web", { serve: "latest" }, "without a tag, latest"],
  ["registry.test:5000/web", { serve: "latest" }, "a registry's port is no tag"],
  ["web:v2@sha256:ab", { serve: "v2" }, "a digest beside the tag"],
  ["lh/silent:v1", {}, "a default rule"],
  ["team/absent:v1", { pull: "absent" }, "a default rule of the registry"],
])("behaviourOf() %s is %j: %s", (reference, want) => {
  expect(behaviourOf(defaultRules, reference)).toEqual(want);
});

test("behaviourOf() takes the first rule, and dots literally", () => {
  const rules = [
    { image: "a.b/*:v1", behaviour: { serve: "first" } },
    { image: "*", behaviour: { serve: "second" } },
  ];
  expect(behaviourOf(rules, "a.b/x:v1")).toEqual({ serve: "first" });
  expect(behaviourOf(rules, "aab/x:v1")).toEqual({ serve: "second" });
});
