import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";

let server: TestApp;
const pods = "/api/v1/namespaces/default/pods";
const apps = "/apis/lighthouse.dev/v1/namespaces/default/applications";
const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };
const partial = { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" };
const merge = { type: "application/merge-patch+json" };

type Row = {
  readonly cells: readonly unknown[];
  readonly object?: JsonObject;
  readonly conditions?: unknown;
};
const rowsOf = (body: JsonObject): readonly Row[] => body["rows"] as readonly Row[];
const headers = (body: JsonObject, wide: boolean): string =>
  (body["columnDefinitions"] as readonly { name: string; priority: number }[])
    .filter(({ priority }) => wide || priority === 0)
    .map(({ name }) => name)
    .join(" | ");

beforeAll(async () => {
  server = await openTestApp();
  const containers = [
    { name: "a", image: "a:1" },
    { name: "b", image: "b:1" },
  ];
  await server.send("POST", pods, {
    metadata: { name: "web" },
    spec: { nodeName: "n1", containers },
  });
  const running = { state: { running: {} }, ready: true, image: "a:1", imageID: "", name: "a" };
  const ended = { finishedAt: "2025-12-31T23:55:00Z", exitCode: 1 };
  const waiting = {
    ...running,
    name: "b",
    ready: false,
    state: { waiting: { reason: "CrashLoopBackOff" } },
    restartCount: 3,
    lastState: { terminated: ended },
  };
  const containerStatuses = [{ ...running, restartCount: 0 }, waiting];
  const status = { phase: "Running", podIP: "10.0.0.1", containerStatuses };
  await server.send("PATCH", `${pods}/web/status`, { status }, merge);
  const template = { spec: { containers: [{ name: "a", image: "a:1" }] } };
  await server.send("POST", apps, {
    kind: "Application",
    metadata: { name: "shop" },
    spec: { replicas: 2, template },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

test("a Pod shows what kubectl users expect", async () => {
  const { body } = await server.send("GET", pods, undefined, table);
  expect(body).toMatchObject({ kind: "Table", apiVersion: "meta.k8s.io/v1" });
  expect(headers(body, false)).toBe("Name | Ready | Status | Restarts | Age");
  expect(headers(body, true)).toContain("IP | Node | Nominated Node | Readiness Gates");
  expect(rowsOf(body)[0]?.cells).toEqual([
    "web",
    "1/2",
    "CrashLoopBackOff",
    "3 (5m ago)",
    "0s",
    "10.0.0.1",
    "n1",
    "<none>",
    "<none>",
  ]);
  expect(rowsOf(body)[0]?.object).toMatchObject({ kind: "PartialObjectMetadata" });
  expect(rowsOf(body)[0]?.object?.["spec"]).toBeUndefined();
});

test.each([
  ["Object", "Pod"],
  ["Metadata", "PartialObjectMetadata"],
  ["None", undefined],
])("includeObject=%s puts %s into the rows", async (include, kind) => {
  const { body } = await server.send("GET", `${pods}?includeObject=${include}`, undefined, table);
  expect(rowsOf(body)[0]?.object?.["kind"]).toBe(kind);
});

test("other words for includeObject are refused", async () => {
  expect((await server.send("GET", `${pods}?includeObject=All`, undefined, table)).code).toBe(400);
});

test("a custom resource shows the columns of its CRD, with nothing for what is not there", async () => {
  const { body } = await server.send("GET", `${apps}/shop`, undefined, table);
  expect(headers(body, false)).toBe("Name | Ready | Revision | Phase | Image | Age");
  expect(rowsOf(body)[0]?.cells.slice(0, 6)).toEqual(["shop", null, null, null, "a:1", "0s"]);
});

test("finished pods carry a row condition", async () => {
  const containers = [{ name: "a", image: "a:1" }];
  await server.send("POST", pods, { metadata: { name: "job" }, spec: { containers } });
  await server.send("PATCH", `${pods}/job/status`, { status: { phase: "Succeeded" } }, merge);
  const { body } = await server.send("GET", `${pods}/job`, undefined, table);
  expect(rowsOf(body)[0]?.conditions).toMatchObject([{ type: "Completed", reason: "Succeeded" }]);
});

test("PartialObjectMetadata shows metadata alone, single and in lists", async () => {
  const list = await server.send("GET", pods, undefined, partial);
  expect(list.body["kind"]).toBe("PartialObjectMetadataList");
  const accept = partial.accept.replace("List", "");
  const { body } = await server.send("GET", `${pods}/web`, undefined, { accept });
  expect(Object.keys(body)).toEqual(["kind", "apiVersion", "metadata"]);
});

test("a watch as Table defines its columns once; bookmarks have no rows", async () => {
  const url = `${pods}?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`;
  await using stream = await server.stream(url, table);
  const [first, second, bookmark] = await stream.take(3);
  expect(first?.object["columnDefinitions"]).toHaveLength(9);
  expect(second?.object["columnDefinitions"]).toBeNull();
  expect(bookmark).toMatchObject({ type: "BOOKMARK", object: { kind: "Table", rows: [] } });
});

test.each([
  ["application/vnd.kubernetes.protobuf", 406],
  ["application/vnd.kubernetes.protobuf, application/json", 200],
  ["application/json;as=Table;v=v9;g=meta.k8s.io", 406],
  ["*/*", 200],
  ["text/html, */*;q=0.1", 200],
  ["application/json;q=0", 406],
])("Accept: %s answers %d", async (accept, code) => {
  const answer = await server.send("GET", pods, undefined, { accept });
  expect([answer.code, answer.body["kind"]]).toEqual([code, code === 200 ? "PodList" : "Status"]);
});
