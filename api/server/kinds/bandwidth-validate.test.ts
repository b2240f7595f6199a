import { expect, test } from "vitest";
import { openTestApp } from "../../../test/kit/app.ts";

const ingress = "kubernetes.io/ingress-bandwidth";

function pod(value: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", annotations: { [ingress]: value } },
    spec: { containers: [{ name: "app", image: "web:v1" }] },
  };
}

test("a Pod with a bandwidth that is none is refused by its name, also when it is changed", async () => {
  const app = await openTestApp();
  const pods = "/api/v1/namespaces/default/pods";
  const refused = await app.send("POST", pods, pod("12"));
  expect(refused.code).toBe(422);
  expect(refused.text).toContain(
    `metadata.annotations[${ingress}]: Invalid value: \\"12\\": resource is unreasonably small (< 1kbit)`,
  );
  expect((await app.send("POST", pods, pod("12k"))).code).toBe(201);
  const merge = { type: "application/merge-patch+json" };
  const change = (value: string) =>
    app.send("PATCH", `${pods}/web`, { metadata: { annotations: { [ingress]: value } } }, merge);
  expect((await change("much")).code).toBe(422);
  expect((await change("12M")).code).toBe(200);
});
