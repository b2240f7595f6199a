import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Frame, metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { lifeMs } from "./watch.ts";

// No bookmark comes by itself in these tests: those that are seen have a reason.

const maps = "/api/v1/namespaces/default/configmaps";
const merge = { type: "application/merge-patch+json" };
let server: TestApp;

beforeAll(async () => {
  server = await openTestApp({ limits: { maxEvents: 10, maxBytes: 1 << 20 } });
});
afterAll(() => server[Symbol.asyncDispose]());

const shown = ({ type, object }: Frame): string => `${type} ${String(metaOf(object).name)}`;
const versionOf = ({ object }: Frame): number => Number(metaOf(object).resourceVersion);
const head = async (): Promise<number> => (await server.store.head()).revision;

async function make(name: string, over: object = {}): Promise<number> {
  const { body } = await server.send("POST", maps, { metadata: { name }, ...over });
  return Number(metaOf(body).resourceVersion);
}

describe("where a watch begins", () => {
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ["no version: the newest state", "", ["ADDED start-a", "ADDED start-b"]],
    ["0: any state", "resourceVersion=0", ["ADDED start-a", "ADDED start-b"]],
    ["limit is ignored", "limit=1", ["ADDED start-a", "ADDED start-b"]],
    [
      "initial events, 0",
      "resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
      ["ADDED start-a", "ADDED start-b"],
    ],
    ["no initial events", "sendInitialEvents=false&resourceVersionMatch=NotOlderThan", []],
    [
      "no initial events, 0",
      "resourceVersion=0&sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
      [],
    ],
  ];

  beforeAll(async () => {
    for (const name of ["start-a", "start-b"]) {
      await make(name, { metadata: { name, labels: { of: "start" } } });
    }
  });

  test.each(rows)("%s", async (_why, query, want) => {
    const url = `${maps}?watch=1&labelSelector=of%3Dstart&${query}`;
    await using stream = await server.stream(url);
    expect((await stream.take(want.length)).map(shown)).toEqual(want);
    await server.send("PATCH", `${maps}/start-b`, { data: { at: String(await head()) } }, merge);
    expect((await stream.take(1)).map(shown)).toEqual(["MODIFIED start-b"]);
  });

  test("a version: what came after it and nothing else", async () => {
    const since = await make("after-a");
    await make("after-b");
    await using stream = await server.stream(`${maps}?watch=1&resourceVersion=${since}`);
    expect((await stream.take(1)).map(shown)).toEqual(["ADDED after-b"]);
  });
});

test("the initial state ends with a bookmark not older than the version asked for", async () => {
  const asked = await make("initial");
  const initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=1";
  for (const version of ["", `&resourceVersion=${asked}`]) {
    await using stream = await server.stream(`${maps}?watch=1&${initial}${version}`);
    let frame: Frame | undefined;
    do [frame] = await stream.take(1);
    while (frame?.type === "ADDED");
    expect(frame).toMatchObject({
      type: "BOOKMARK",
      object: {
        kind: "ConfigMap",
        metadata: { annotations: { "k8s.io/initial-events-end": "true" } },
      },
    });
    expect(frame === undefined ? 0 : versionOf(frame)).toBeGreaterThanOrEqual(asked);
  }
});

test("without bookmarks the initial state ends without one", async () => {
  await make("unmarked");
  const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1";
  const url = `${maps}?watch=1&${query}&fieldSelector=metadata.name%3Dunmarked`;
  await using stream = await server.stream(url);
  expect((await stream.rest()).map(shown)).toEqual(["ADDED unmarked"]);
});

test("a watch that ends tells how far it came, also on a quiet kind", async () => {
  const query = "watch=1&timeoutSeconds=1&allowWatchBookmarks=true";
  await using stream = await server.stream(
    `/api/v1/nodes?${query}&resourceVersion=${await head()}`,
  );
  const moved = await make("elsewhere");
  const frames = await stream.rest();
  expect(frames.map(({ type }) => type)).toEqual(["BOOKMARK"]);
  expect(frames.map(versionOf)).toEqual([moved]);
});

