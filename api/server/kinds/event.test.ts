import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "./kind.ts";

let server: TestApp;
beforeEach(async () => {
  server = await openTestApp();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const core = "/api/v1/namespaces/default/events";
const newer = "/apis/events.k8s.io/v1/namespaces/default/events";
const strategic = { type: "application/strategic-merge-patch+json" };
const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };

const eventTime = "2026-01-01T00:00:00.123456Z";
/** As a recorder of the newer API writes it. */
const started = (over: JsonObject = {}): JsonObject => ({
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  metadata: { name: "web.1" },
  eventTime,
  reportingController: "lighthouse.dev/agent",
  reportingInstance: "host-1",
  action: "Starting",
  reason: "Started",
  regarding: { kind: "Pod", namespace: "default", name: "web", uid: "u-1", fieldPath: "spec.c" },
  note: "Started container web",
  type: "Normal",
  ...over,
});
/** As a recorder of the older API writes it. */
const pulled = (over: JsonObject = {}): JsonObject => ({
  metadata: { name: "web.2" },
  involvedObject: { kind: "Pod", namespace: "default", name: "web", uid: "u-1" },
  reason: "Pulled",
  message: "Pulled the image",
  source: { component: "agent", host: "host-1" },
  firstTimestamp: "2026-01-01T00:00:00Z",
  lastTimestamp: "2026-01-01T00:05:00Z",
  count: 3,
  type: "Warning",
  ...over,
});

const post = async (url: string, body: JsonObject): Promise<JsonObject> => {
  const { code, body: made, text } = await server.send("POST", url, body);
  expect([code, text]).toEqual([201, expect.anything()]);
  return made;
};
const messagesOf = async (url: string, body: JsonObject): Promise<readonly string[]> => {
  const { code, body: status } = await server.send("POST", url, body);
  expect(code).toBe(422);
  const { causes } = status["details"] as { readonly causes: readonly JsonObject[] };
  return causes.map(({ field, message }) => `${String(field)}: ${String(message)}`);
};

describe("one Event, two groups", () => {
  test("what the newer API writes, the older one reads, and back", async () => {
    const made = await post(newer, started());
    expect(made).toMatchObject({ apiVersion: "events.k8s.io/v1", note: "Started container web" });
    const { body } = await server.send("GET", `${core}/web.1`);
    expect(body).toMatchObject({
      apiVersion: "v1",
      kind: "Event",
      involvedObject: { kind: "Pod", name: "web", uid: "u-1" },
      message: "Started container web",
      reportingComponent: "lighthouse.dev/agent",
      eventTime,
    });
    expect(body).not.toHaveProperty("regarding");
    expect(metaOf(body).uid).toBe(metaOf(made).uid);
    const again = await server.send("GET", `${newer}/web.1`);
    expect(again.body).toEqual(made);
  });

  test("what the older API writes is deprecated in the newer one", async () => {
    await post(core, pulled());
    const { body } = await server.send("GET", `${newer}/web.2`);
    expect(body).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      regarding: { name: "web" },
      note: "Pulled the image",
      deprecatedSource: { component: "agent", host: "host-1" },
      deprecatedFirstTimestamp: "2026-01-01T00:00:00Z",
      deprecatedLastTimestamp: "2026-01-01T00:05:00Z",
      deprecatedCount: 3,
    });
    expect(body).not.toHaveProperty("count");
  });

  test("lists and watches of both see the same objects at the same revisions", async () => {
    await post(newer, started());
    const lists = await Promise.all([server.send("GET", core), server.send("GET", newer)]);
    const seen = lists.map(({ body }) => {
      const [item] = body["items"] as readonly JsonObject[];
      return { at: metaOf(body).resourceVersion ?? "", item: metaOf(item ?? {}) };
    });
    expect(seen[0]).toEqual(seen[1]);
    const since = seen[0]?.at ?? "";
    await using old = await server.stream(`${core}?watch=1&resourceVersion=${since}`);
    await using fresh = await server.stream(`${newer}?watch=1&resourceVersion=${since}`);
    await post(core, pulled());
    const [[left], [right]] = await Promise.all([old.take(1), fresh.take(1)]);
    expect(left?.object).toMatchObject({ apiVersion: "v1", message: "Pulled the image" });
    expect(right?.object).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      note: "Pulled the image",
    });
    expect(metaOf(left?.object ?? {})).toEqual(metaOf(right?.object ?? {}));
  });

  test.each([
    [core, "involvedObject.uid=u-1,involvedObject.kind=Pod", 2],
    [core, "involvedObject.name=other", 0],
    [core, "involvedObject.fieldPath=spec.c,reason=Started", 1],
    [core, "reportingComponent=lighthouse.dev/agent", 1],
    [core, "source=agent,type=Warning", 1],
    [newer, "regarding.uid=u-1,regarding.namespace=default", 2],
    [newer, "reportingController=lighthouse.dev/agent,type=Normal", 1],
    [newer, "reason!=Started", 1],
  ])("%s?fieldSelector=%s selects %i", async (url, selector, count) => {
    await post(newer, started());
    await post(core, pulled());
    const answer = await server.send("GET", `${url}?fieldSelector=${encodeURIComponent(selector)}`);
    expect(answer.body["items"]).toHaveLength(count);
  });

  test("each API knows the selectors of its own names only", async () => {
    for (const query of [
      `${newer}?fieldSelector=source%3Da`,
      `${core}?fieldSelector=regarding.uid%3Da`,
    ]) {
      const { code, body } = await server.send("GET", query);
      expect([code, body["message"]]).toEqual([
        400,
        expect.stringMatching(/field label not supported/),
      ]);
    }
  });

  test("rows are the same in both", async () => {
    await post(
      newer,
      started({ series: { count: 4, lastObservedTime: "2026-01-01T00:00:30.000000Z" } }),
    );
    await post(core, pulled());
    await server.clock.advance(600_000);
    const tables = await Promise.all(
      [core, newer].map((url) => server.send("GET", url, undefined, table)),
    );
    const rows = tables.map(({ body }) =>
      (body["rows"] as readonly JsonObject[]).map(({ cells }) => cells),
    );
    expect(rows[0]).toEqual(rows[1]);
    expect(rows[0]).toEqual([
      [
        "9m30s",
        "Normal",
        "Started",
        "pod/web",
        "spec.c",
        "lighthouse.dev/agent, host-1",
        "Started container web",
        "9m59s",
        4,
        "web.1",
      ],
      [
        "5m",
        "Warning",
        "Pulled",
        "pod/web",
        "",
        "agent, host-1",
        "Pulled the image",
        "10m",
        3,
        "web.2",
      ],
    ]);
  });
});

