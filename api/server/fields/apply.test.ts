import { expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const apply = { type: "application/apply-patch+yaml" };

const configMap = (data: object, extra: object = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "web", ...extra },
  data,
});

const applyAs = (
  app: TestApp,
  manager: string,
  object: unknown,
  query = "",
): ReturnType<TestApp["send"]> =>
  app.send("PATCH", `${maps}/web?fieldManager=${manager}${query}`, object, apply);

test("apply creates, and owns what it names", async () => {
  await using app = await openTestApp();
  const { code, body } = await applyAs(
    app,
    "ci",
    configMap({ color: "red" }, { labels: { a: "b" } }),
  );
  expect(code).toBe(201);
  expect(metaOf(body).managedFields).toEqual([
    {
      manager: "ci",
      operation: "Apply",
      apiVersion: "v1",
      time: expect.any(String),
      fieldsType: "FieldsV1",
      fieldsV1: { "f:data": { "f:color": {} }, "f:metadata": { "f:labels": { "f:a": {} } } },
    },
  ]);
});

test("apply again removes what is named no more, and keeps what others own", async () => {
  await using app = await openTestApp();
  await applyAs(app, "ci", configMap({ color: "red", size: "1" }));
  await app.send(
    "PATCH",
    `${maps}/web?fieldManager=edit`,
    { data: { note: "x" } },
    {
      type: "application/merge-patch+json",
    },
  );
  const { code, body } = await applyAs(app, "ci", configMap({ color: "red" }));
  expect(code).toBe(200);
  expect(body["data"]).toEqual({ color: "red", note: "x" });
  expect(
    metaOf(body).managedFields?.map(({ manager, operation }) => `${manager} ${operation}`),
  ).toEqual(["ci Apply", "edit Update"]);
});

test("apply of the same configuration writes nothing", async () => {
  await using app = await openTestApp();
  const first = await applyAs(app, "ci", configMap({ color: "red" }));
  await app.clock.advance(60_000);
  const second = await applyAs(app, "ci", configMap({ color: "red" }, { creationTimestamp: null }));
  expect(second.code).toBe(200);
  expect(second.body).toEqual(first.body);
});

test("apply conflicts with who owns a field that it would change, unless it is forced", async () => {
  await using app = await openTestApp();
  await applyAs(app, "ci", configMap({ color: "red" }));
  const refused = await applyAs(app, "ops", configMap({ color: "blue" }));
  expect(refused.code).toBe(409);
  expect(refused.body).toMatchObject({
    reason: "Conflict",
    message: 'Apply failed with 1 conflict: conflict with "ci": .data.color',
    details: {
      causes: [
        { reason: "FieldManagerConflict", message: 'conflict with "ci"', field: ".data.color" },
      ],
    },
  });
  const forced = await applyAs(app, "ops", configMap({ color: "blue" }), "&force=true");
  expect(forced.body["data"]).toEqual({ color: "blue" });
  expect(metaOf(forced.body).managedFields).toMatchObject([{ manager: "ops" }]);
});