test("bookmarks are never ahead of events that were not sent", async () => {
  const busy = await openTestApp({ bookmarkMs: 1, limits: { maxEvents: 5, maxBytes: 1 << 20 } });
  const since = (await busy.store.head()).revision;
  // More than the window holds: the watch begins with the store's own history.
  for (let i = 0; i < 60; i++) await busy.send("POST", maps, { metadata: { name: `m${i}` } });
  const url = `${maps}?watch=1&allowWatchBookmarks=1&resourceVersion=${since}`;
  await using stream = await busy.stream(url);
  for (let i = 60; i < 120; i++) await busy.send("POST", maps, { metadata: { name: `m${i}` } });
  const frames: Frame[] = [];
  const added = (): number => frames.filter(({ type }) => type === "ADDED").length;
  while (added() < 120) frames.push(...(await stream.take(1)));
  const versions = frames.map(versionOf);
  expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  expect(frames.filter(({ type }) => type === "ADDED")).toHaveLength(120);
  await busy[Symbol.asyncDispose]();
});

describe("leaving and entering a selection", () => {
  test.each([
    [
      "a label",
      "labelSelector=phase%3Din",
      (phase: string) => ({ metadata: { labels: { phase } } }),
    ],
    [
      "a field",
      "fieldSelector=spec.unschedulable%3Dtrue",
      (phase: string) => ({ spec: { unschedulable: phase === "in" } }),
    ],
  ])("%s: ADDED, MODIFIED, then DELETED with the last state inside", async (_what, query, over) => {
    const nodes = "/api/v1/nodes";
    await server.send("POST", nodes, { metadata: { name: "moves" } });
    await using stream = await server.stream(`${nodes}?watch=1&${query}`);
    const move = async (phase: string, more: object = {}): Promise<JsonObject> =>
      (await server.send("PATCH", `${nodes}/moves`, { ...over(phase), ...more }, merge)).body;
    await move("in");
    const { body: touched } = await server.send(
      "PATCH",
      `${nodes}/moves`,
      { metadata: { annotations: { touched: "yes" } } },
      merge,
    );
    const left = await move("out");
    const frames = await stream.take(3);
    expect(frames.map(({ type }) => type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
    // As it was when it was last inside, with the version of the change that took it out.
    expect(frames[2]?.object["spec"]).toEqual(touched["spec"]);
    expect(metaOf(frames[2]?.object ?? {})).toMatchObject({
      annotations: { touched: "yes" },
      resourceVersion: metaOf(left).resourceVersion,
    });
    await server.send("DELETE", `${nodes}/moves`);
  });
});

describe("a watch of one object", () => {
  test.each([
    ["by its path", `${maps}/single?watch=1`],
    ["by the old path", "/api/v1/watch/namespaces/default/configmaps/single"],
    ["by a field selector", `${maps}?watch=True&fieldSelector=metadata.name%3Dsingle`],
    [
      "by name and namespace, over all namespaces",
      "/api/v1/watch/configmaps?fieldSelector=metadata.name%3Dsingle,metadata.namespace%3Ddefault",
    ],
    [
      "by its path, and a selector that says the same",
      `${maps}/single?watch&fieldSelector=metadata.name%3Dsingle`,
    ],
  ])("%s shows it and no other", async (_how, url) => {
    await make("single");
    await make("single-2");
    await using stream = await server.stream(url);
    expect((await stream.take(1)).map(shown)).toEqual(["ADDED single"]);
    await server.send("DELETE", `${maps}/single-2`);
    await server.send("DELETE", `${maps}/single`);
    expect((await stream.take(1)).map(shown)).toEqual(["DELETED single"]);
  });

  test("refuses a selector that names another", async () => {
    const url = `${maps}/single?watch=1&fieldSelector=metadata.name%3Dother`;
    const { code, body } = await server.send("GET", url);
    expect([code, body["reason"]]).toEqual([400, "BadRequest"]);
  });
});

test("lifeMs() is what the client asks for, else 30 to 60 minutes", () => {
  expect([lifeMs(7, 0.5), lifeMs(undefined, 0), lifeMs(undefined, 1)]).toEqual([
    7_000, 1_800_000, 3_600_000,
  ]);
  expect(lifeMs(1e9, 0)).toBe(2 ** 31 - 1); // a timer of Node.js cannot wait longer
});