describe("series", () => {
  test("a recorder makes a series of an Event by a strategic patch", async () => {
    await post(newer, started());
    const series = { count: 2, lastObservedTime: "2026-01-01T00:01:00.000001Z" };
    const { code, body } = await server.send("PATCH", `${newer}/web.1`, { series }, strategic);
    expect(code).toBe(200);
    expect(body).toMatchObject({ series, note: "Started container web" });
    const { body: older } = await server.send("GET", `${core}/web.1`);
    expect(older).toMatchObject({ series, message: "Started container web" });
  });

  test("a patch of an Event that expired answers 404, so that it is created again", async () => {
    const { code } = await server.send("PATCH", `${newer}/gone`, { series: {} }, strategic);
    expect(code).toBe(404);
  });

  test("the older recorder counts with a strategic patch", async () => {
    await post(core, pulled());
    const patch = { count: 4, lastTimestamp: "2026-01-01T00:06:00Z" };
    const { code, body } = await server.send("PATCH", `${core}/web.2`, patch, strategic);
    expect([code, body["count"], body["lastTimestamp"]]).toEqual([200, 4, patch.lastTimestamp]);
  });

  test("a series of less than two, or without a time, is none", async () => {
    expect(await messagesOf(newer, started({ series: { count: 1 } }))).toEqual([
      'series.count: Invalid value: "": should be at least 2',
      "series.lastObservedTime: Required value",
    ]);
  });
});

describe("validation", () => {
  test("the newer API wants a time, and who did what", async () => {
    expect(await messagesOf(newer, started({ eventTime: null }))).toEqual([
      "eventTime: Required value",
    ]);
    const bare = { reportingController: "", reportingInstance: "", action: "", reason: "" };
    const messages = await messagesOf(newer, started({ ...bare, type: "Bad" }));
    expect(messages).toContain("reportingController: Required value");
    expect(messages).toContain("reportingInstance: Required value");
    expect(messages).toContain("action: Required value");
    expect(messages).toContain("reason: Required value");
    expect(messages).toContain('type: Invalid value: "": has invalid value: Bad');
  });

  test("the older API names the reporter by its own field", async () => {
    const messages = await messagesOf(core, pulled({ eventTime }));
    expect(messages).toContain("reportingComponent: Required value");
  });

  test("the newer API refuses the fields of the older one", async () => {
    const old = { deprecatedCount: 2, deprecatedSource: { component: "a" } };
    expect(await messagesOf(newer, started(old))).toEqual([
      'count: Invalid value: "": needs to be unset',
      'source: Invalid value: "": needs to be unset',
    ]);
  });

  test("long texts are refused", async () => {
    const long = { action: "a".repeat(129), note: "n".repeat(1_025) };
    expect(await messagesOf(newer, started(long))).toEqual([
      'action: Invalid value: "": can have at most 128 characters',
      'message: Invalid value: "": can have at most 1024 characters',
    ]);
  });

  test("an Event lies in the namespace of what it is about", async () => {
    const elsewhere = { involvedObject: { kind: "Pod", namespace: "shop", name: "web" } };
    expect(await messagesOf(core, pulled(elsewhere))).toEqual([
      'involvedObject.namespace: Invalid value: "shop": does not match event.namespace',
    ]);
    await post(core, pulled({ involvedObject: { kind: "Node", name: "host-1" } }));
  });

  test("the newer API lets nobody rewrite what happened", async () => {
    await post(newer, started());
    const merge = { type: "application/merge-patch+json" };
    const { code, body } = await server.send("PATCH", `${newer}/web.1`, { note: "other" }, merge);
    expect(code).toBe(422);
    expect(body["details"]).toMatchObject({
      causes: [{ field: "message", message: 'Invalid value: "other": field is immutable' }],
    });
    const labels = { metadata: { labels: { a: "b" } } };
    expect((await server.send("PATCH", `${newer}/web.1`, labels, merge)).code).toBe(200);
  });
});

test("Events of either group are removed together, also as a collection", async () => {
  await post(newer, started());
  await post(core, pulled({ metadata: { name: "kept", labels: { keep: "yes" } } }));
  const gone = await server.send("DELETE", `${newer}?labelSelector=!keep`);
  expect(gone.body).toMatchObject({
    kind: "EventList",
    items: [{ note: "Started container web" }],
  });
  expect((await server.send("GET", core)).body["items"]).toHaveLength(1);
  expect((await server.send("DELETE", `${newer}/kept`)).body["status"]).toBe("Success");
  expect((await server.send("GET", core)).body["items"]).toHaveLength(0);
});
