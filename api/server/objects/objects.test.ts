import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const apps = "/apis/lighthouse.dev/v1/namespaces/default/applications";
const maps = "/api/v1/namespaces/default/configmaps";
const merge = { type: "application/merge-patch+json" };
const json = { type: "application/json-patch+json" };

const application = (name: string, over: object = {}): JsonObject => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name },
  spec: {
    replicas: 1,
    template: { spec: { containers: [{ name: "web", image: "registry.example/web:1" }] } },
  },
  ...over,
});
const configMap = (name: string, over: object = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  ...over,
});
const specOf = (object: JsonObject): JsonObject => object["spec"] as JsonObject;
const causesOf = (status: JsonObject): unknown => (status["details"] as JsonObject)["causes"];
const head = async (): Promise<number> => (await server.store.head()).revision;

describe("create", () => {
  test("stamps what only the server knows and fills in defaults", async () => {
    const { code, body } = await server.send("POST", apps, application("stamped"));
    expect(code).toBe(201);
    expect(metaOf(body)).toMatchObject({
      name: "stamped",
      namespace: "default",
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      resourceVersion: String(await head()),
    });
    expect(specOf(body)).toMatchObject({ runState: "Running", revisionHistoryLimit: 10 });
  });

  test("drops a status that comes along", async () => {
    const sent = application("no-status", { status: { replicas: 7 } });
    const { body } = await server.send("POST", apps, sent);
    expect(body["status"]).toBeUndefined();
  });

  test("generates a name that keeps its beginning", async () => {
    const sent = configMap("", { metadata: { generateName: "gen-" } });
    const { code, body } = await server.send("POST", maps, sent);
    expect([code, metaOf(body).name]).toEqual([201, expect.stringMatching(/^gen-[a-z0-9]{5}$/)]);
  });

  test.each([
    ["the same name twice", configMap("twice"), 409, "AlreadyExists"],
    [
      "a resourceVersion",
      configMap("rv", { metadata: { name: "rv", resourceVersion: "1" } }),
      400,
      "BadRequest",
    ],
    [
      "another namespace",
      configMap("x", { metadata: { name: "x", namespace: "other" } }),
      400,
      "BadRequest",
    ],
    ["another kind", { ...configMap("x"), kind: "Secret" }, 400, "BadRequest"],
    ["another version", { ...configMap("x"), apiVersion: "v2" }, 400, "BadRequest"],
    ["a bad name", configMap("Bad_Name"), 422, "Invalid"],
    ["no name", configMap("", { metadata: {} }), 422, "Invalid"],
    [
      "a bad label",
      configMap("x", { metadata: { name: "x", labels: { "a b": "c" } } }),
      422,
      "Invalid",
    ],
    [
      "a label that is no string",
      configMap("x", { metadata: { name: "x", labels: { a: 1 } } }),
      400,
      "BadRequest",
    ],
    ["a field of the wrong type", configMap("x", { data: "text" }), 400, "BadRequest"],
    ["no JSON", "{", 400, "BadRequest"],
    ["an array", [], 400, "BadRequest"],
    ["nothing", "", 400, "BadRequest"],
    ["a prototype", '{"__proto__":{}}', 400, "BadRequest"],
  ])("refuses %s", async (_what, sent, code, reason) => {
    await server.send("POST", maps, configMap("twice"));
    const answer = await server.send("POST", maps, sent);
    expect([answer.code, answer.body["kind"], answer.body["reason"]]).toEqual([
      code,
      "Status",
      reason,
    ]);
  });

  test("refuses a namespace that does not exist, or that is about to go", async () => {
    const gone = await server.send("POST", maps.replace("default", "nowhere"), configMap("x"));
    expect([gone.code, gone.body["message"]]).toEqual([404, 'namespaces "nowhere" not found']);
    await server.send("POST", "/api/v1/namespaces", { metadata: { name: "ending" } });
    await server.send("DELETE", "/api/v1/namespaces/ending");
    const late = await server.send("POST", maps.replace("default", "ending"), configMap("x"));
    expect(late.code).toBe(403);
    expect(causesOf(late.body)).toMatchObject([{ reason: "NamespaceTerminating" }]);
  });

  test("reads YAML 1.1, and a missing Content-Type as JSON", async () => {
    const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-yaml}\nimmutable: no\n";
    const made = await server.send("POST", maps, yaml, { type: "application/yaml" });
    expect([made.code, made.body["immutable"]]).toEqual([201, false]);
    const bare = await server.send("POST", maps, JSON.stringify(configMap("bare")));
    expect(bare.code).toBe(201);
  });

  test("answers 415 with the types it reads", async () => {
    const answer = await server.send("POST", maps, "x", { type: "text/plain" });
    expect([answer.code, answer.body["reason"]]).toEqual([415, "UnsupportedMediaType"]);
    expect(answer.body["message"]).toContain("application/json");
  });

  test("answers 413 with a Status above 3 MiB", async () => {
    const { code, body } = await server.send("POST", maps, `{"a":"${"x".repeat(3 << 20)}"}`);
    expect([code, body["reason"]]).toEqual([413, "RequestEntityTooLarge"]);
  });

  test("a dry run answers in full and stores nothing", async () => {
    const before = await head();
    const { code, body } = await server.send("POST", `${maps}?dryRun=All`, configMap("dry"));
    expect([code, metaOf(body).resourceVersion]).toEqual([201, undefined]);
    expect(await head()).toBe(before);
    expect((await server.send("GET", `${maps}/dry`)).code).toBe(404);
    const bad = await server.send("POST", `${maps}?dryRun=Some`, configMap("dry"));
    expect(bad.code).toBe(400);
  });
});

