import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "./kind.ts";

/**
 * Kubernetes' conformance entries for the built-in kinds that need no kubelet, as scenarios of our
 * own. Each name says what its entry asks for.
 */
let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const merge = { type: "application/merge-patch+json" };
const strategic = { type: "application/strategic-merge-patch+json" };
const jsonPatch = { type: "application/json-patch+json" };
const core = "/api/v1";
const inDefault = `${core}/namespaces/default`;

/** Sends, and expects to be served. */
async function ok(...args: Parameters<TestApp["send"]>): Promise<JsonObject> {
  const { code, body, text }: Answer = await server.send(...args);
  expect(`${code} ${text}`).toMatch(/^20[01] /);
  return body;
}
const codeOf = async (...args: Parameters<TestApp["send"]>): Promise<number> =>
  (await server.send(...args)).code;
const namesOf = (list: JsonObject): readonly unknown[] =>
  (list["items"] as readonly JsonObject[]).map((item) => metaOf(item).name);

describe("Namespaces", () => {
  const url = `${core}/namespaces/scenario`;
  beforeAll(async () => {
    await ok("POST", `${core}/namespaces`, { metadata: { name: "scenario" } });
  });

  test("a Namespace is patched and updated", async () => {
    const patched = await ok("PATCH", url, { metadata: { labels: { a: "1" } } }, merge);
    expect(metaOf(patched).labels).toMatchObject({
      a: "1",
      "kubernetes.io/metadata.name": "scenario",
    });
    const labels = { ...metaOf(patched).labels, b: "2" };
    const updated = await ok("PUT", url, { ...patched, metadata: { ...metaOf(patched), labels } });
    expect(metaOf(updated).labels).toMatchObject({ a: "1", b: "2" });
  });

  test("changes to the status of a Namespace are applied", async () => {
    const { status } = await ok("GET", `${url}/status`);
    expect(status).toEqual({ phase: "Active" });
    const condition = { type: "StatusPatch", status: "True", reason: "E2E", message: "patched" };
    const body = {
      metadata: { annotations: { patched: "true" } },
      status: { conditions: [condition] },
    };
    const patched = await ok("PATCH", `${url}/status`, body, merge);
    expect(metaOf(patched).annotations).toEqual({ patched: "true" });
    expect(patched["status"]).toMatchObject({ phase: "Active", conditions: [condition] });
    const conditions = [{ ...condition, type: "StatusUpdate" }];
    const whole = { ...patched, status: { phase: "Active", conditions } };
    expect((await ok("PUT", `${url}/status`, whole))["status"]).toMatchObject({ conditions });
  });

  test("a finalizer is put into the spec of a Namespace, and holds it", async () => {
    const before = await ok("GET", url);
    const finalizers = ["kubernetes", "e2e.example.com/fake"];
    const held = await ok("PUT", `${url}/finalize`, { ...before, spec: { finalizers } });
    expect(held["spec"]).toEqual({ finalizers });
    const { body } = await server.send("DELETE", url);
    expect(body).toMatchObject({ status: { phase: "Terminating" } });
    const { code, body: refused } = await server.send("POST", `${url}/configmaps`, {
      metadata: { name: "late" },
    });
    expect([code, refused["reason"]]).toEqual([403, "Forbidden"]);
    expect(refused["message"]).toBe(
      'configmaps "late" is forbidden: unable to create new content in namespace scenario because it is being terminated',
    );
    expect(refused["details"]).toMatchObject({
      causes: [
        {
          reason: "NamespaceTerminating",
          message: "namespace scenario is being terminated",
          field: "metadata.namespace",
        },
      ],
    });
    const going = await ok("GET", url);
    await ok("PUT", `${url}/finalize`, { ...going, spec: { finalizers: [] } });
    expect(await codeOf("GET", url)).toBe(404);
  });

  test.each(["default", "kube-system", "kube-public"])("%s cannot be deleted", async (name) => {
    const { code, body } = await server.send("DELETE", `${core}/namespaces/${name}`);
    expect([code, body["message"]]).toEqual([
      403,
      `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    ]);
  });
});

describe("Secrets and ConfigMaps", () => {
  test.each(["secrets", "configmaps"])("%s with an empty key cannot be created", async (plural) => {
    const body = { metadata: { name: "empty" }, data: { "": "dmFsdWU=" } };
    const { code, body: status } = await server.send("POST", `${inDefault}/${plural}`, body);
    expect([code, status["reason"]]).toEqual([422, "Invalid"]);
    expect(status["message"]).toMatch(
      /data\[\]: Invalid value: "": a valid config key must consist of/,
    );
  });

  test("a Secret is created, found everywhere by its label, patched and deleted as one of many", async () => {
    const labels = { scenario: "secret" };
    const made = {
      metadata: { name: "patched", labels },
      type: "Opaque",
      data: { key: "dmFsdWU=" },
    };
    await ok("POST", `${inDefault}/secrets`, made);
    const everywhere = await ok("GET", `${core}/secrets?labelSelector=scenario%3Dsecret`);
    expect(namesOf(everywhere)).toEqual(["patched"]);
    const body = { metadata: { labels: { patched: "true" } }, data: { key: "cGF0Y2hlZA==" } };
    const patched = await ok("PATCH", `${inDefault}/secrets/patched`, body, strategic);
    expect(patched).toMatchObject({ data: { key: "cGF0Y2hlZA==" } });
    await ok("DELETE", `${inDefault}/secrets?labelSelector=scenario%3Dsecret`);
    expect(await codeOf("GET", `${inDefault}/secrets/patched`)).toBe(404);
  });

  test("a ConfigMap goes through its whole life, watched", async () => {
    const labels = { scenario: "config" };
    const list = `${inDefault}/configmaps?labelSelector=scenario%3Dconfig`;
    const { metadata } = await ok("GET", list);
    const since = (metadata as { resourceVersion: string }).resourceVersion;
    await using watch = await server.stream(`${list}&watch=1&resourceVersion=${since}`);
    await ok("POST", `${inDefault}/configmaps`, {
      metadata: { name: "life", labels },
      data: { a: "1" },
    });
    await ok("PATCH", `${inDefault}/configmaps/life`, { data: { a: "2" } }, strategic);
    await ok("DELETE", list);
    const frames = await watch.take(3);
    expect(frames.map(({ type }) => type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
  });

  test.each([
    ["configmaps", { data: { a: "1" } }, { data: { a: "2" } }],
    ["secrets", { data: { a: "MQ==" } }, { data: { a: "Mg==" } }],
  ])(
    "%s marked immutable cannot be changed, nor made mutable again",
    async (plural, before, after) => {
      const url = `${inDefault}/${plural}/fixed`;
      await ok("POST", `${inDefault}/${plural}`, {
        metadata: { name: "fixed" },
        immutable: true,
        ...before,
      });
      const changed = await server.send("PATCH", url, after, merge);
      expect([changed.code, changed.body["message"]]).toEqual([
        422,
        expect.stringMatching(/data: Forbidden: field is immutable when `immutable` is set/),
      ]);
      const freed = await server.send("PATCH", url, { immutable: null }, merge);
      expect([freed.code, freed.body["message"]]).toEqual([
        422,
        expect.stringMatching(/immutable: Forbidden: field is immutable when `immutable` is set/),
      ]);
      await ok("PATCH", url, { metadata: { labels: { a: "b" } } }, merge);
      await ok("DELETE", url);
    },
  );
});

describe("ServiceAccounts", () => {
  test("a ServiceAccount goes through its whole life", async () => {
    const url = `${inDefault}/serviceaccounts`;
    const labels = { scenario: "account" };
    await ok("POST", url, { metadata: { name: "builder", labels } });
    const patched = await ok(
      "PATCH",
      `${url}/builder`,
      { automountServiceAccountToken: false, imagePullSecrets: [{ name: "registry" }] },
      merge,
    );
    expect(patched).toMatchObject({ automountServiceAccountToken: false });
    const everywhere = await ok("GET", `${core}/serviceaccounts?labelSelector=scenario%3Daccount`);
    expect(namesOf(everywhere)).toEqual(["builder"]);
    const updated = await ok("PUT", `${url}/builder`, {
      ...patched,
      automountServiceAccountToken: true,
    });
    expect(updated).toMatchObject({ automountServiceAccountToken: true });
    await ok("DELETE", `${url}?labelSelector=scenario%3Daccount`);
    expect(await codeOf("GET", `${url}/builder`)).toBe(404);
  });

  test("a Pod names a ServiceAccount that exists, or has the default one", async () => {
    const containers = [{ name: "web", image: "web:v1" }];
    const pods = `${inDefault}/pods`;
    const plain = await ok("POST", pods, { metadata: { name: "plain" }, spec: { containers } });
    expect(plain["spec"]).toMatchObject({
      serviceAccountName: "default",
      serviceAccount: "default",
    });
    const spec = { containers, serviceAccountName: "missing" };
    const { code, body } = await server.send("POST", pods, { metadata: { name: "lost" }, spec });
    expect([code, body["message"]]).toEqual([
      403,
      'pods "lost" is forbidden: error looking up service account default/missing: serviceaccount "missing" not found',
    ]);
  });
});

describe("Leases", () => {
  const url = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  test("a Lease goes through its whole life, and keeps its microseconds", async () => {
    const spec = {
      holderIdentity: "holder",
      leaseDurationSeconds: 30,
      acquireTime: "2026-01-01T00:00:00.123456Z",
      renewTime: "2026-01-01T00:00:05.000001Z",
      leaseTransitions: 0,
    };
    const made = await ok("POST", url, { metadata: { name: "lock" }, spec });
    expect(made["spec"]).toEqual(spec);
    const taken = { ...spec, holderIdentity: "other", leaseTransitions: 1 };
    expect((await ok("PUT", `${url}/lock`, { ...made, spec: taken }))["spec"]).toEqual(taken);
    // Two candidates: whoever read the older state loses.
    expect(await codeOf("PUT", `${url}/lock`, { ...made, spec })).toBe(409);
    const released = { spec: { holderIdentity: "", leaseDurationSeconds: 1 } };
    await ok("PATCH", `${url}/lock`, released, strategic);
    await ok("POST", url, { metadata: { name: "lock2" }, spec });
    expect(namesOf(await ok("GET", url))).toEqual(["lock", "lock2"]);
    await ok("DELETE", url);
    expect(namesOf(await ok("GET", url))).toEqual([]);
  });

  test.each([
    ["leaseDurationSeconds", 0, "must be greater than 0"],
    ["leaseTransitions", -1, "must be greater than or equal to 0"],
  ])("spec.%s cannot be %i", async (field, value, detail) => {
    const body = { metadata: { name: "bad" }, spec: { [field]: value } };
    const { code, body: status } = await server.send("POST", url, body);
    expect([code, status["details"]]).toMatchObject([
      422,
      { causes: [{ field: `spec.${field}`, message: `Invalid value: ${value}: ${detail}` }] },
    ]);
  });
});

describe("Nodes", () => {
  test("a Node goes through its whole life", async () => {
    const url = `${core}/nodes`;
    const labels = { scenario: "node" };
    await ok("POST", url, { metadata: { name: "fake-node", labels } });
    const labelled = { metadata: { labels: { patched: "true" } } };
    await ok("PATCH", `${url}/fake-node`, labelled, strategic);
    const body = { metadata: { annotations: { seen: "true" } }, status: { phase: "Running" } };
    const status = await ok("PATCH", `${url}/fake-node/status`, body, merge);
    expect(metaOf(status).annotations).toMatchObject({ seen: "true" });
    const node = await ok("GET", `${url}/fake-node`);
    const spec = { unschedulable: true };
    expect((await ok("PUT", `${url}/fake-node`, { ...node, spec }))["spec"]).toMatchObject(spec);
    expect(namesOf(await ok("GET", `${url}?fieldSelector=spec.unschedulable%3Dtrue`))).toEqual([
      "fake-node",
    ]);
    await ok("DELETE", `${url}?labelSelector=scenario%3Dnode`);
    expect(await codeOf("GET", `${url}/fake-node`)).toBe(404);
  });
});

describe("taints and identity of Nodes", () => {
  const url = `${core}/nodes`;
  const taint = { key: "dedicated", value: "gpu", effect: "NoSchedule" };

  test.each<[why: string, spec: JsonObject, cause: string]>([
    ["no effect", { taints: [{ key: "a" }] }, "spec.taints[0].effect: Required value"],
    [
      "another effect",
      { taints: [{ key: "a", effect: "Never" }] },
      "spec.taints[0].effect: Unsupported value",
    ],
    [
      "a bad key",
      { taints: [{ key: "-", effect: "NoSchedule" }] },
      "spec.taints[0].key: Invalid value",
    ],
    ["a taint twice", { taints: [taint, taint] }, "taints must be unique by key and effect pair"],
  ])("%s is refused", async (_why, spec, cause) => {
    const { code, body } = await server.send("POST", url, { metadata: { name: "bad" }, spec });
    expect([code, body["message"]]).toEqual([422, expect.stringContaining(cause)]);
  });

  test("the identity of a Node is given once", async () => {
    await ok("POST", url, { metadata: { name: "known" } });
    const identity = (id: string) => ({ spec: { providerID: id } });
    await ok("PATCH", `${url}/known`, identity("docker://a"), merge);
    const { code, body } = await server.send(
      "PATCH",
      `${url}/known`,
      identity("docker://b"),
      merge,
    );
    expect([code, body["message"]]).toEqual([
      422,
      'Node "known" is invalid: spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    ]);
  });

  test("what a Node has can be given to pods, unless it says otherwise", async () => {
    await ok("POST", url, { metadata: { name: "sized" } });
    const status = { capacity: { cpu: "4" } };
    const sized = await ok("PATCH", `${url}/sized/status`, { status }, merge);
    expect(sized["status"]).toMatchObject({ allocatable: { cpu: "4" } });
  });
});

describe("Pods", () => {
  const pods = `${inDefault}/pods`;
  const pod = (name: string, labels = {}): JsonObject => ({
    metadata: { name, labels },
    spec: { containers: [{ name: "web", image: "web:v1" }] },
  });

  test("the status of a Pod is patched, and its spec is not", async () => {
    await ok("POST", pods, pod("patched-status"));
    const url = `${pods}/patched-status/status`;
    const body = {
      metadata: { annotations: { patched: "true" } },
      spec: { containers: [] },
      status: { message: "Patched by e2e test", reason: "E2E" },
    };
    const patched = await ok("PATCH", url, body, merge);
    expect(metaOf(patched)).toMatchObject({ generation: 1, annotations: { patched: "true" } });
    expect(patched["status"]).toMatchObject({ message: "Patched by e2e test", reason: "E2E" });
    expect(patched["spec"]).toMatchObject({ containers: [{ name: "web" }] });
  });

  test("the generation of a Pod counts what is asked of it", async () => {
    expect(metaOf(await ok("POST", pods, pod("counted"))).generation).toBe(1);
    const url = `${pods}/counted`;
    const labelled = await ok("PATCH", url, { metadata: { labels: { a: "b" } } }, merge);
    expect(metaOf(labelled).generation).toBe(1);
    const toleration = { key: "a", operator: "Exists", effect: "NoSchedule" };
    const tolerating = await ok("PATCH", url, { spec: { tolerations: [toleration] } }, merge);
    expect(metaOf(tolerating).generation).toBe(2);
    const image = [{ op: "replace", path: "/spec/containers/0/image", value: "web:v2" }];
    expect(metaOf(await ok("PATCH", url, image, jsonPatch)).generation).toBe(3);
  });

  test("a collection of Pods is deleted by label", async () => {
    const labels = { scenario: "many" };
    for (const name of ["one", "two", "three"]) await ok("POST", pods, pod(name, labels));
    await ok("DELETE", `${pods}?labelSelector=scenario%3Dmany`);
    expect(namesOf(await ok("GET", `${pods}?labelSelector=scenario%3Dmany`))).toEqual([]);
  });

  test("an update may not take a toleration away, nor add a container", async () => {
    const toleration = { key: "a", operator: "Exists", effect: "NoSchedule" };
    const made = pod("tolerating");
    await ok("POST", pods, {
      ...made,
      spec: { ...(made["spec"] as JsonObject), tolerations: [toleration] },
    });
    const url = `${pods}/tolerating`;
    const taken = await server.send("PATCH", url, { spec: { tolerations: null } }, merge);
    expect(taken.body["message"]).toMatch(
      /spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds/,
    );
    const add = [{ op: "add", path: "/spec/containers/-", value: { name: "b", image: "b" } }];
    expect((await server.send("PATCH", url, add, jsonPatch)).body["message"]).toMatch(
      /spec.containers: Forbidden: pod updates may not add or remove containers/,
    );
  });
});

test("backends without a table answer 406", async () => {
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const spec = { nonResourceAttributes: { path: "/", verb: "get" } };
  expect(await codeOf("POST", url, { spec }, { accept })).toBe(406);
});
