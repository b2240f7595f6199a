import Fastify from "fastify";
import { describe, expect, test } from "vitest";
import { requestInfo } from "../objects/request-info.ts";
import { openAuditing } from "./audit.ts";
import { type AuditPolicy, defaultPolicy, parsePolicy, verdictOf } from "./policy.ts";

const ann = { name: "ann", groups: ["devs", "system:authenticated"] };
const pods = "/api/v1/namespaces/shop/pods";
const header = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
const brief = `${header}omitStages: [RequestReceived]\n`;
const levelIn = (policy: AuditPolicy, method: string, url: string): string =>
  verdictOf(policy, ann, requestInfo(method, url)).level;

describe("verdictOf()", () => {
  test.each([
    ["POST", pods, "Metadata"],
    ["DELETE", `${pods}/a`, "Metadata"],
    ["GET", pods, "Metadata"],
    ["GET", `${pods}?watch=1`, "Metadata"],
    ["GET", "/api/v1/namespaces/shop/secrets/key", "Metadata"],
    ["GET", `${pods}/a/exec`, "Metadata"],
    ["PUT", "/apis/coordination.k8s.io/v1/namespaces/shop/leases/a", "Metadata"],
    ["POST", "/api/v1/namespaces/shop/events", "Metadata"],
    ["POST", "/auth/login", "Metadata"],
    ["GET", "/livez", "None"],
    ["POST", "/nowhere", "Metadata"],
  ])("%s %s is recorded by default as %s", (method, url, want) => {
    expect(levelIn(defaultPolicy, method, url)).toBe(want);
  });

  test.each([
    ["GET", pods, "None"],
    ["GET", `${pods}?watch=1`, "None"],
    ["PUT", "/apis/coordination.k8s.io/v1/namespaces/shop/leases/a", "None"],
    ["PATCH", `${pods}/a/status`, "None"],
    ["PATCH", "/apis/lighthouse.dev/v1/beacons/a/status", "None"],
    ["POST", "/api/v1/namespaces/shop/events", "None"],
    ["GET", "/api/v1/namespaces/shop/secrets/key", "Metadata"],
    ["POST", pods, "Metadata"],
  ])("%s %s of our own parts is recorded by default as %s", (method, url, want) => {
    const agent = { name: "system:beacon:a", groups: ["system:beacons", "system:authenticated"] };
    expect(verdictOf(defaultPolicy, agent, requestInfo(method, url)).level).toBe(want);
  });

  test.each([
    ["the first rule counts", "- level: None\n- level: Metadata", "None"],
    ["by user", "- level: Request\n  users: [ann]\n- level: None", "Request"],
    ["by another user", "- level: Request\n  users: [bob]\n- level: None", "None"],
    ["by group", "- level: Request\n  userGroups: [devs]", "Request"],
    ["by verb", "- level: Request\n  verbs: [create, patch]", "Request"],
    ["by namespace", "- level: Request\n  namespaces: [other]", "None"],
    ["by group of API", '- level: Request\n  resources: [{group: ""}]', "Request"],
    [
      "by resource",
      '- level: Request\n  resources: [{group: "", resources: [nodes, pods]}]',
      "Request",
    ],
    ["not by a subresource", '- level: Request\n  resources: [{resources: ["pods/log"]}]', "None"],
    ["by name", "- level: Request\n  resources: [{resources: [pods], resourceNames: [b]}]", "None"],
    ["not by path", '- level: Request\n  nonResourceURLs: ["/api*"]', "None"],
    ["no rule that matches", "- level: Request\n  verbs: [delete]", "None"],
  ])("%s", (_why, rules, want) => {
    expect(levelIn(parsePolicy(`${header}rules:\n${rules}`), "POST", pods)).toBe(want);
  });

  test("paths that are no resources are matched with a star at the end", () => {
    const policy = parsePolicy(
      `${header}rules:\n- level: Metadata\n  nonResourceURLs: ["/health*"]`,
    );
    expect([levelIn(policy, "GET", "/healthz/ping"), levelIn(policy, "GET", "/livez")]).toEqual([
      "Metadata",
      "None",
    ]);
  });

  test("bodies that are credentials are never recorded", () => {
    const policy = parsePolicy(`${header}rules:\n- level: RequestResponse`);
    for (const url of [
      "/api/v1/namespaces/shop/secrets",
      "/api/v1/namespaces/shop/serviceaccounts/a/token",
      "/apis/authentication.k8s.io/v1/tokenreviews",
      "/apis/lighthouse.dev/v1/users/ann/password",
      "/auth/login",
      "/auth/refresh",
      "/api/v1/nodes/a/proxy/containers/create",
    ]) {
      expect(levelIn(policy, "POST", url)).toBe("Metadata");
    }
  });
});

