import { expect, test } from "vitest";
import { eventually } from "../../../test/kit/eventually.ts";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { CrdCondition, CrdStatus } from "./crd.ts";

const crdsUrl = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const group = "shop.example.com";
const sizesUrl = `/apis/${group}/v1/namespaces/default/sizes`;

type Names = { readonly [name: string]: unknown };

function crd(plural: string, kind: string, names: Names = {}): Record<string, unknown> {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, kind, ...names },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: { spec: { type: "object", properties: { n: { type: "integer" } } } },
            },
          },
        },
      ],
    },
  };
}

const size = (name: string, more: object = {}): object => ({
  apiVersion: `${group}/v1`,
  kind: "Size",
  metadata: { name, ...more },
  spec: { n: 1 },
});

const statusOf = ({ body }: { readonly body: object }): CrdStatus =>
  (body as { readonly status?: CrdStatus }).status ?? {};

function condition(status: CrdStatus, type: string): CrdCondition | undefined {
  return status.conditions?.find((one) => one.type === type);
}

const read = (env: TestApp, plural: string): ReturnType<TestApp["send"]> =>
  env.send("GET", `${crdsUrl}/${plural}.${group}`);

test("POST of a CRD gives names, fills defaults and serves the kind before it answers", async () => {
  await using env = await openTestApp();
  const made = await env.send("POST", crdsUrl, crd("sizes", "Size", { shortNames: ["sz"] }));
  expect(made.code).toBe(201);
  const { spec } = made.body as {
    readonly spec: { readonly names: Names; readonly conversion: object };
  };
  expect(spec.names).toMatchObject({ singular: "size", listKind: "SizeList" });
  expect(spec.conversion).toEqual({ strategy: "None" });
  const status = statusOf(made);
  expect(status.storedVersions).toEqual(["v1"]);
  expect(status.acceptedNames).toEqual(spec.names);
  expect(condition(status, "Established")).toMatchObject({
    status: "True",
    reason: "InitialNamesAccepted",
  });
  expect((await env.send("POST", sizesUrl, size("a"))).code).toBe(201);
});

test("a CRD whose names are taken is not served until they are free", async () => {
  await using env = await openTestApp();
  await env.send("POST", crdsUrl, crd("sizes", "Size", { shortNames: ["sz"] }));
  const late = await env.send("POST", crdsUrl, crd("lengths", "Length", { shortNames: ["sz"] }));
  expect(late.code).toBe(201);
  expect(condition(statusOf(late), "NamesAccepted")).toMatchObject({
    status: "False",
    reason: "ShortNamesConflict",
    message: '"sz" is already in use',
  });
  expect(condition(statusOf(late), "Established")).toMatchObject({
    status: "False",
    reason: "NotAccepted",
  });
  expect((await env.send("GET", `/apis/${group}/v1/lengths`)).code).toBe(404);
  await env.send("DELETE", `${crdsUrl}/sizes.${group}`);
  await eventually("the freed name is given", async () => {
    const { status } = condition(statusOf(await read(env, "lengths")), "Established") ?? {};
    return status === "True";
  });
  expect((await env.send("GET", `/apis/${group}/v1/lengths`)).code).toBe(200);
});

test.each([
  ["kind", { singular: "one", listKind: "Ones" }, "Size", "KindConflict"],
  ["listKind", { singular: "one", listKind: "SizeList" }, "One", "ListKindConflict"],
  ["singular", { singular: "size", listKind: "Ones" }, "One", "SingularConflict"],
])("a %s in use is a conflict", async (_what, names, kind, reason) => {
  await using env = await openTestApp();
  await env.send("POST", crdsUrl, crd("sizes", "Size"));
  const late = await env.send("POST", crdsUrl, crd("ones", kind, names));
  expect(condition(statusOf(late), "NamesAccepted")).toMatchObject({ status: "False", reason });
});