describe("field validation", () => {
  const sent = '{"metadata":{"name":"fields","bogus":1},"dta":{},"data":{"a":"1","a":"2"}}';
  const problems = [
    'unknown field "metadata.bogus"',
    'unknown field "dta"',
    'duplicate field "data.a"',
  ];

  test("Strict refuses unknown and duplicate fields", async () => {
    const { code, body } = await server.send("POST", `${maps}?fieldValidation=Strict`, sent);
    expect(code).toBe(400);
    expect(body["message"]).toContain(`strict decoding error: ${problems.join(", ")}`);
  });

  test("Warn, the default, drops them and says so in headers", async () => {
    const { code, headers, body } = await server.send("POST", maps, sent);
    expect([code, body["dta"]]).toEqual([201, undefined]);
    const quoted = problems.map((text) => `299 - "${text.replaceAll('"', '\\"')}"`);
    expect(headers["warning"]).toEqual(quoted);
  });

  test("Ignore drops them silently, and other words are refused", async () => {
    const url = `${maps}?dryRun=All&fieldValidation=`;
    const { code, headers } = await server.send(
      "POST",
      `${url}Ignore`,
      sent.replace("fields", "f2"),
    );
    expect([code, headers["warning"]]).toEqual([201, undefined]);
    expect((await server.send("POST", `${url}Loose`, sent)).code).toBe(400);
  });
});

