import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ourKinds } from "../../test/kit/kinds.ts";
import { discoveryForm, serveDiscovery } from "./discovery.ts";
import { mapErrors } from "./errors.ts";
import type { KindTable } from "./kinds/table.ts";

const kubectlAccept =
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

let kinds: KindTable;
let app: FastifyInstance;

beforeEach(() => {
  kinds = ourKinds();
  app = Fastify();
  mapErrors(app);
  serveDiscovery(app, kinds, () => "127.0.0.1:6443");
});
afterEach(() => app.close());

test.each([
  [undefined, "plain"],
  ["application/json, */*", "plain"],
  [kubectlAccept, "v2"],
  ["application/json;as=APIGroupDiscoveryList;v=v2beta1;g=apidiscovery.k8s.io", "v2beta1"],
  // From kubectl 1.37 on; we have no peers whose resources could be merged in.
  [
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList;profile=nopeer,application/json",
    "v2",
  ],
  [
    "application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,application/json",
    "plain",
  ],
  ["application/json;g=meta.k8s.io;v=v1;as=Table", "plain"],
])("discoveryForm(%j) is %s", (accept, want) => {
  expect(discoveryForm(accept)).toBe(want);
});

test("/apis declares the aggregated form exactly, every part with a responseKind", async () => {
  const reply = await app.inject({ url: "/apis", headers: { accept: kubectlAccept } });
  expect(reply.headers["content-type"]).toBe(
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  );
  const { items } = reply.json();
  expect(items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual([
    "lighthouse.dev",
  ]);
  const [application] = items[0].versions[0].resources;
  expect(application).toMatchObject({
    resource: "applications",
    responseKind: { group: "lighthouse.dev", version: "v1", kind: "Application" },
    scope: "Namespaced",
    shortNames: ["app"],
    subresources: [
      { subresource: "status", responseKind: { kind: "Application" } },
      {
        subresource: "scale",
        responseKind: { group: "autoscaling", version: "v1", kind: "Scale" },
      },
      { subresource: "approve", responseKind: { kind: "RolloutApproval" } },
      { subresource: "plan", responseKind: { kind: "RolloutPlan" } },
      { subresource: "rollout", responseKind: { kind: "RolloutStream" }, verbs: ["get"] },
    ],
  });
});

test("/apis and /api answer in the plain form too", async () => {
  const apis = (await app.inject({ url: "/apis" })).json();
  const version = { groupVersion: "lighthouse.dev/v1", version: "v1" };
  expect(apis).toEqual({
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: [{ name: "lighthouse.dev", versions: [version], preferredVersion: version }],
  });
  const api = (await app.inject({ url: "/api" })).json();
  expect(api.serverAddressByClientCIDRs[0].serverAddress).toBe("127.0.0.1:6443");
});

test("/apis/GROUP/VERSION lists subresources with the group they speak", async () => {
  const { resources } = (await app.inject({ url: "/apis/lighthouse.dev/v1" })).json();
  const byName = new Map(resources.map((one: { name: string }) => [one.name, one]));
  expect(byName.get("applications/scale")).toEqual({
    name: "applications/scale",
    singularName: "",
    namespaced: true,
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    verbs: ["get", "patch", "update"],
  });
  expect(Object.keys(byName.get("applications") as object)).toEqual([
    "name",
    "singularName",
    "namespaced",
    "kind",
    "verbs",
    "shortNames",
    "categories",
  ]);
});

test("/ lists where to go on", async () => {
  const { paths } = (await app.inject({ url: "/" })).json();
  expect(paths).toEqual(expect.arrayContaining(["/apis/lighthouse.dev/v1", "/readyz", "/version"]));
});

test("/apis/GROUP names the preferred version", async () => {
  expect((await app.inject({ url: "/apis/lighthouse.dev" })).json()).toMatchObject({
    kind: "APIGroup",
    preferredVersion: { version: "v1" },
  });
});

test.each(["/apis/other.dev", "/apis/lighthouse.dev/v2", "/api/v2"])(
  "%s is not found",
  async (url) => {
    const reply = await app.inject({ url });
    expect(reply.statusCode).toBe(404);
    expect(reply.json()).toMatchObject({ kind: "Status", reason: "NotFound" });
  },
);

test("a client that has the document is told so, until the kinds change", async () => {
  const url = "/apis/lighthouse.dev/v1";
  const { headers } = await app.inject({ url });
  const etag = String(headers.etag);
  expect(headers["vary"]).toBe("Accept");
  const again = (): Promise<{ statusCode: number; body: string }> =>
    app.inject({ url, headers: { "if-none-match": `W/${etag}, "x"` } });
  expect(await again()).toMatchObject({ statusCode: 304, body: "" });
  kinds.set("beacons.lighthouse.dev", []);
  expect((await again()).statusCode).toBe(200);
});
