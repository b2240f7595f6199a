import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ourKinds } from "../../../test/kit/kinds.ts";
import { isJsonObject, type JsonObject } from "../../machinery/equality.ts";
import { mapErrors } from "../errors.ts";
import type { KindTable } from "../kinds/table.ts";
import { builtInDefinitions } from "./builtin.ts";
import { serveOpenApi } from "./openapi.ts";

let kinds: KindTable;
let app: FastifyInstance;

beforeEach(() => {
  kinds = ourKinds();
  app = Fastify();
  mapErrors(app);
  serveOpenApi(app, kinds);
});
afterEach(() => app.close());

const key = "apis/lighthouse.dev/v1";

async function urlOfDocument(): Promise<string> {
  const { paths } = (await app.inject({ url: "/openapi/v3" })).json();
  return paths[key].serverRelativeURL;
}

/** Every `$ref` of a document, without its prefix. */
function refsIn(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(refsIn);
  if (!isJsonObject(node)) return [];
  const own = typeof node["$ref"] === "string" ? [node["$ref"]] : [];
  return [...own, ...Object.values(node).flatMap(refsIn)];
}

test("a document has what kubectl asks before it creates, applies or explains", async () => {
  const document = (await app.inject({ url: `/openapi/v3/${key}` })).json();
  const path = "/apis/lighthouse.dev/v1/namespaces/{namespace}/applications";
  const { patch } = document.paths[`${path}/{name}`];
  const gvk = { group: "lighthouse.dev", version: "v1", kind: "Application" };
  expect(patch["x-kubernetes-group-version-kind"]).toEqual(gvk);
  const names = patch.parameters.map(({ name }: { name: string }) => name);
  expect(names).toEqual(expect.arrayContaining(["fieldValidation", "dryRun", "fieldManager"]));
  expect(Object.keys(patch.requestBody.content)).toEqual([
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
  ]);
  expect(document.paths[path].get["x-kubernetes-action"]).toBe("list");
  expect(document.paths["/apis/lighthouse.dev/v1/applications"].get).toBeDefined();
  expect(document.paths["/apis/lighthouse.dev/v1/beacons/{name}"].parameters).toHaveLength(2);
  const schema = document.components.schemas["dev.lighthouse.v1.Application"];
  expect(schema["x-kubernetes-group-version-kind"]).toEqual([gvk]);
  expect(schema.properties.spec.properties.strategy.description).not.toBe("");
});

test("a subresource speaks its own kind", async () => {
  const { paths } = (await app.inject({ url: `/openapi/v3/${key}` })).json();
  const base = "/apis/lighthouse.dev/v1/namespaces/{namespace}/applications/{name}";
  const kindOf = (part: string): string =>
    paths[`${base}/${part}`].get["x-kubernetes-group-version-kind"].kind;
  expect([kindOf("status"), kindOf("scale")]).toEqual(["Application", "Scale"]);
  const { schema } = paths[`${base}/scale`].get.responses["200"].content["application/json"];
  expect(schema.$ref).toBe("#/components/schemas/io.k8s.api.autoscaling.v1.Scale");
});

test("every reference of a document leads somewhere in it", async () => {
  const document = (await app.inject({ url: `/openapi/v3/${key}` })).json();
  const names = new Set(Object.keys(document.components.schemas));
  const dangling = refsIn(document).filter(
    (ref) => !names.has(ref.replace("#/components/schemas/", "")),
  );
  expect(dangling).toEqual([]);
});

test("every reference of the built-in schemas leads to one of them", async () => {
  const definitions = await builtInDefinitions();
  const dangling = [...definitions.values()]
    .flatMap(refsIn)
    .filter((ref) => !definitions.has(ref.replace("#/components/schemas/", "")));
  expect(dangling).toEqual([]);
});

test("built-in schemas carry merge keys, formats and quantities", async () => {
  const definitions = await builtInDefinitions();
  const field = (type: string, name: string): JsonObject => {
    const properties = definitions.get(`io.k8s.api.core.v1.${type}`)?.["properties"];
    return (properties as Record<string, JsonObject>)[name] ?? {};
  };
  expect(field("PodSpec", "containers")).toMatchObject({
    "x-kubernetes-patch-merge-key": "name",
    "x-kubernetes-patch-strategy": "merge",
    "x-kubernetes-list-map-keys": ["name"],
  });
  expect(field("ContainerPort", "containerPort")).toMatchObject({
    type: "integer",
    format: "int32",
  });
  expect(field("ResourceRequirements", "limits")["additionalProperties"]).toEqual({
    $ref: "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity",
  });
  expect(field("PodSpec", "tolerations")["x-kubernetes-patch-merge-key"]).toBeUndefined();
});

test("a URL with the hash may be cached for ever, a stale one leads to the current", async () => {
  const url = await urlOfDocument();
  const current = await app.inject({ url });
  expect(current.headers["cache-control"]).toBe("public, immutable");
  expect(current.headers["expires"]).toMatch(/GMT$/);
  const stale = await app.inject({ url: `/openapi/v3/${key}?hash=OLD` });
  expect([stale.statusCode, stale.headers["location"]]).toEqual([301, url]);
  const held = await app.inject({
    url,
    headers: { "if-none-match": String(current.headers.etag) },
  });
  expect(held.statusCode).toBe(304);
});

test("a change of the kinds changes the URL of their document only", async () => {
  const before = await urlOfDocument();
  kinds.set("other", []);
  expect(await urlOfDocument()).toBe(before);
  kinds.set("beacons.lighthouse.dev", []);
  expect(await urlOfDocument()).not.toBe(before);
});

test("the document of an unknown group is not found", async () => {
  expect((await app.inject({ url: "/openapi/v3/apis/other.dev/v1" })).statusCode).toBe(404);
});

test("an integer or string is shown by that name", async () => {
  const { components } = (await app.inject({ url: `/openapi/v3/${key}` })).json();
  const { strategy } =
    components.schemas["dev.lighthouse.v1.Application"].properties.spec.properties;
  const name = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
  expect(strategy.properties.batch).toMatchObject({
    "x-kubernetes-int-or-string": true,
    allOf: [{ $ref: `#/components/schemas/${name}` }],
  });
  expect(components.schemas[name].oneOf).toEqual([{ type: "integer" }, { type: "string" }]);
});
