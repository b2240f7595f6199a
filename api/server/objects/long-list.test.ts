import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { encodeObject } from "../../store/item.ts";
import type { JsonObject } from "../kinds/kind.ts";

// Lists that are too long for one slice: they are streamed, and others have their turn meanwhile.

const count = 3_000;
const maps = "/api/v1/namespaces/default/configmaps";
const nameOf = (index: number): string => `map-${String(index).padStart(5, "0")}`;
let server: TestApp;

beforeAll(async () => {
  server = await openTestApp();
  for (let index = 0; index < count; index++) {
    const metadata = { name: nameOf(index), namespace: "default", labels: { odd: `${index % 2}` } };
    const data = { text: "x".repeat(500) };
    const value = encodeObject({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
    await server.store.put(`/registry/core/configmaps/default/${nameOf(index)}`, value, 0);
  }
});
afterAll(() => server[Symbol.asyncDispose]());

const nameIn = (part: unknown): unknown =>
  ((part as JsonObject)["metadata"] as JsonObject | undefined)?.["name"];

test.each([
  ["objects", "application/json", "ConfigMapList", "items"],
  [
    "partial objects",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "PartialObjectMetadataList",
    "items",
  ],
  ["rows", "application/json;as=Table;g=meta.k8s.io;v=v1", "Table", "rows"],
])("a long list of %s is whole and in order", async (_what, accept, kind, field) => {
  const { code, body, headers } = await server.send("GET", maps, undefined, { accept });
  expect([code, body["kind"], headers["content-type"]]).toEqual([200, kind, "application/json"]);
  const parts = body[field] as readonly JsonObject[];
  const names = parts.map((part) => (field === "rows" ? nameIn(part["object"]) : nameIn(part)));
  expect(names).toEqual(Array.from({ length: count }, (_, index) => nameOf(index)));
});

test("a selector finds its objects in slices, and stops when a page is full", async () => {
  const odd = await server.send("GET", `${maps}?labelSelector=odd%3D1`);
  expect(odd.body["items"]).toHaveLength(count / 2);
  const page = await server.send("GET", `${maps}?labelSelector=odd%3D1&limit=3`);
  expect((page.body["items"] as readonly unknown[]).map(nameIn)).toEqual([
    nameOf(1),
    nameOf(3),
    nameOf(5),
  ]);
});

test("the event loop turns while a long list is made", async () => {
  let turns = 0;
  const turn = (): void => {
    turns += 1;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  const accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
  await server.send("GET", `${maps}?includeObject=Object`, undefined, { accept });
  clearImmediate(next);
  expect(turns).toBeGreaterThan(10);
});

test("HEAD of a long list has no body", async () => {
  const { code, text } = await server.send("HEAD", maps);
  expect([code, text]).toEqual([200, ""]);
});
