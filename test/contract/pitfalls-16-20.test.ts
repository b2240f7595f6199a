import { expect } from "vitest";
import { apps, createApp, createMap, maps, patchTypes, seen } from "./kit/objects.ts";
import { pitfall } from "./kit/pitfall.ts";
import type { Json, RawAnswer, RawClient } from "./kit/raw.ts";

const apply = (raw: RawClient, path: string, query: string, body: Json): Promise<RawAnswer> =>
  raw.send("PATCH", `${path}?fieldManager=${query}`, { body, headers: patchTypes.apply });

pitfall(16, "finalizers hold, and a DELETE says whose end it is", async ({ raw, namespace }) => {
  const { metadata } = await createMap(raw, namespace, "free");
  const gone = await raw.send("DELETE", `${maps(namespace)}/free`, {
    body: { propagationPolicy: "Background" },
  });
  expect([gone.code, gone.body]).toMatchObject([
    200,
    {
      kind: "Status",
      status: "Success",
      details: { name: "free", kind: "configmaps", uid: metadata.uid },
    },
  ]);
  await createMap(raw, namespace, "held", { finalizers: ["example.com/hold"] });
  const path = `${maps(namespace)}/held`;
  const held = await raw.send("DELETE", path);
  expect([held.code, held.body]).toMatchObject([
    200,
    {
      kind: "ConfigMap",
      metadata: { deletionTimestamp: expect.any(String), finalizers: ["example.com/hold"] },
    },
  ]);
  expect((await raw.send("GET", path)).code).toBe(200);
  const free = await raw.send("PATCH", path, {
    body: { metadata: { finalizers: [] } },
    headers: patchTypes.merge,
  });
  expect(free.code).toBe(200);
  expect((await raw.send("GET", path)).code).toBe(404);
  await createMap(raw, namespace, "owner", { finalizers: ["example.com/hold"] });
  const foreground = await raw.send("DELETE", `${maps(namespace)}/owner`, {
    body: { propagationPolicy: "Foreground" },
  });
  expect(seen(foreground.body).metadata.finalizers).toContain("foregroundDeletion");
  await raw.send("PATCH", `${maps(namespace)}/owner`, {
    body: { metadata: { finalizers: null } },
    headers: patchTypes.merge,
  });
  const guarded = await createMap(raw, namespace, "guarded");
  const other = await raw.send("DELETE", `${maps(namespace)}/guarded`, {
    body: { preconditions: { uid: "other" } },
  });
  expect([other.code, other.body["reason"]]).toEqual([409, "Conflict"]);
  const right = {
    preconditions: { uid: guarded.metadata.uid, resourceVersion: guarded.metadata.resourceVersion },
  };
  expect((await raw.send("DELETE", `${maps(namespace)}/guarded`, { body: right })).code).toBe(200);
  const both = await raw.send("DELETE", `${maps(namespace)}/none`, {
    body: { propagationPolicy: "Sideways" },
  });
  expect([both.code, both.body["reason"]]).toEqual([422, "Invalid"]);
});

