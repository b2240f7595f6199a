import { expect, test } from "vitest";
import { tagOf } from "./reference.ts";

test.each([
  ["web", "web:latest"],
  ["docker.io/library/web:1", "web:1"],
  ["docker.io/team/web", "team/web:latest"],
  ["registry.test:5000/web", "registry.test:5000/web:latest"],
  ["registry.test:5000/web:1", "registry.test:5000/web:1"],
  ["web:1@sha256:feed", undefined],
  ["sha256:feed", undefined],
])("tagOf(%j)", (reference, want) => {
  expect(tagOf(reference)).toBe(want);
});