describe("update", () => {
  test("a built-in kind may be replaced without a resourceVersion, a custom one may not", async () => {
    await server.send("POST", maps, configMap("free"));
    const free = await server.send("PUT", `${maps}/free`, configMap("free", { data: { a: "1" } }));
    expect([free.code, free.body["data"]]).toEqual([200, { a: "1" }]);
    await server.send("POST", apps, application("bound"));
    const bound = await server.send("PUT", `${apps}/bound`, application("bound"));
    expect(bound.code).toBe(422);
    expect(causesOf(bound.body)).toMatchObject([{ field: "metadata.resourceVersion" }]);
  });

  test.each([
    ["an old resourceVersion", { resourceVersion: "1" }, 409, "the object has been modified"],
    ["another uid", { uid: "x" }, 409, "Precondition failed"],
    ["another name", { name: "other" }, 400, "does not match the name on the URL"],
  ])("PUT refuses %s", async (_what, over, code, words) => {
    await server.send("POST", maps, configMap("put"));
    const sent = configMap("put", { metadata: { name: "put", ...over } });
    const answer = await server.send("PUT", `${maps}/put`, sent);
    expect([answer.code, answer.body["message"]]).toEqual([code, expect.stringContaining(words)]);
  });

  test("PUT never creates", async () => {
    expect((await server.send("PUT", `${maps}/absent`, configMap("absent"))).code).toBe(404);
  });

  test("what changes nothing is not written", async () => {
    const { body } = await server.send("POST", apps, application("noop"));
    const before = await head();
    const again = await server.send("PUT", `${apps}/noop`, body);
    const reordered = Object.fromEntries(Object.entries(body).reverse());
    await server.send("PUT", `${apps}/noop`, reordered);
    await server.send("PATCH", `${apps}/noop`, { spec: { replicas: 1 } }, merge);
    await server.send("PATCH", `${apps}/noop/status`, {}, merge);
    expect(await head()).toBe(before);
    expect(metaOf(again.body).resourceVersion).toBe(metaOf(body).resourceVersion);
  });

  test("generation counts changes of the spec alone, and nobody else may set it", async () => {
    await server.send("POST", apps, application("counted"));
    const generations: unknown[] = [];
    for (const [url, patch] of [
      ["", { metadata: { labels: { a: "b" } } }],
      ["/status", { status: { replicas: 1 } }],
      ["", { metadata: { generation: 40 } }],
      ["", { status: { replicas: 5 } }],
      ["", { spec: { replicas: 2 } }],
    ] as const) {
      const { body } = await server.send("PATCH", `${apps}/counted${url}`, patch, merge);
      generations.push(metaOf(body).generation);
    }
    expect(generations).toEqual([1, 1, 1, 1, 2]);
  });

  test("each endpoint writes its own part only", async () => {
    const { body } = await server.send("POST", apps, application("parts"));
    const both = { ...body, spec: { ...specOf(body), replicas: 9 }, status: { replicas: 9 } };
    const status = await server.send("PUT", `${apps}/parts/status`, both);
    expect([specOf(status.body)["replicas"], status.body["status"]]).toEqual([1, { replicas: 9 }]);
    const sent = { ...status.body, spec: { ...specOf(body), replicas: 3 }, status: {} };
    const spec = await server.send("PUT", `${apps}/parts`, sent);
    expect([specOf(spec.body)["replicas"], spec.body["status"]]).toEqual([3, { replicas: 9 }]);
  });

  test("identity and times of an object stay", async () => {
    const { body } = await server.send("POST", maps, configMap("stays"));
    const metadata = {
      name: "stays",
      creationTimestamp: "2001-01-01T00:00:00Z",
      deletionTimestamp: "2001-01-01T00:00:00Z",
    };
    const put = await server.send("PUT", `${maps}/stays`, configMap("stays", { metadata }));
    expect(metaOf(put.body)).toEqual(metaOf(body));
  });

  test("an invalid change names every wrong field", async () => {
    await server.send("POST", apps, application("wrong"));
    const patch = { spec: { replicas: -1, runState: "Sleeping" } };
    const { code, body } = await server.send("PATCH", `${apps}/wrong`, patch, merge);
    expect([code, body["reason"]]).toEqual([422, "Invalid"]);
    expect(body["details"]).toMatchObject({
      name: "wrong",
      group: "lighthouse.dev",
      kind: "Application",
    });
    const fields = (causesOf(body) as readonly JsonObject[]).map(({ field }) => field);
    expect(new Set(fields)).toEqual(new Set(["spec.replicas", "spec.runState"]));
  });

  test("64 patches at once are all kept", async () => {
    await server.send("POST", maps, configMap("race"));
    const keys = Array.from({ length: 64 }, (_, index) => `k${index}`);
    const codes = await Promise.all(
      keys.map(async (key) => {
        let answer = await server.send("PATCH", `${maps}/race`, { data: { [key]: "1" } }, merge);
        // After many lost races the server gives the conflict to its client.
        while (answer.code === 409) {
          answer = await server.send("PATCH", `${maps}/race`, { data: { [key]: "1" } }, merge);
        }
        return answer.code;
      }),
    );
    expect(new Set(codes)).toEqual(new Set([200]));
    const { body } = await server.send("GET", `${maps}/race`);
    expect(Object.keys(body["data"] as object).toSorted()).toEqual(keys.toSorted());
  });
});

