import { afterEach, beforeEach, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { builtIn } from "./built-in.ts";
import { nodeMetricsKind, podMetricsKind } from "./metrics.ts";
import { kindTable } from "./table.ts";

let server: TestApp;
beforeEach(async () => {
  server = await openTestApp();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
const columnsOf = (body: object): readonly string[] =>
  (body as { columnDefinitions: { name: string }[] }).columnDefinitions.map(({ name }) => name);

test("services are listed and watched, and there are none", async () => {
  const selector = "labelSelector=kubernetes.io/cluster-service%3Dtrue";
  const { code, body } = await server.send(
    "GET",
    `/api/v1/namespaces/kube-system/services?${selector}`,
  );
  expect([code, body["kind"], body["items"]]).toEqual([200, "ServiceList", []]);
  expect(metaOf(body).resourceVersion).toMatch(/^\d+$/);
  const shown = await server.send("GET", "/api/v1/services", undefined, table);
  expect(columnsOf(shown.body)).toEqual([
    "Name",
    "Type",
    "Cluster-IP",
    "External-IP",
    "Port(s)",
    "Age",
    "Selector",
  ]);
  await using watch = await server.stream("/api/v1/services?watch=1&timeoutSeconds=1");
  expect(await watch.rest()).toEqual([]);
});

test("a service cannot be made, and the answer says why", async () => {
  const { code, body } = await server.send("POST", "/api/v1/namespaces/default/services", {});
  expect([code, body["reason"]]).toEqual([405, "MethodNotAllowed"]);
  expect(body["message"]).toMatch(/no virtual IP addresses/);
});

test.each(["/apis/metrics.k8s.io/v1beta1/nodes", "/apis/metrics.k8s.io/v1beta1/pods"])(
  "%s is empty until agents report",
  async (url) => {
    const { code, body } = await server.send("GET", url);
    expect([code, body["items"]]).toEqual([200, []]);
    const shown = await server.send("GET", url, undefined, table);
    expect(columnsOf(shown.body)).toEqual(["Name", "Cpu", "Memory", "Window"]);
    expect((await server.send("DELETE", url)).code).toBe(405);
  },
);

test("metrics are what their source says", async () => {
  const usage = { cpu: "250m", memory: "64Mi" };
  const measured = { timestamp: "2026-01-01T00:00:00Z", window: "30s" };
  const container = (name: string): object => ({ name, usage });
  const source = {
    nodes: async () => [{ metadata: { name: "host-1" }, ...measured, usage }],
    pods: async (namespace: string) => [
      { metadata: { name: "one", namespace }, ...measured, containers: [container("a")] },
      { metadata: { name: "two", namespace }, ...measured, containers: ["a", "b"].map(container) },
    ],
  };
  const kinds = kindTable(
    [nodeMetricsKind(source), podMetricsKind(source)].map((kind) =>
      builtIn(kind, { prune: () => [] }),
    ),
  );
  await using own = await openTestApp({ kinds });
  const base = "/apis/metrics.k8s.io/v1beta1";
  const node = await own.send("GET", `${base}/nodes/host-1`);
  expect(node.body).toMatchObject({ kind: "NodeMetrics", usage, window: "30s" });
  expect((await own.send("GET", `${base}/nodes/host-2`)).code).toBe(404);
  const shown = await own.send("GET", `${base}/namespaces/shop/pods`, undefined, table);
  expect(shown.body["rows"]).toMatchObject([
    { cells: ["one", "250m", "64Mi", "30s"] },
    { cells: ["two", "<2 containers>", "<2 containers>", "30s"] },
  ]);
});
