import { afterAll, beforeAll, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const merge = { type: "application/merge-patch+json" };

for (const [kind, plural] of [
  ["ConfigMap", "configmaps"],
  ["Secret", "secrets"],
] as const) {
  test(`generation of a ${kind} counts changes of its values alone, and none that is but tried`, async () => {
    const url = `/api/v1/namespaces/default/${plural}`;
    const body = { apiVersion: "v1", kind, metadata: { name: "counted" }, data: { key: "b25l" } };
    await server.send("POST", url, body);
    const tried = { data: { key: "dHdv" } };
    const dryRun = await server.send("PATCH", `${url}/counted?dryRun=All`, tried, merge);
    const generations = [metaOf(dryRun.body).generation];
    for (const patch of [
      { metadata: { labels: { a: "b" } } },
      { data: { key: "b25l" } },
      { data: { key: "dHdv" } },
      { immutable: true },
      { metadata: { annotations: { a: "b" } } },
    ]) {
      const { body } = await server.send("PATCH", `${url}/counted`, patch, merge);
      generations.push(metaOf(body).generation);
    }
    expect(generations).toEqual([1, 1, 1, 2, 2, 2]);
  });
}