describe("patch", () => {
  test("JSON patch applies in order; a failed test is Invalid", async () => {
    await server.send("POST", maps, configMap("jp", { data: { a: "1" } }));
    const ops = [
      { op: "test", path: "/data/a", value: "1" },
      { op: "add", path: "/data/b", value: "2" },
    ];
    const done = await server.send("PATCH", `${maps}/jp`, ops, json);
    expect([done.code, done.body["data"]]).toEqual([200, { a: "1", b: "2" }]);
    const wrong = [{ op: "test", path: "/data/a", value: "9" }];
    const failed = await server.send("PATCH", `${maps}/jp`, wrong, json);
    expect([failed.code, failed.body["reason"]]).toEqual([422, "Invalid"]);
  });

  test("strategic patch merges by key, and is refused for custom kinds", async () => {
    const pods = "/api/v1/namespaces/default/pods";
    const strategic = { type: "application/strategic-merge-patch+json" };
    const spec = {
      containers: [
        { name: "a", image: "a:1" },
        { name: "b", image: "b:1" },
      ],
    };
    await server.send("POST", pods, { metadata: { name: "sp" }, spec });
    const patch = { spec: { containers: [{ name: "b", image: "b:2" }] } };
    const { code, body } = await server.send("PATCH", `${pods}/sp`, patch, strategic);
    expect(code).toBe(200);
    expect(specOf(body)["containers"]).toMatchObject([{ image: "a:1" }, { image: "b:2" }]);
    await server.send("POST", apps, application("no-strategic"));
    const refused = await server.send("PATCH", `${apps}/no-strategic`, {}, strategic);
    expect(refused.code).toBe(415);
    expect(refused.body["message"]).toContain("application/merge-patch+json");
  });

  test("a patch that names a resourceVersion is not repeated", async () => {
    await server.send("POST", maps, configMap("versioned"));
    const patch = { metadata: { resourceVersion: "1" }, data: { a: "1" } };
    expect((await server.send("PATCH", `${maps}/versioned`, patch, merge)).code).toBe(409);
  });

  test.each([
    ["a rename", { metadata: { name: "other" } }, 400],
    ["a move", { metadata: { namespace: "other" } }, 400],
    ["another uid", { metadata: { uid: "other" } }, 422],
    ["another kind", { kind: "Secret" }, 400],
    ["no object", [], 400],
  ])("refuses %s", async (_what, patch, code) => {
    await server.send("POST", maps, configMap("fixed"));
    expect((await server.send("PATCH", `${maps}/fixed`, patch, merge)).code).toBe(code);
  });
});

describe("scale", () => {
  test("shows and writes the replica count alone", async () => {
    await server.send("POST", apps, application("scaled"));
    await server.send(
      "PATCH",
      `${apps}/scaled/status`,
      { status: { replicas: 1, selector: "a=b" } },
      merge,
    );
    const shown = await server.send("GET", `${apps}/scaled/scale`);
    expect(shown.body).toMatchObject({
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      spec: { replicas: 1 },
      status: { replicas: 1, selector: "a=b" },
    });
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const table = await server.send("GET", `${apps}/scaled/scale`, undefined, { accept });
    expect(table.body["rows"]).toMatchObject([{ cells: ["scaled", 1, 1, "0s"] }]);
    const sent = { ...shown.body, spec: { replicas: 4 } };
    const put = await server.send("PUT", `${apps}/scaled/scale`, JSON.stringify(sent));
    expect([put.code, specOf(put.body)["replicas"]]).toEqual([200, 4]);
    const { body } = await server.send("GET", `${apps}/scaled`);
    expect([specOf(body)["replicas"], metaOf(body).generation]).toEqual([4, 2]);
    expect((await server.send("PUT", `${apps}/scaled/scale`, sent)).code).toBe(409);
  });

  test.each([-1, 2 ** 31, 1.5, "3"])("refuses %j replicas", async (replicas) => {
    await server.send("POST", apps, application("bad-scale"));
    const answer = await server.send(
      "PATCH",
      `${apps}/bad-scale/scale`,
      { spec: { replicas } },
      merge,
    );
    expect([answer.code, answer.body["reason"]]).toEqual([422, "Invalid"]);
  });
});