pitfall(
  17,
  "server-side apply owns fields: it merges by key, removes, and conflicts",
  async ({ raw, namespace }) => {
    const pods = `/api/v1/namespaces/${namespace}/pods/p`;
    const pod = (containers: readonly Json[], metadata: Json = {}): Json => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", ...metadata },
      spec: { containers },
    });
    const first = await apply(
      raw,
      pods,
      "alice&force=true",
      pod(
        [
          { name: "web", image: "web:1" },
          { name: "side", image: "side:1" },
        ],
        { labels: { a: "1", b: "1" } },
      ),
    );
    expect(first.code).toBe(201);
    const owners = async (): Promise<readonly string[]> =>
      (seen((await raw.send("GET", pods)).body).metadata.managedFields ?? []).map(
        ({ manager, operation }) => `${manager} ${operation}`,
      );
    expect(await owners()).toEqual(["alice Apply"]);
    const conflict = await apply(raw, pods, "bob", pod([{ name: "side", image: "side:2" }]));
    expect([conflict.code, conflict.body]).toMatchObject([
      409,
      {
        reason: "Conflict",
        message:
          'Apply failed with 1 conflict: conflict with "alice": .spec.containers[name="side"].image',
        details: {
          causes: [
            { reason: "FieldManagerConflict", field: '.spec.containers[name="side"].image' },
          ],
        },
      },
    ]);
    const forced = await apply(
      raw,
      pods,
      "bob&force=true",
      pod([{ name: "side", image: "side:2" }]),
    );
    expect(forced.body["spec"]).toMatchObject({
      containers: [
        { name: "web", image: "web:1" },
        { name: "side", image: "side:2" },
      ],
    });
    const less = await apply(
      raw,
      pods,
      "alice&dryRun=All",
      pod([{ name: "web", image: "web:1" }], { labels: { a: "1" } }),
    );
    expect([less.code, less.body["metadata"]]).toMatchObject([200, { labels: { a: "1" } }]);
    expect(seen(less.body).metadata).not.toHaveProperty("labels.b");
    const { resourceVersion } = seen(less.body).metadata;
    const dry = await apply(
      raw,
      pods,
      "alice&dryRun=All",
      pod([{ name: "web", image: "web:9" }], { labels: { a: "1" } }),
    );
    expect(dry.body["spec"]).toMatchObject({ containers: [{ image: "web:9" }, {}] });
    const live = await raw.send("GET", pods);
    expect(seen(live.body).metadata.resourceVersion).toBe(resourceVersion);
    const owned = await apply(raw, pods, "alice", pod([], { managedFields: [{}] }));
    expect([owned.code, owned.body["message"]]).toEqual([
      400,
      expect.stringContaining("metadata.managedFields must be nil"),
    ]);
  },
);

pitfall(18, "a write that changes nothing is none", async ({ raw, namespace }) => {
  await createApp(raw, namespace, "web");
  const path = `${apps(namespace)}/web`;
  await raw.send("PATCH", `${path}/status`, {
    body: { status: { ready: "1/2" } },
    headers: patchTypes.merge,
  });
  const applied = {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name: "web", labels: { a: "b" } },
  };
  await apply(raw, path, "t", applied);
  const live = (await raw.send("GET", path)).body;
  const { resourceVersion } = seen(live).metadata;
  using watch = await raw.stream(`${apps(namespace)}?watch=1&resourceVersion=${resourceVersion}`);
  const writes: readonly (readonly [string, Promise<RawAnswer>])[] = [
    ["PUT", raw.send("PUT", path, { body: live })],
    [
      "merge patch",
      raw.send("PATCH", path, { body: { spec: { replicas: 2 } }, headers: patchTypes.merge }),
    ],
    [
      "JSON patch",
      raw.send("PATCH", path, {
        body: [{ op: "replace", path: "/spec/replicas", value: 2 }],
        headers: patchTypes.json,
      }),
    ],
    [
      "status",
      raw.send("PATCH", `${path}/status`, {
        body: { status: { ready: "1/2" } },
        headers: patchTypes.merge,
      }),
    ],
    ["apply", apply(raw, path, "t", applied)],
    [
      "scale",
      raw.send("PATCH", `${path}/scale`, {
        body: { spec: { replicas: 2 } },
        headers: patchTypes.merge,
      }),
    ],
  ];
  for (const [what, write] of writes) {
    const { code, body } = await write;
    expect([what, code, seen(body).metadata.resourceVersion]).toEqual([what, 200, resourceVersion]);
  }
  await raw.send("DELETE", path);
  expect((await watch.next())?.type).toBe("DELETED");
});

