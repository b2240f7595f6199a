import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../../test/kit/eventually.ts";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "./kind.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const core = "/api/v1/namespaces/default";
const merge = { type: "application/merge-patch+json" };
const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };

const firstCells = (body: JsonObject): readonly unknown[] =>
  (body["rows"] as readonly { readonly cells: readonly unknown[] }[])[0]?.cells ?? [];
const fieldsOf = (body: JsonObject): readonly unknown[] =>
  ((body["details"] as JsonObject)["causes"] as readonly JsonObject[]).map(({ field }) => field);

test("a fresh store has the namespaces and CRDs that everything else needs", async () => {
  const namespaces = await server.send(
    "GET",
    "/api/v1/namespaces?fieldSelector=status.phase%3DActive",
  );
  const names = (namespaces.body["items"] as readonly JsonObject[]).map(
    (item) => (item["metadata"] as JsonObject)["name"],
  );
  expect(names).toEqual([
    "default",
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "lighthouse-node-lease",
    "lighthouse-system",
  ]);
  const crds = await server.send("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
  expect(crds.body["items"]).toHaveLength(5);
});

describe("Secret and ConfigMap", () => {
  test("stringData lands in data, encoded", async () => {
    const { body } = await server.send("POST", `${core}/secrets`, {
      metadata: { name: "s" },
      data: { a: "b2xk" },
      stringData: { a: "new", b: "x" },
    });
    expect(body).toMatchObject({ type: "Opaque", data: { a: "bmV3", b: "eA==" } });
    expect(body["stringData"]).toBeUndefined();
    const shown = await server.send("GET", `${core}/secrets/s`, undefined, table);
    expect(firstCells(shown.body)).toEqual(["s", "Opaque", 2, "0s"]);
    const found = await server.send("GET", `${core}/secrets?fieldSelector=type%3DOpaque`);
    expect(found.body["items"]).toHaveLength(1);
  });

  test.each([
    ["a bad key", "configmaps", { data: { "a b": "" } }, ["data[a b]"]],
    ["too much", "configmaps", { data: { a: "x".repeat(1_048_577) } }, ["data"]],
    ["a key twice", "configmaps", { data: { a: "" }, binaryData: { a: "" } }, ["data[a]"]],
  ])("refuses %s", async (_what, plural, over, fields) => {
    const { code, body } = await server.send("POST", `${core}/${plural}`, {
      metadata: { name: "bad" },
      ...over,
    });
    expect([code, fieldsOf(body)]).toEqual([422, fields]);
  });

  test.each([
    ["secrets", { data: { a: "!" } }],
    ["configmaps", { binaryData: { a: "!" } }],
  ])("%s that hold no base64 cannot be read", async (plural, over) => {
    const { code, body } = await server.send("POST", `${core}/${plural}`, {
      metadata: { name: "bad" },
      ...over,
    });
    expect([code, body["message"]]).toEqual([400, "illegal base64 data at input byte 0"]);
  });

  test("an immutable one keeps its data, and stays immutable", async () => {
    const url = `${core}/configmaps`;
    await server.send("POST", url, { metadata: { name: "im" }, immutable: true, data: { a: "1" } });
    const data = await server.send("PATCH", `${url}/im`, { data: { a: "2" } }, merge);
    expect([data.code, fieldsOf(data.body)]).toEqual([422, ["data"]]);
    const free = await server.send("PATCH", `${url}/im`, { immutable: false }, merge);
    expect([free.code, fieldsOf(free.body)]).toEqual([422, ["immutable"]]);
    const label = { metadata: { labels: { a: "b" } } };
    expect((await server.send("PATCH", `${url}/im`, label, merge)).code).toBe(200);
  });

  test("a Secret keeps its type", async () => {
    await server.send("POST", `${core}/secrets`, {
      metadata: { name: "typed" },
      type: "x.example/y",
    });
    const answer = await server.send("PATCH", `${core}/secrets/typed`, { type: "Opaque" }, merge);
    expect([answer.code, fieldsOf(answer.body)]).toEqual([422, ["type"]]);
  });
});

describe("Event", () => {
  const event = (name: string, over: object = {}): object => ({
    metadata: { name },
    involvedObject: { kind: "Pod", namespace: "default", name: "web-0", uid: "u1" },
    reason: "Started",
    message: "Started container web ",
    type: "Normal",
    source: { component: "agent", host: "n1" },
    firstTimestamp: "2025-12-31T23:50:00Z",
    lastTimestamp: "2025-12-31T23:59:00Z",
    count: 4,
    ...over,
  });

  test("shows when, what, why and to whom", async () => {
    await server.send("POST", `${core}/events`, event("e1"));
    const { body } = await server.send("GET", `${core}/events/e1`, undefined, table);
    expect(firstCells(body)).toEqual([
      "60s",
      "Normal",
      "Started",
      "pod/web-0",
      "",
      "agent, n1",
      "Started container web",
      "10m",
      4,
      "e1",
    ]);
  });

  test("is found by what it is about, in any order of terms", async () => {
    const terms = [
      "involvedObject.uid=u1",
      "involvedObject.name=web-0",
      "type=Normal",
      "reason=Started",
    ];
    for (const order of [terms, terms.toReversed()]) {
      const selector = encodeURIComponent(order.join(","));
      const { body } = await server.send("GET", `${core}/events?fieldSelector=${selector}`);
      expect(body["items"]).toHaveLength(1);
    }
    const none = await server.send("GET", `${core}/events?fieldSelector=involvedObject.uid%3Du2`);
    expect(none.body["items"]).toHaveLength(0);
  });

  test("lies in the namespace of its object, or in default for objects without one", async () => {
    const about = { kind: "Node", name: "n1" };
    const node = await server.send(
      "POST",
      `${core}/events`,
      event("e2", { involvedObject: about }),
    );
    expect(node.code).toBe(201);
    const elsewhere = { ...about, namespace: "other" };
    const wrong = await server.send(
      "POST",
      `${core}/events`,
      event("e3", { involvedObject: elsewhere }),
    );
    expect([wrong.code, fieldsOf(wrong.body)]).toEqual([422, ["involvedObject.namespace"]]);
  });
});

describe("Node and Lease", () => {
  test("a Node registers with its status, and shows it", async () => {
    const { code } = await server.send("POST", "/api/v1/nodes", {
      metadata: { name: "n1", labels: { "node-role.kubernetes.io/web": "" } },
      spec: { unschedulable: true, providerID: "docker://abc" },
      status: {
        conditions: [{ type: "Ready", status: "True" }],
        addresses: [{ type: "InternalIP", address: "10.0.0.5" }],
        nodeInfo: { kubeletVersion: "v1", osImage: "Debian" },
      },
    });
    expect(code).toBe(201);
    const { body } = await server.send("GET", "/api/v1/nodes/n1", undefined, table);
    expect(firstCells(body)).toEqual([
      "n1",
      "Ready,SchedulingDisabled",
      "web",
      "0s",
      "v1",
      "10.0.0.5",
      "<none>",
      "Debian",
      "<unknown>",
      "<unknown>",
    ]);
    const cordoned = await server.send(
      "GET",
      "/api/v1/nodes?fieldSelector=spec.unschedulable%3Dtrue",
    );
    expect(cordoned.body["items"]).toHaveLength(1);
  });

  test("a Node without a Ready condition is Unknown", async () => {
    await server.send("POST", "/api/v1/nodes", { metadata: { name: "n2" } });
    const { body } = await server.send("GET", "/api/v1/nodes/n2", undefined, table);
    expect(firstCells(body).slice(1, 3)).toEqual(["Unknown", "<none>"]);
  });

  test("a Lease is taken by compare-and-set on its version", async () => {
    const url = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    const spec = {
      holderIdentity: "a",
      leaseDurationSeconds: 15,
      renewTime: "2026-01-01T00:00:00.000000Z",
    };
    const made = await server.send("POST", url, { metadata: { name: "leader" }, spec });
    const take = (holderIdentity: string): Promise<{ readonly code: number }> =>
      server.send("PUT", `${url}/leader`, { ...made.body, spec: { ...spec, holderIdentity } });
    const codes = [(await take("b")).code, (await take("c")).code];
    expect(codes).toEqual([200, 409]);
    const bad = await server.send("POST", url, {
      metadata: { name: "l2" },
      spec: { leaseDurationSeconds: 0 },
    });
    expect([bad.code, fieldsOf(bad.body)]).toEqual([422, ["spec.leaseDurationSeconds"]]);
  });
});

describe("CustomResourceDefinition", () => {
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const version = (name: string, over: object = {}): object => ({
    name,
    served: true,
    storage: true,
    schema: {
      openAPIV3Schema: {
        type: "object",
        properties: {
          spec: {
            type: "object",
            properties: {
              size: { type: "integer", default: 3, maximum: 9 },
              team: { type: "string" },
            },
          },
        },
      },
    },
    selectableFields: [{ jsonPath: ".spec.team" }],
    additionalPrinterColumns: [
      { name: "Size", type: "integer", jsonPath: ".spec.size" },
      { name: "Team", type: "string", jsonPath: ".spec.team" },
    ],
    ...over,
  });
  const crd = (over: object = {}): object => ({
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget", shortNames: ["wi"] },
      versions: [version("v1")],
      ...over,
    },
  });

  test("a new one is established and served; its objects follow its schema", async () => {
    const made = await server.send("POST", crds, crd());
    expect(made.code).toBe(201);
    expect(made.body).toMatchObject({
      spec: {
        names: { singular: "widget", listKind: "WidgetList" },
        conversion: { strategy: "None" },
      },
      status: {
        storedVersions: ["v1"],
        conditions: [{ type: "NamesAccepted" }, { type: "Established" }],
      },
    });
    const url = "/apis/example.com/v1/namespaces/default/widgets";
    await eventually(
      "the kind is served",
      async () => (await server.send("GET", url)).code === 200,
    );
    const widget = { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "w" } };
    const { body } = await server.send("POST", url, {
      ...widget,
      spec: { team: "a", color: "red" },
    });
    expect(body["spec"]).toEqual({ team: "a", size: 3 });
    const big = await server.send("POST", url, { ...widget, spec: { size: 10 } });
    expect([big.code, fieldsOf(big.body)]).toEqual([422, ["spec.size"]]);
    const selected = await server.send(
      "GET",
      `${url}?fieldSelector=spec.team%3Da`,
      undefined,
      table,
    );
    expect(firstCells(selected.body)).toEqual(["w", 3, "a"]);
    expect((await server.send("GET", `${url}/w/status`)).code).toBe(404);
    await server.send("DELETE", `${crds}/widgets.example.com`);
    await eventually("the kind is gone", async () => (await server.send("GET", url)).code === 404);
  });

  test.each([
    ["another name", { names: { plural: "gadgets", kind: "Widget" } }, ["metadata.name"]],
    ["no version", { versions: [] }, ["spec.versions", "status.storedVersions"]],
    [
      "no storage version",
      { versions: [version("v1", { storage: false })] },
      ["spec.versions", "status.storedVersions"],
    ],
    ["another scope", { scope: "Global" }, ["spec.scope"]],
    [
      "no schema",
      { versions: [version("v1", { schema: null })] },
      ["spec.versions[0].schema.openAPIV3Schema", "spec.versions[0].selectableFields"],
    ],
  ])("refuses %s", async (_what, over, fields) => {
    const { code, body } = await server.send("POST", crds, crd(over));
    expect([code, fieldsOf(body)]).toEqual([422, fields]);
  });

  test("two versions show the same objects, each under its own name", async () => {
    const names = { plural: "twins", kind: "Twin" };
    const versions = [version("v1"), version("v2", { storage: false })];
    await server.send("POST", crds, {
      ...crd({ names, versions }),
      metadata: { name: "twins.example.com" },
    });
    const path = (v: string): string => `/apis/example.com/${v}/namespaces/default/twins`;
    await eventually(
      "both versions are served",
      async () => (await server.send("GET", path("v2"))).code === 200,
    );
    const since = String((await server.store.head()).revision);
    await using stream = await server.stream(`${path("v2")}?watch=true&resourceVersion=${since}`);
    const twin = { apiVersion: "example.com/v2", kind: "Twin", metadata: { name: "t" } };
    const made = await server.send("POST", path("v2"), { ...twin, spec: { team: "a" } });
    expect([made.code, made.body["apiVersion"]]).toEqual([201, "example.com/v2"]);
    const patch = { spec: { team: "b" } };
    const patched = await server.send("PATCH", `${path("v2")}/t`, patch, merge);
    expect([patched.code, patched.body["apiVersion"]]).toEqual([200, "example.com/v2"]);
    const put = await server.send("PUT", `${path("v1")}/t`, {
      ...patched.body,
      apiVersion: "example.com/v1",
    });
    expect(put.body).toMatchObject({ apiVersion: "example.com/v1", spec: { team: "b" } });
    for (const v of ["v1", "v2"]) {
      const { body } = await server.send("GET", path(v));
      expect(body["items"]).toMatchObject([{ apiVersion: `example.com/${v}` }]);
    }
    const frames = await stream.take(2);
    expect(frames.map(({ object }) => object["apiVersion"])).toEqual([
      "example.com/v2",
      "example.com/v2",
    ]);
    const stored = await server.store.get("/registry/example.com/twins/default/t");
    expect(Buffer.from(stored?.value ?? []).toString()).toContain('"apiVersion":"example.com/v1"');
  });

  test("a deprecated version warns on every use", async () => {
    const names = { plural: "olds", kind: "Old" };
    await server.send("POST", crds, {
      ...crd({
        names,
        versions: [version("v1", { deprecated: true, deprecationWarning: "use v2" })],
      }),
      metadata: { name: "olds.example.com" },
    });
    const url = "/apis/example.com/v1/namespaces/default/olds";
    await eventually(
      "the kind is served",
      async () => (await server.send("GET", url)).code === 200,
    );
    expect((await server.send("GET", url)).headers["warning"]).toEqual(['299 - "use v2"']);
  });
});
