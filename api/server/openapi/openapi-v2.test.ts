import { gunzipSync } from "node:zlib";
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ourKinds } from "../../../test/kit/kinds.ts";
import { isJsonObject } from "../../machinery/equality.ts";
import { mapErrors } from "../errors.ts";
import type { CrdSpec } from "../crds/crd.ts";
import { customKinds } from "../kinds/custom.ts";
import type { KindTable } from "../kinds/table.ts";
import { openApiV2Form, serveOpenApiV2 } from "./openapi-v2.ts";

const asked = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const answered = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const url = "/openapi/v2";

let kinds: KindTable;
let app: FastifyInstance;

beforeEach(() => {
  kinds = ourKinds();
  app = Fastify();
  mapErrors(app);
  serveOpenApiV2(app, kinds);
});
afterEach(() => app.close());

/** Every `$ref` of a document. */
function refsIn(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(refsIn);
  if (!isJsonObject(node)) return [];
  const own = typeof node["$ref"] === "string" ? [node["$ref"]] : [];
  return [...own, ...Object.values(node).flatMap(refsIn)];
}

test.each([
  [undefined, "json"],
  ["*/*", "json"],
  ["application/json", "json"],
  [asked, "protobuf"],
  [answered, "protobuf"],
  [`text/html, ${asked};q=0.9, application/json`, "protobuf"],
])("openApiV2Form(%j) is %s", (accept, want) => {
  expect(openApiV2Form(accept)).toBe(want);
});

test("another media type is not acceptable", async () => {
  const reply = await app.inject({ url, headers: { accept: "text/html" } });
  expect([reply.statusCode, reply.json().reason]).toEqual([406, "NotAcceptable"]);
});

test("a PATCH says which patches it takes, and a definition which kind it is", async () => {
  const { paths, definitions, swagger } = (await app.inject({ url })).json();
  expect(swagger).toBe("2.0");
  const gvk = { group: "lighthouse.dev", version: "v1", kind: "Application" };
  const path = "/apis/lighthouse.dev/v1/namespaces/{namespace}/applications/{name}";
  const { patch, put, parameters } = paths[path];
  expect(patch).toMatchObject({
    consumes: [
      "application/json-patch+json",
      "application/merge-patch+json",
      "application/apply-patch+yaml",
    ],
    "x-kubernetes-group-version-kind": gvk,
  });
  const query = patch.parameters.map(({ name }: { name: string }) => name);
  expect(query).toEqual(["body", "dryRun", "fieldManager", "fieldValidation", "force"]);
  expect(put.parameters[0]).toEqual({
    name: "body",
    in: "body",
    required: true,
    schema: { $ref: "#/definitions/dev.lighthouse.v1.Application" },
  });
  expect(parameters[0]).toMatchObject({ name: "namespace", in: "path", type: "string" });
  expect(definitions["dev.lighthouse.v1.Application"]).toMatchObject({
    type: "object",
    "x-kubernetes-group-version-kind": [gvk],
  });
});

test("every reference leads somewhere in the document", async () => {
  const document = (await app.inject({ url })).json();
  const known = new Set(Object.keys(document.definitions).map((name) => `#/definitions/${name}`));
  expect(refsIn(document).filter((ref) => !known.has(ref))).toEqual([]);
});

test("a kind without a schema is an object of any shape", async () => {
  const names = { kind: "Any", plural: "anys" };
  const version = { name: "v1", served: true, storage: true };
  const open = { openAPIV3Schema: { "x-kubernetes-preserve-unknown-fields": true } };
  const spec: CrdSpec = {
    group: "example.dev",
    scope: "Namespaced",
    names,
    versions: [{ ...version, schema: open }],
  };
  kinds.set("anys.example.dev", customKinds(spec));
  const { definitions } = (await app.inject({ url })).json();
  expect(definitions["dev.example.v1.Any"]).toEqual({
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
    "x-kubernetes-group-version-kind": [{ group: "example.dev", version: "v1", kind: "Any" }],
  });
});

test("each form has its own tag, and changes with the kinds", async () => {
  const get = (accept: string, etag = ""): Promise<LightMyRequestResponse> =>
    app.inject({ url, headers: { accept, "if-none-match": etag } });
  const protobuf = await get(asked);
  expect(protobuf.headers).toMatchObject({ "content-type": answered, vary: "Accept" });
  const etag = String(protobuf.headers.etag);
  expect((await get("application/json")).headers.etag).not.toBe(etag);
  expect((await get(asked, etag)).statusCode).toBe(304);
  kinds.set("beacons.lighthouse.dev", []);
  expect((await get(asked, etag)).statusCode).toBe(200);
});

test("a large document is compressed for clients that ask for it", async () => {
  const headers = { accept: asked, "accept-encoding": "gzip" };
  const packed = await app.inject({ url, headers });
  expect(packed.headers).toMatchObject({
    "content-encoding": "gzip",
    "content-type": answered,
    vary: "Accept, Accept-Encoding",
  });
  const plain = await app.inject({ url, headers: { accept: asked } });
  expect(gunzipSync(packed.rawPayload).equals(plain.rawPayload)).toBe(true);
  expect(packed.headers.etag).toBe(plain.headers.etag);
});