pitfall(
  19,
  "pages are of one revision: nothing skipped, nothing twice",
  async ({ raw, namespace }) => {
    const secrets = `/api/v1/namespaces/${namespace}/secrets`;
    const create = (name: string) => raw.send("POST", secrets, { body: { metadata: { name } } });
    for (const name of ["b", "d", "f", "h"]) await create(name);
    const read = async (
      token = "",
    ): Promise<{
      readonly names: string;
      readonly at: string;
      readonly next: string;
      readonly left: unknown;
    }> => {
      const { body } = await raw.send(
        "GET",
        `${secrets}?limit=2${token && `&continue=${encodeURIComponent(token)}`}&labelSelector=`,
      );
      const { metadata } = seen(body);
      const items = body["items"] as readonly { readonly metadata: { readonly name: string } }[];
      return {
        names: items.map((one) => one.metadata.name).join(),
        at: metadata.resourceVersion,
        next: metadata.continue ?? "",
        left: (body["metadata"] as Json)["remainingItemCount"],
      };
    };
    const first = await read();
    expect([first.names, first.left]).toEqual(["b,d", 2]);
    await create("a");
    await create("g");
    await raw.send("DELETE", `${secrets}/h`);
    const second = await read(first.next);
    expect(second).toMatchObject({ names: "f,h", at: first.at, next: "" });
    using watch = await raw.stream(`${secrets}?watch=1&limit=1&resourceVersion=0&timeoutSeconds=5`);
    const names = new Set<string>();
    while (names.size < 5) names.add(seen((await watch.next())?.object ?? {}).metadata.name);
    expect([...names].toSorted()).toEqual(["a", "b", "d", "f", "g"]);
    const forged = Buffer.from(
      JSON.stringify({ v: "meta.k8s.io/v1", rv: Number(first.at), start: "../../configmaps/x" }),
    ).toString("base64url");
    expect((await raw.send("GET", `${secrets}?limit=2&continue=${forged}`)).code).toBe(400);
    const mixed = await raw.send(
      "GET",
      `${secrets}?limit=2&continue=${encodeURIComponent(first.next)}&resourceVersion=${first.at}`,
    );
    expect(mixed.code).toBe(400);
  },
);

pitfall(
  20,
  "booleans, long names, slashes and bodies of a megabyte are taken",
  async ({ raw, namespace }) => {
    await createMap(raw, namespace, "m");
    for (const yes of ["True", "TRUE", "1", "t", ""]) {
      using stream = await raw.stream(`${maps(namespace)}?watch=${yes}&timeoutSeconds=2`);
      expect([yes, (await stream.next())?.type]).toEqual([yes, "ADDED"]);
    }
    for (const no of ["False", "0", "false"]) {
      const { body } = await raw.send(
        "GET",
        `${maps(namespace)}?watch=${no}&pretty=true&unknown=x&timeout=32s`,
      );
      expect(body["kind"]).toBe("ConfigMapList");
    }
    const long = `${"x".repeat(200)}.${"y".repeat(52)}`;
    await createMap(raw, namespace, long);
    expect((await raw.send("GET", `${maps(namespace)}/${long}`)).code).toBe(200);
    expect((await raw.send("GET", `${maps(namespace)}/`)).code).toBe(200);
    expect((await raw.send("GET", "/apis/")).code).toBe(200);
    const big = { metadata: { name: "big" }, data: { a: "x".repeat(1_040_000) } };
    expect((await raw.send("POST", maps(namespace), { body: big })).code).toBe(201);
    const bigger = { metadata: { name: "bigger" }, data: { a: "x".repeat(3_300_000) } };
    const refused = await raw.send("POST", maps(namespace), { body: bigger });
    expect([refused.code, refused.body]).toMatchObject([
      413,
      { kind: "Status", reason: "RequestEntityTooLarge" },
    ]);
    const colon = await raw.send(
      "GET",
      "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anone",
    );
    expect(colon.body).toMatchObject({ reason: "NotFound", details: { name: "system:none" } });
    const bare = await raw.send("DELETE", `${maps(namespace)}/big`, {
      headers: { "content-type": "application/json" },
    });
    expect(bare.code).toBe(200);
  },
);