test("DELETE of a CRD removes all its objects, then itself", async () => {
  await using env = await openTestApp();
  await env.send("POST", crdsUrl, crd("sizes", "Size"));
  for (const name of ["a", "b"]) await env.send("POST", sizesUrl, size(name));
  const answer = await env.send("DELETE", `${crdsUrl}/sizes.${group}`);
  expect(answer.code).toBe(200);
  expect(condition(statusOf(answer), "Terminating")).toMatchObject({
    reason: "InstanceDeletionPending",
  });
  await eventually("the CRD is gone", async () => {
    return (await read(env, "sizes")).code === 404;
  });
  await env.send("POST", crdsUrl, crd("sizes", "Size"));
  const left = await env.send("GET", sizesUrl);
  expect(left.body["items"]).toEqual([]);
});

test("DELETE of a CRD waits for finalizers of its objects, and takes no new ones", async () => {
  await using env = await openTestApp();
  await env.send("POST", crdsUrl, crd("sizes", "Size"));
  await env.send("POST", sizesUrl, size("held", { finalizers: ["example.com/hold"] }));
  await env.send("DELETE", `${crdsUrl}/sizes.${group}`);
  await eventually("the object is marked", async () => {
    const { body } = await env.send("GET", `${sizesUrl}/held`);
    return metaOf(body).deletionTimestamp !== undefined;
  });
  const refused = await env.send("POST", sizesUrl, size("new"));
  expect(refused.code).toBe(405);
  expect(refused.body["message"]).toContain(
    "not allowed while custom resource definition is terminating",
  );
  const freed = await env.send(
    "PATCH",
    `${sizesUrl}/held`,
    { metadata: { finalizers: null } },
    {
      type: "application/merge-patch+json",
    },
  );
  expect(freed.code).toBe(200);
  await eventually("the CRD is gone", async () => {
    return (await read(env, "sizes")).code === 404;
  });
  expect((await env.send("GET", sizesUrl)).code).toBe(404);
});

test("deleting a CRD that shares a built-in kind's name leaves the built-in objects", async () => {
  await using env = await openTestApp();
  const lease = { metadata: { name: "l" }, spec: {} };
  const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  await env.send("POST", leases, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", ...lease });
  const overlap = crd("leases", "Lease");
  const spec = { ...(overlap["spec"] as object), group: "coordination.k8s.io" };
  const metadata = {
    name: "leases.coordination.k8s.io",
    annotations: { "api-approved.kubernetes.io": "unapproved, test" },
  };
  expect((await env.send("POST", crdsUrl, { ...overlap, spec, metadata })).code).toBe(201);
  await env.send("DELETE", `${crdsUrl}/leases.coordination.k8s.io`);
  await eventually("the CRD is gone", async () => {
    return (await env.send("GET", `${crdsUrl}/leases.coordination.k8s.io`)).code === 404;
  });
  expect((await env.send("GET", `${leases}/l`)).code).toBe(200);
});

test("a new storage version is noted, and cannot be dropped before it is taken off", async () => {
  await using env = await openTestApp();
  const two = crd("sizes", "Size") as {
    metadata: object;
    spec: { versions: Record<string, unknown>[] };
  };
  const made = await env.send("POST", crdsUrl, two);
  const [v1] = two.spec.versions;
  const v2 = { ...v1, name: "v2", storage: true };
  const put = (versions: readonly unknown[], from: object): ReturnType<TestApp["send"]> =>
    env.send("PUT", `${crdsUrl}/sizes.${group}`, {
      ...from,
      spec: { ...(from as typeof two).spec, versions },
    });
  await env.send("POST", sizesUrl, size("old"));
  const both = await put([{ ...v1, storage: false }, v2], made.body);
  expect(statusOf(both).storedVersions).toEqual(["v1", "v2"]);
  const seen = await env.send("GET", `/apis/${group}/v2/namespaces/default/sizes/old`);
  expect(seen.body).toMatchObject({ apiVersion: `${group}/v2`, spec: { n: 1 } });
  const dropped = await put([v2], both.body);
  expect(dropped.code).toBe(422);
  expect(dropped.body["message"]).toContain(
    'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version',
  );
  const migrated = await env.send(
    "PATCH",
    `${crdsUrl}/sizes.${group}/status`,
    { status: { storedVersions: ["v2"] } },
    {
      type: "application/merge-patch+json",
    },
  );
  expect(migrated.code).toBe(200);
  expect((await put([v2], migrated.body)).code).toBe(200);
  expect((await env.send("GET", `/apis/${group}/v1/namespaces/default/sizes`)).code).toBe(404);
});
