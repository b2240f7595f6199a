import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Frame, metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp({ bookmarkMs: 20, limits: { maxEvents: 20, maxBytes: 1 << 20 } });
});
afterAll(() => server[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const merge = { type: "application/merge-patch+json" };
const shown = ({ type, object }: Frame): string => `${type} ${String(metaOf(object).name)}`;

async function make(name: string, labels: object = {}): Promise<string> {
  const { body } = await server.send("POST", maps, { metadata: { name, labels } });
  return String(metaOf(body).resourceVersion);
}
const headText = async (): Promise<string> => String((await server.store.head()).revision);

test("from a version: every later event once and in order, and nothing before it", async () => {
  await make("before");
  const since = await headText();
  await using stream = await server.stream(`${maps}?watch=true&resourceVersion=${since}`);
  await make("one");
  await server.send("PATCH", `${maps}/one`, { data: { a: "1" } }, merge);
  await server.send("DELETE", `${maps}/one`);
  const end = await headText();
  const frames = await stream.take(3);
  expect(frames.map(shown)).toEqual(["ADDED one", "MODIFIED one", "DELETED one"]);
  const versions = frames.map(({ object }) => Number(metaOf(object).resourceVersion));
  expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  expect(frames[2]?.object).toMatchObject({ data: { a: "1" }, metadata: { resourceVersion: end } });
});

test("without a version: the present state first, then what comes", async () => {
  await make("present");
  await using stream = await server.stream(`${maps}?watch=1&fieldSelector=metadata.name%3Dpresent`);
  await server.send("PATCH", `${maps}/present`, { data: { a: "1" } }, merge);
  expect((await stream.take(2)).map(shown)).toEqual(["ADDED present", "MODIFIED present"]);
});

test("an object that leaves a selection is DELETED, one that enters is ADDED", async () => {
  await make("moving", { team: "a" });
  const since = await headText();
  const url = `${maps}?watch=true&resourceVersion=${since}&labelSelector=team%3Db`;
  await using stream = await server.stream(url);
  const label = (team: string): Promise<unknown> =>
    server.send("PATCH", `${maps}/moving`, { metadata: { labels: { team } } }, merge);
  await label("b");
  await server.send("PATCH", `${maps}/moving`, { data: { a: "1" } }, merge);
  await label("c");
  const left = await headText();
  await label("b");
  await server.send("DELETE", `${maps}/moving`);
  const frames = await stream.take(5);
  expect(frames.map(({ type }) => type)).toEqual([
    "ADDED",
    "MODIFIED",
    "DELETED",
    "ADDED",
    "DELETED",
  ]);
  expect(metaOf(frames[2]?.object ?? {})).toMatchObject({
    labels: { team: "b" },
    resourceVersion: left,
  });
});

test("a name in the path is a selection too, and other namespaces are not heard", async () => {
  await server.send("POST", "/api/v1/namespaces", { metadata: { name: "elsewhere" } });
  const since = await headText();
  await using stream = await server.stream(`${maps}/named?watch=true&resourceVersion=${since}`);
  await server.send("POST", maps.replace("default", "elsewhere"), { metadata: { name: "named" } });
  await make("named-2");
  await make("named");
  const [frame] = await stream.take(1);
  expect(metaOf(frame?.object ?? {})).toMatchObject({ name: "named", namespace: "default" });
});

test("timeoutSeconds ends the stream without an error, after a last bookmark", async () => {
  const url = `${maps}?watch=true&resourceVersion=${await headText()}&timeoutSeconds=1`;
  await using stream = await server.stream(`${url}&allowWatchBookmarks=true`);
  const frames = await stream.rest();
  expect(new Set(frames.map(({ type }) => type))).toEqual(new Set(["BOOKMARK"]));
});

test("bookmarks follow the whole store, so that a quiet kind does not fall behind", async () => {
  const url = `/api/v1/nodes?watch=true&resourceVersion=${await headText()}`;
  await using stream = await server.stream(`${url}&allowWatchBookmarks=true`);
  const moved = await make("elsewhere-moved");
  let last = "";
  while (Number(last) < Number(moved)) {
    const [frame] = await stream.take(1);
    expect(frame).toMatchObject({ type: "BOOKMARK", object: { kind: "Node", apiVersion: "v1" } });
    last = String(metaOf(frame?.object ?? {}).resourceVersion);
  }
});

test("a version that the store has forgotten is an ERROR event with 410", async () => {
  const old = await make("old");
  // More events than the window holds, and then none in the store either.
  for (let index = 0; index < 50; index++) {
    await server.send("PATCH", `${maps}/old`, { data: { a: String(index) } }, merge);
  }
  const { revision } = await server.store.head();
  await server.store.compact(revision);
  await using stream = await server.stream(`${maps}?watch=true&resourceVersion=${old}`);
  expect(await stream.rest()).toMatchObject([
    { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } },
  ]);
});

test("a version older than the window is served from the store's history", async () => {
  const since = await make("history");
  for (let index = 0; index < 50; index++) {
    await server.send("PATCH", `${maps}/history`, { data: { a: String(index) } }, merge);
  }
  await using stream = await server.stream(`${maps}?watch=true&resourceVersion=${since}`);
  const frames = await stream.take(50);
  const values = frames.map(({ object }) => (object["data"] as JsonObject)["a"]);
  expect(values).toEqual(Array.from({ length: 50 }, (_, index) => String(index)));
  await server.send("PATCH", `${maps}/history`, { data: { a: "live" } }, merge);
  expect((await stream.take(1))[0]?.object["data"]).toEqual({ a: "live" });
});

test("a version that this store never had is Expired: the client lists again", async () => {
  await using stream = await server.stream(`${maps}?watch=true&resourceVersion=99999999`);
  expect(await stream.rest()).toMatchObject([{ type: "ERROR", object: { code: 410 } }]);
});

describe("sendInitialEvents", () => {
  const initial = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";

  test("sends the state, a bookmark that says so, then what comes", async () => {
    await make("initial", { is: "initial" });
    const url = `${maps}?${initial}&allowWatchBookmarks=true&labelSelector=is%3Dinitial`;
    await using stream = await server.stream(url);
    const [state, end] = await stream.take(2);
    expect(state?.type).toBe("ADDED");
    expect(end).toMatchObject({
      type: "BOOKMARK",
      object: { metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
    });
    await server.send("DELETE", `${maps}/initial`);
    let next = (await stream.take(1))[0];
    while (next?.type === "BOOKMARK") next = (await stream.take(1))[0];
    expect(next?.type).toBe("DELETED");
  });

  test.each([
    ["without a match", "watch=true&sendInitialEvents=true"],
    ["with another match", "watch=true&sendInitialEvents=true&resourceVersionMatch=Exact"],
    ["a match alone", "watch=true&resourceVersion=1&resourceVersionMatch=NotOlderThan"],
  ])("is refused with 422 %s", async (_what, query) => {
    const { code, body } = await server.send("GET", `${maps}?${query}`);
    expect([code, body["reason"]]).toEqual([422, "Invalid"]);
  });
});

test("a watch ends when the server stops", async () => {
  const other = await openTestApp();
  await using stream = await other.stream(`${maps}?watch=true&resourceVersion=1`);
  await other[Symbol.asyncDispose]();
  expect(await stream.rest()).toBeInstanceOf(Array);
});
