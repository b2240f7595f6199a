import { expect, test } from "vitest";
import { openTestApp } from "../../../test/kit/app.ts";
import { podDisruptionBudgetKind } from "./pod-disruption-budget.ts";

const path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

test("there are none, and a write says why", async () => {
  await using server = await openTestApp();
  const { code, body } = await server.send("GET", path);
  expect([code, body["kind"], body["items"]]).toEqual([200, "PodDisruptionBudgetList", []]);
  const refused = await server.send("POST", path, { metadata: { name: "web" } });
  expect(refused.code).toBe(405);
  expect(refused.body["message"]).toContain("see strategy.batch");
});

test("columns show what a budget of another cluster says", () => {
  const budget = {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "web", uid: "u", resourceVersion: "1", creationTimestamp: "" },
    spec: { minAvailable: "50%" },
    status: { disruptionsAllowed: 1 },
  };
  const cells = podDisruptionBudgetKind.columns?.slice(0, 4).map(({ cell }) => cell(budget, 0));
  expect(cells).toEqual(["web", "50%", "N/A", "1"]);
});
