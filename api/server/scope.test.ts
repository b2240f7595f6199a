import { expect, test } from "vitest";
import { openTestApp } from "../../test/kit/app.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { memoryStore } from "../store/memory.ts";

const crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/applications.lighthouse.dev";
const merge = { type: "application/merge-patch+json" };

test("openScope() finds its objects again and writes nothing", async () => {
  const store = memoryStore();
  await (await openTestApp({ store }))[Symbol.asyncDispose]();
  const { revision } = await store.head();
  await using again = await openTestApp({ store });
  expect((await store.head()).revision).toBe(revision);
  expect((await again.send("GET", "/apis/lighthouse.dev/v1/applications")).code).toBe(200);
});

test("openScope() brings our CRDs up to date, and leaves labels and status alone", async () => {
  const store = memoryStore();
  {
    await using before = await openTestApp({ store });
    const stale = { metadata: { labels: { a: "b" } }, spec: { names: { shortNames: ["stale"] } } };
    expect((await before.send("PATCH", crd, stale, merge)).code).toBe(200);
  }
  await using after = await openTestApp({ store });
  const { body } = await after.send("GET", crd);
  expect(body).toMatchObject({
    metadata: { labels: { a: "b" }, generation: 3 },
    spec: { names: { shortNames: ["app"] } },
    status: { storedVersions: ["v1"] },
  });
});

test("openScope() serves the CRDs that users have made", async () => {
  const store = memoryStore();
  const schema = { openAPIV3Schema: { type: "object" } };
  {
    await using before = await openTestApp({ store });
    await before.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
      metadata: { name: "widgets.example.com" },
      spec: {
        group: "example.com",
        scope: "Cluster",
        names: { plural: "widgets", kind: "Widget" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    });
    await eventually("the kind is served", async () => {
      return (await before.send("GET", "/apis/example.com/v1/widgets")).code === 200;
    });
  }
  await using after = await openTestApp({ store });
  expect((await after.send("GET", "/apis/example.com/v1/widgets")).code).toBe(200);
});
