import { expect, test } from "vitest";
import { unsupportedCauses } from "./unsupported.ts";

test("unsupportedCauses() says why, and leaves misspelt fields to others", () => {
  const unknown = ["spec.replica", "spec.template.spec.nodeName", "spec.template.spec.nodename"];
  expect(unsupportedCauses(unknown)).toEqual([
    {
      reason: "FieldValueForbidden",
      field: "spec.template.spec.nodeName",
      message:
        "Forbidden: not supported on plain Docker hosts: use placement.nodes of the Application",
    },
  ]);
});
