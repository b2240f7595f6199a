import { expect, test } from "vitest";
import type { Request } from "../http.ts";
import { annotate } from "./annotate.ts";

test("annotate() leaves the names of the chain to the chain", () => {
  const request: Pick<Request, "auditAnnotations"> = {};
  annotate(request as Request, "audit.lighthouse.dev/checkpoint", "{}");
  expect(request.auditAnnotations).toBeUndefined();
  annotate(request as Request, "demo-policy.example.com/checkpoint", "x");
  expect([...(request.auditAnnotations ?? [])]).toEqual([
    ["demo-policy.example.com/checkpoint", "x"],
  ]);
});
