import { expect } from "vitest";
import { eventually } from "../kit/eventually.ts";
import { gadgetCrd } from "./kit/manifests.ts";
import { aggregated } from "./kit/discovery.ts";
import { apps, createMap, maps } from "./kit/objects.ts";
import { pitfall } from "./kit/pitfall.ts";

const application = (more: string): string =>
  `{"apiVersion":"lighthouse.dev/v1","kind":"Application","metadata":{"name":"x"},"spec":{"replicas":1,${more}"template":{"spec":{"containers":[{"name":"w","image":"w:1"}]}}}}`;

pitfall(
  21,
  "doubled and unknown fields are refused, told or let pass, as was asked",
  async ({ raw, namespace }) => {
    const post = (path: string, body: string, mode: string) =>
      raw.send("POST", `${path}?fieldValidation=${mode}&dryRun=All`, { body });
    const doubled = application('"paused":true,"paused":false,"none":1,');
    const strict = await post(apps(namespace), doubled, "Strict");
    expect([strict.code, strict.body]).toMatchObject([400, { reason: "BadRequest" }]);
    expect(strict.body["message"]).toMatch(/strict decoding error:.*unknown field "spec\.none"/);
    expect(strict.body["message"]).toMatch(
      /duplicate field "spec\.paused"|key "paused" already set/,
    );
    const warned = await post(apps(namespace), doubled, "Warn");
    expect([warned.code, String(warned.headers["warning"])]).toEqual([
      201,
      expect.stringMatching(/299 - .*none/),
    ]);
    const ignored = await post(apps(namespace), doubled, "Ignore");
    expect([ignored.code, ignored.headers["warning"]]).toEqual([201, undefined]);
    const byDefault = await raw.send("POST", `${apps(namespace)}?dryRun=All`, { body: doubled });
    expect([byDefault.code, String(byDefault.headers["warning"])]).toEqual([
      201,
      expect.stringContaining("none"),
    ]);
    const typed = await post(
      maps(namespace),
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1"},"data":{},"metadate":{}}',
      "Strict",
    );
    expect([typed.code, typed.body["message"]]).toEqual([
      400,
      expect.stringMatching(/unknown field "metadate"/),
    ]);
    expect(typed.body["message"]).toMatch(/duplicate field "data"/);
    const mode = await post(maps(namespace), '{"metadata":{"name":"x"}}', "Sometimes");
    expect([400, 422]).toContain(mode.code);
  },
);

pitfall(22, "OpenAPI v2 comes in gnostic's protobuf", async ({ raw }) => {
  const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
  const { code, headers, text } = await raw.send("GET", "/openapi/v2", { headers: { accept } });
  expect([code, headers["content-type"]]).toEqual([
    200,
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
  ]);
  // Field 1 of the document is its version.
  expect(text.slice(0, 5)).toBe("\n\u00032.0");
  expect(text.length).toBeGreaterThan(100_000);
  const json = await raw.send("GET", "/openapi/v2", { headers: { accept: "application/json" } });
  expect(json.body).toMatchObject({
    swagger: "2.0",
    definitions: {
      "dev.lighthouse.v1.Application": {
        "x-kubernetes-group-version-kind": [
          { group: "lighthouse.dev", version: "v1", kind: "Application" },
        ],
      },
    },
  });
});

pitfall(23, "/version is semantic, its minor a bare number", async ({ raw }) => {
  const { body } = await raw.send("GET", "/version");
  expect(body).toMatchObject({
    major: "1",
    minor: expect.stringMatching(/^\d+$/),
    gitVersion: expect.stringMatching(/^v1\.\d+\.\d+(\+[0-9A-Za-z.-]+)?$/),
  });
  expect(String(body["gitVersion"])).toContain(`v1.${String(body["minor"])}.`);
});

