import { expect } from "vitest";
import { upgradedProtocol } from "./kit/upgrade.ts";
import { application } from "./kit/manifests.ts";
import { apps, createApp, createMap, maps, patchTypes, runPod, seen } from "./kit/objects.ts";
import { pitfall } from "./kit/pitfall.ts";
import type { Json } from "./kit/raw.ts";

type Table = {
  readonly kind: string;
  readonly columnDefinitions: readonly {
    readonly name: string;
    readonly priority: number;
    readonly format: string;
  }[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object?: Json }[];
};

pitfall(
  11,
  "port-forward is tunnelled as SPDY in a WebSocket",
  async ({ raw, site, namespace }) => {
    await runPod({ raw, site, namespace }, "web");
    const path = `/api/v1/namespaces/${namespace}/pods/web/portforward`;
    const tunnel = "SPDY/3.1+portforward.k8s.io";
    expect(await upgradedProtocol(site, path, tunnel)).toBe(tunnel);
    const plain = await raw.send("POST", path);
    expect([plain.code, plain.body]).toMatchObject([400, { kind: "Status", reason: "BadRequest" }]);
    await raw.send("DELETE", `/api/v1/namespaces/${namespace}/pods/web?gracePeriodSeconds=0`);
  },
);

pitfall(
  12,
  "tables carry columns and objects, as much of them as was asked for",
  async ({ raw, namespace }) => {
    await createApp(raw, namespace, "web");
    const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };
    const read = async (query: string): Promise<Table> =>
      (await raw.send("GET", `${apps(namespace)}${query}`, { headers })).body as unknown as Table;
    const table = await read("");
    expect(table.kind).toBe("Table");
    expect(table.columnDefinitions.slice(0, 3).map(({ name }) => name)).toEqual([
      "Name",
      "Ready",
      "Revision",
    ]);
    expect(table.columnDefinitions[0]).toMatchObject({ format: "name", priority: 0 });
    expect(table.columnDefinitions.some(({ priority }) => priority > 0)).toBe(true);
    expect(table.rows[0]?.cells[0]).toBe("web");
    expect(table.rows[0]?.object).toMatchObject({
      kind: "PartialObjectMetadata",
      apiVersion: "meta.k8s.io/v1",
      metadata: { name: "web", namespace },
    });
    expect(table.rows[0]?.object).not.toHaveProperty("spec");
    expect((await read("?includeObject=Object")).rows[0]?.object).toMatchObject({
      kind: "Application",
      spec: { replicas: 2 },
    });
    expect((await read("?includeObject=None")).rows[0]?.object ?? null).toBeNull();
    using watch = await raw.stream(`${apps(namespace)}?watch=1&timeoutSeconds=5`, { headers });
    expect((await watch.next())?.object).toMatchObject({
      kind: "Table",
      rows: [{ object: { metadata: { name: "web" } } }],
    });
    const review = await raw.send(
      "POST",
      "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      {
        headers: { ...headers, accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
        body: { spec: { nonResourceAttributes: { path: "/", verb: "get" } } },
      },
    );
    expect([review.code, review.body["reason"]]).toEqual([406, "NotAcceptable"]);
  },
);

pitfall(
  13,
  "each patch type is read as what it is, and a PUT needs no media type",
  async ({ raw, namespace }) => {
    await createApp(raw, namespace, "web");
    const app = `${apps(namespace)}/web`;
    const strategic = await raw.send("PATCH", app, {
      body: { spec: {} },
      headers: patchTypes.strategic,
    });
    expect([strategic.code, strategic.body["reason"], strategic.body["message"]]).toEqual([
      415,
      "UnsupportedMediaType",
      expect.stringContaining("application/merge-patch+json"),
    ]);
    const scale = await raw.send("GET", `${app}/scale`);
    const { metadata } = seen(scale.body);
    const put = await raw.send("PUT", `${app}/scale`, {
      body: Buffer.from(JSON.stringify({ ...scale.body, spec: { replicas: 4 } })),
      headers: { "content-type": "" },
    });
    expect([put.code, put.body]).toMatchObject([
      200,
      { kind: "Scale", spec: { replicas: 4 }, metadata: { uid: metadata.uid } },
    ]);
    const apply = await raw.send("PATCH", `${maps(namespace)}/m?fieldManager=t`, {
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m" }, data: { a: "1" } },
      headers: patchTypes.apply,
    });
    expect([apply.code, apply.body["data"]]).toEqual([201, { a: "1" }]);
    const yaml = await raw.send("PATCH", `${maps(namespace)}/m?fieldManager=t`, {
      body: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {b: x}\n",
      headers: patchTypes.apply,
    });
    expect([yaml.code, yaml.body["data"]]).toEqual([200, { b: "x" }]);
    const unnamed = await raw.send("PATCH", `${maps(namespace)}/m`, {
      body: { data: {} },
      headers: patchTypes.apply,
    });
    expect([unnamed.code, unnamed.body["kind"]]).toEqual([422, "Status"]);
    const strange = await raw.send("PATCH", `${maps(namespace)}/m`, {
      body: {},
      headers: { "content-type": "application/json" },
    });
    expect(strange.code).toBe(415);
  },
);

