import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { encodeObject, envelope } from "../../../test/kit/protobuf.ts";
import { parseYaml } from "./yaml-body.ts";

const collection = "/api/v1/namespaces/default/configmaps";
const protobuf = "application/vnd.kubernetes.protobuf";

let server: TestApp;

beforeEach(async () => {
  server = await openTestApp();
});
afterEach(() => server[Symbol.asyncDispose]());

async function post(url: string, type: string, payload: Buffer) {
  const headers = { "content-type": type };
  const { statusCode, body } = await server.app.inject({ method: "POST", url, payload, headers });
  return { code: statusCode, body: JSON.parse(body) };
}

const settings = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings" },
  data: { mode: "fast" },
};

describe("protobuf", () => {
  test("creates a built-in object, whatever the parameters of the media type", async () => {
    const { code, body } = await post(
      collection,
      `${protobuf}; charset=utf-8`,
      encodeObject(settings),
    );
    expect(code).toBe(201);
    expect(body).toMatchObject({ ...settings, metadata: { name: "settings" } });
  });

  test("carries the options of a deletion", async () => {
    await post(collection, protobuf, encodeObject(settings));
    const url = `${collection}/settings`;
    const options = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: "other" } };
    const headers = { "content-type": protobuf };
    const payload = encodeObject(options);
    const reply = await server.app.inject({ method: "DELETE", url, payload, headers });
    expect(reply.statusCode).toBe(409);
  });

  test("is no form of custom resources", async () => {
    const url = "/apis/lighthouse.dev/v1/namespaces/default/applications";
    const raw = envelope("lighthouse.dev/v1", "Application", Buffer.alloc(0));
    const { code, body } = await post(url, protobuf, raw);
    expect([code, body.reason]).toEqual([415, "UnsupportedMediaType"]);
    expect(body.message).toContain("application/json, application/yaml");
  });

  test("is judged like JSON: another kind than that of the endpoint is refused", async () => {
    const { code, body } = await post("/api/v1/namespaces", protobuf, encodeObject(settings));
    expect([code, body.reason]).toEqual([400, "BadRequest"]);
  });

  test("is refused when it is malformed", async () => {
    const { code, body } = await post(collection, protobuf, Buffer.from("k8s\0\u0001\u0002"));
    expect([code, body.reason, body.kind]).toEqual([400, "BadRequest", "Status"]);
  });
});

describe("YAML", () => {
  const accept = "application/yaml";

  test("is sent and answered", async () => {
    const yaml = Buffer.from("kind: ConfigMap\nmetadata: {name: a}\ndata: {mode: 'off'}\n");
    expect((await post(collection, "application/yaml", yaml)).code).toBe(201);
    const reply = await server.app.inject({ url: `${collection}/a`, headers: { accept } });
    expect(reply.headers["content-type"]).toBe("application/yaml");
    expect(parseYaml(reply.body).value).toMatchObject({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a" },
      data: { mode: "off" },
    });
  });

  test.each([["Object"], ["Table"]])("answers lists as %s", async (as) => {
    const wanted = as === "Table" ? `${accept};as=Table;v=v1;g=meta.k8s.io` : accept;
    const list = async (url: string, header: string): Promise<string> =>
      (await server.app.inject({ url, headers: { accept: header } })).body;
    for (const url of [collection, "/api/v1/namespaces"]) {
      const json: unknown = JSON.parse(await list(url, wanted.replace("yaml", "json")));
      expect(parseYaml(await list(url, wanted)).value).toEqual(json);
    }
  });

  test("is no form of a watch", async () => {
    const reply = await server.app.inject({ url: `${collection}?watch=true`, headers: { accept } });
    expect([reply.statusCode, reply.json().reason]).toEqual([406, "NotAcceptable"]);
  });
});

test("protobuf alone is not acceptable", async () => {
  const reply = await server.app.inject({ url: collection, headers: { accept: protobuf } });
  expect([reply.statusCode, reply.json().reason]).toEqual([406, "NotAcceptable"]);
});

describe("gzip", () => {
  const large = { ...settings, data: { text: "lighthouse ".repeat(20_000) } };

  const get = (url: string, encoding: string) =>
    server.app.inject({ url, headers: { "accept-encoding": encoding } });

  beforeEach(async () => {
    await post(collection, protobuf, encodeObject(large));
  });

  test.each([`${collection}/settings`, collection])("packs a large answer: %s", async (url) => {
    const reply = await get(url, "br, gzip;q=0.8");
    expect(reply.headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
    expect(gunzipSync(reply.rawPayload).toString()).toBe((await get(url, "identity")).body);
  });

  test.each([
    ["the client did not ask", `${collection}/settings`, "identity"],
    ["the client forbids it", `${collection}/settings`, "gzip;q=0, *"],
    ["the answer is small", "/api/v1/namespaces/default", "gzip"],
  ])("leaves an answer as it is when %s", async (_why, url, encoding) => {
    const reply = await get(url, encoding);
    expect([reply.statusCode, reply.headers["content-encoding"]]).toEqual([200, undefined]);
  });
});
