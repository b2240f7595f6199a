import { expect, test } from "vitest";
import { compareVersions } from "./version-order.ts";

test("compareVersions() puts stable before beta before alpha, and new before old", () => {
  const want = [
    "v10",
    "v2",
    "v1",
    "v11beta2",
    "v10beta3",
    "v3beta1",
    "v12alpha1",
    "v11alpha2",
    "foo1",
    "foo10",
    "v0",
  ];
  expect(want.toReversed().sort(compareVersions)).toEqual(want);
});