pitfall(
  14,
  "status and spec are apart, and generation counts the spec alone",
  async ({ raw, namespace }) => {
    const made = await createApp(raw, namespace, "web");
    const path = `${apps(namespace)}/web`;
    const patch = async (at: string, body: unknown): Promise<Json> =>
      (await raw.send("PATCH", at, { body, headers: patchTypes.merge })).body;
    const both = { spec: { replicas: 5 }, status: { ready: "5/5" } };
    const status = await patch(`${path}/status`, both);
    expect(status).toMatchObject({
      spec: { replicas: 2 },
      status: { ready: "5/5" },
      metadata: { generation: made.metadata.generation },
    });
    const spec = await patch(path, { ...both, status: { ready: "0/0" } });
    expect(spec).toMatchObject({
      spec: { replicas: 5 },
      status: { ready: "5/5" },
      metadata: { generation: 2 },
    });
    expect(await patch(path, { metadata: { labels: { a: "b" } } })).toMatchObject({
      metadata: { generation: 2 },
    });
    const live = (await raw.send("GET", path)).body;
    const put = await raw.send("PUT", path, { body: { ...live, status: {} } });
    expect(put.body).toMatchObject({ status: { ready: "5/5" }, metadata: { generation: 2 } });
    const fresh = application("new");
    const born = await raw.send("POST", apps(namespace), {
      body: { ...fresh, metadata: { name: "new", generation: 7 }, status: { ready: "9/9" } },
    });
    expect(born.body).toMatchObject({ metadata: { generation: 1 } });
    expect(born.body["status"] ?? {}).not.toHaveProperty("ready");
  },
);

pitfall(
  15,
  "a PUT without resourceVersion: refused for custom resources, taken for built-in ones",
  async ({ raw, namespace }) => {
    await createApp(raw, namespace, "web");
    const path = `${apps(namespace)}/web`;
    const live = (await raw.send("GET", path)).body;
    const { resourceVersion, ...metadata } = seen(live).metadata;
    const blind = await raw.send("PUT", path, { body: { ...live, metadata } });
    expect([blind.code, blind.body]).toMatchObject([
      422,
      {
        reason: "Invalid",
        message: expect.stringContaining("metadata.resourceVersion: Invalid value"),
        details: {
          causes: [{ message: expect.stringContaining("must be specified for an update") }],
        },
      },
    ]);
    await raw.send("PATCH", path, { body: { spec: { replicas: 3 } }, headers: patchTypes.merge });
    const stale = await raw.send("PUT", path, {
      body: { ...live, metadata: { ...metadata, resourceVersion } },
    });
    expect([stale.code, stale.body]).toMatchObject([
      409,
      { reason: "Conflict", message: expect.stringContaining("the object has been modified") },
    ]);
    await createMap(raw, namespace, "m");
    const free = await raw.send("PUT", `${maps(namespace)}/m`, {
      body: { metadata: { name: "m" }, data: { b: "2" } },
    });
    expect([free.code, free.body["data"]]).toEqual([200, { b: "2" }]);
    const otherUid = await raw.send("PUT", `${maps(namespace)}/m`, {
      body: { metadata: { name: "m", uid: "x" } },
    });
    expect([otherUid.code, otherUid.body["reason"]]).toEqual([409, "Conflict"]);
    const absent = await raw.send("PUT", `${apps(namespace)}/none`, {
      body: { ...live, metadata: { name: "none" } },
    });
    expect([404, 422]).toContain(absent.code);
  },
);
