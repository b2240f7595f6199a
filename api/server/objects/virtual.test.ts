import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import { builtIn } from "../kinds/built-in.ts";
import type { BuiltIn } from "../kinds/built-in.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { kindTable } from "../kinds/table.ts";

const schemas = {
  prune(_definition: string, object: JsonObject): readonly string[] {
    const known = new Set(["apiVersion", "kind", "metadata", "spec"]);
    const unknown = Object.keys(object).filter((field) => !known.has(field));
    for (const field of unknown) delete object[field];
    return unknown;
  },
};

const echo: BuiltIn = {
  group: "review.test",
  version: "v1",
  kind: "Echo",
  plural: "echoes",
  namespaced: false,
  definition: "test.review.v1.Echo",
  verbs: ["create"],
  virtual: {
    create: async ({ user }, object) => ({ ...object, status: { user: user.name } }),
  },
  strategy: {
    validate: ({ spec }) => (spec === "bad" ? [invalidValue("spec", spec, "must be good")] : []),
  },
};

const reading: BuiltIn = {
  group: "review.test",
  version: "v1",
  kind: "Reading",
  plural: "readings",
  namespaced: true,
  definition: "test.review.v1.Reading",
  verbs: ["get", "list"],
  unservedReason: "readings are made by their thermometers",
  virtual: {
    get: async ({ name, namespace }) =>
      name === "hot" ? { metadata: { name, namespace } } : undefined,
    list: async ({ namespace }) =>
      ["hot", "cold"].map((name) => ({ metadata: { name, namespace, labels: { of: name } } })),
  },
};

let server: TestApp;
beforeEach(async () => {
  const kinds = kindTable([echo, reading].map((kind) => builtIn(kind, schemas)));
  server = await openTestApp({ kinds });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const echoes = "/apis/review.test/v1/echoes";
const readings = "/apis/review.test/v1/namespaces/shop/readings";
const table = "application/json;as=Table;v=v1;g=meta.k8s.io";

test("create answers 201 with what was made, and stores nothing", async () => {
  const before = await server.store.head();
  const { code, body } = await server.send("POST", echoes, { spec: "good" });
  expect(code).toBe(201);
  expect(body).toEqual({
    apiVersion: "review.test/v1",
    kind: "Echo",
    metadata: {},
    spec: "good",
    status: { user: "tester" },
  });
  expect(await server.store.head()).toEqual(before);
});

test.each([
  ["a wrong kind", "", { kind: "Other" }, 400],
  ["a wrong value", "", { spec: "bad" }, 422],
  ["an unknown field", "?fieldValidation=Strict", { spek: 1 }, 400],
  ["a wrong dryRun", "?dryRun=Some", {}, 400],
])("create refuses %s", async (_what, query, body, code) => {
  expect((await server.send("POST", echoes + query, body)).code).toBe(code);
});

test("a kind that cannot be read has no tables and no partial form", async () => {
  const partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
  for (const accept of [table, partial]) {
    const { code, body } = await server.send("POST", echoes, {}, { accept });
    expect([code, body["reason"]]).toEqual([406, "NotAcceptable"]);
  }
  const accept = `${table},application/json`;
  const { code, body } = await server.send("POST", echoes, {}, { accept });
  expect([code, body["kind"]]).toEqual([201, "Echo"]);
  expect((await server.send("GET", echoes)).code).toBe(405);
});

test("get and list answer as for any kind", async () => {
  expect((await server.send("GET", `${readings}/hot`)).body).toMatchObject({
    kind: "Reading",
    metadata: { name: "hot", namespace: "shop" },
  });
  const missing = await server.send("GET", `${readings}/warm`);
  expect(missing.body["message"]).toBe('readings.review.test "warm" not found');
  const list = await server.send("GET", `${readings}?labelSelector=of%3Dcold`);
  expect(list.body).toMatchObject({ kind: "ReadingList", items: [{ metadata: { name: "cold" } }] });
  expect(list.body["metadata"]).toHaveProperty("resourceVersion", expect.stringMatching(/^\d+$/));
  const shown = await server.send("GET", readings, undefined, { accept: table });
  expect(shown.body["rows"]).toMatchObject([{ cells: ["hot", expect.anything()] }, {}]);
});

test("a verb that is missing says why", async () => {
  const { code, body } = await server.send("POST", readings, {});
  expect(code).toBe(405);
  expect(body["message"]).toMatch(/readings are made by their thermometers$/);
});