pitfall(24, "rights are of requests, not of URLs", async ({ raw, namespace }) => {
  const roles = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const user = `u-${namespace}`;
  const rules = [
    {
      apiGroups: [""],
      resources: ["configmaps"],
      resourceNames: ["a"],
      verbs: ["get", "list", "watch"],
    },
    { apiGroups: [""], resources: ["pods", "pods/exec", "pods/log"], verbs: ["get"] },
    { apiGroups: [""], resources: ["secrets"], verbs: ["delete"] },
    { apiGroups: ["lighthouse.dev"], resources: ["applications"], verbs: ["get", "patch"] },
  ];
  expect(
    (await raw.send("POST", `${roles}/roles`, { body: { metadata: { name: "r" }, rules } })).code,
  ).toBe(201);
  const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" };
  expect(
    (
      await raw.send("POST", `${roles}/rolebindings`, {
        body: { metadata: { name: "b" }, roleRef, subjects },
      })
    ).code,
  ).toBe(201);
  await createMap(raw, namespace, "a");
  const as = { "Impersonate-User": user };
  const core = `/api/v1/namespaces/${namespace}`;
  await eventually(
    "the binding counts",
    async () => (await raw.send("GET", `${core}/configmaps/a`, { headers: as })).code === 200,
  );
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["GET", `${core}/configmaps?fieldSelector=metadata.name%3Da`, true],
    ["GET", `${core}/configmaps`, false],
    ["GET", `${core}/configmaps?fieldSelector=metadata.name%3Db`, false],
    ["GET", `${core}/configmaps/b`, false],
    ["GET", `${core}/configmaps/a?watch=true&timeoutSeconds=1`, true],
    ["GET", `${core}/configmaps?watch=true&timeoutSeconds=1`, false],
    ["HEAD", `${core}/configmaps/a`, true],
    ["DELETE", `${core}/secrets/none`, true],
    ["DELETE", `${core}/secrets`, false],
    ["GET", `${core}/pods/none`, true],
    ["GET", `${core}/pods/none/log`, true],
    ["GET", `${core}/pods/none/exec?command=ls`, false],
    ["POST", `${core}/pods/none/exec?command=ls`, false],
    ["GET", `${apps(namespace)}/none`, true],
    ["GET", `${apps(namespace)}/none/status`, false],
    ["GET", `${apps(namespace)}/none/scale`, false],
    ["PATCH", `${apps(namespace)}/none?fieldManager=t`, false],
    ["GET", "/metrics", false],
    ["GET", "/api/v1/nodes", false],
  ];
  for (const [method, path, allowed] of cases) {
    // An apply that would create needs the right to create.
    const apply = {
      body: application(""),
      headers: { ...as, "content-type": "application/apply-patch+yaml" },
    };
    const { code } = await raw.send(method, path, method === "PATCH" ? apply : { headers: as });
    expect([method, path, code === 403 ? "refused" : "allowed"]).toEqual([
      method,
      path,
      allowed ? "allowed" : "refused",
    ]);
  }
});

pitfall(
  25,
  "discovery has an ETag that changes when a kind comes or goes",
  async ({ raw, namespace }) => {
    const accept = { accept: aggregated };
    const before = await raw.send("GET", "/apis", { headers: accept });
    const tag = String(before.headers["etag"]);
    expect(tag).toMatch(/^"[0-9A-Fa-f]+"$/);
    expect(String(before.headers["vary"])).toContain("Accept");
    const group = `${namespace}.example.com`;
    const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    // Others make kinds meanwhile: an unchanged document answers 304, a changed one has another tag.
    const again = await raw.send("GET", "/apis", { headers: { ...accept, "if-none-match": tag } });
    expect([again.code === 304, again.headers["etag"] === tag]).toEqual([
      again.headers["etag"] === tag,
      again.code === 304,
    ]);
    expect((await raw.send("POST", crds, { body: gadgetCrd(group) })).code).toBe(201);
    const made = await eventually("the kind is discovered", async () => {
      const answer = await raw.send("GET", "/apis", {
        headers: { ...accept, "if-none-match": tag },
      });
      return answer.text.includes(group) && answer;
    });
    expect([made.code, made.headers["etag"] === tag]).toEqual([200, false]);
    expect((await raw.send("GET", `/apis/${group}/v1`)).body).toMatchObject({
      kind: "APIResourceList",
      groupVersion: `${group}/v1`,
    });
    await eventually("OpenAPI has it", async () =>
      (await raw.send("GET", "/openapi/v3")).text.includes(`apis/${group}/v1`),
    );
    await raw.send("DELETE", `${crds}/gadgets.${group}`);
    await eventually(
      "it is gone",
      async () => !(await raw.send("GET", "/apis", { headers: accept })).text.includes(group),
    );
  },
);