test.each([
  ["another kind", "apiVersion: v1\nkind: Pod\nrules: [{level: None}]"],
  ["an unknown level", `${header}rules: [{level: All}]`],
  ["an unknown field", `${header}rules: [{level: None, user: ann}]`],
  ["no rules", header],
  ["no YAML", "{"],
])("parsePolicy() refuses %s", (_what, text) => {
  expect(() => parsePolicy(text)).toThrow(/^Cannot (read|use) the audit policy/);
});

describe("openAuditing()", () => {
  async function linesOf(policy: AuditPolicy, urls: readonly string[]): Promise<readonly object[]> {
    const lines: string[] = [];
    const app = Fastify();
    app.addHook("onRequest", async (request, { raw }) => {
      request.info = requestInfo(request.method, request.url);
      request.user = { ...ann, actor: { name: "root", groups: [] } };
      raw.setHeader("audit-id", "id-1");
    });
    const clock = { nowMs: () => 1_700_000_000_000 };
    const write = (line: string): boolean => lines.push(line) > 0;
    const log = { write, record: async (line: string) => write(line), failing: false };
    openAuditing({ policy, log, clock }).serve(app);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) =>
      done(null, body),
    );
    app.post("/api/*", (_request, reply) => reply.code(201).send('{"made":true}'));
    app.get("/api/*", () => "streamed");
    for (const url of urls) {
      const method = url.includes("watch") ? "GET" : "POST";
      const payload = method === "POST" ? { payload: '{"sent":true}' } : {};
      const type = { "content-type": "application/json", "user-agent": "test/1" };
      await app.inject({ method, url, headers: type, ...payload });
    }
    await app.close();
    return lines.map((line) => JSON.parse(line) as object);
  }

  test("writes one event with who, what and the outcome, and both bodies where asked", async () => {
    const policy = parsePolicy(`${brief}rules:\n- level: RequestResponse`);
    const [event, ...more] = await linesOf(policy, [`${pods}?dryRun=All`]);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: "RequestResponse",
      auditID: "id-1",
      stage: "ResponseComplete",
      requestURI: `${pods}?dryRun=All`,
      verb: "create",
      user: { username: "root" },
      impersonatedUser: { username: "ann", groups: ann.groups },
      userAgent: "test/1",
      objectRef: { resource: "pods", namespace: "shop", apiVersion: "v1" },
      responseStatus: { code: 201 },
      requestObject: { sent: true },
      responseObject: { made: true },
      requestReceivedTimestamp: "2023-11-14T22:13:20.000000Z",
    });
  });

  test("leaves bodies out where they are not asked for, or are secret", async () => {
    const metadata = await linesOf(defaultPolicy, [pods]);
    const all = parsePolicy(`${brief}rules:\n- level: RequestResponse`);
    const secrets = await linesOf(all, ["/api/v1/namespaces/shop/secrets"]);
    for (const events of [metadata, secrets]) {
      expect(events).toHaveLength(1);
      expect(JSON.stringify(events)).not.toMatch(/sent|made/);
    }
  });

  test("what lasts is recorded when it begins too, unless the policy omits that", async () => {
    const policy = parsePolicy(`${header}rules:\n- level: Metadata`);
    const stages = (await linesOf(policy, [`${pods}?watch=1`])).map(
      (event) => (event as { readonly stage: string }).stage,
    );
    expect(stages).toEqual(["RequestReceived", "ResponseStarted", "ResponseComplete"]);
    const omit = parsePolicy(
      `${header}omitStages: [RequestReceived, ResponseStarted]\nrules:\n- level: Metadata`,
    );
    expect(await linesOf(omit, [`${pods}?watch=1`])).toHaveLength(1);
  });
});
