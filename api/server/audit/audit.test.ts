import { mkdtemp, readFile, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { requestInfo } from "../objects/request-info.ts";
import { auditRequests } from "./audit.ts";
import { openAuditLog } from "./audit-log.ts";
import { type AuditPolicy, defaultPolicy, parsePolicy, verdictOf } from "./policy.ts";

const ann = { name: "ann", groups: ["devs", "system:authenticated"] };
const pods = "/api/v1/namespaces/shop/pods";
const header = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
const levelIn = (policy: AuditPolicy, method: string, url: string): string =>
  verdictOf(policy, ann, requestInfo(method, url)).level;

describe("verdictOf()", () => {
  test.each([
    ["POST", pods, "Metadata"],
    ["DELETE", `${pods}/a`, "Metadata"],
    ["GET", pods, "None"],
    ["GET", `${pods}?watch=1`, "None"],
    ["GET", "/api/v1/namespaces/shop/secrets/key", "Metadata"],
    ["GET", `${pods}/a/exec`, "Metadata"],
    ["PUT", "/apis/coordination.k8s.io/v1/namespaces/shop/leases/a", "None"],
    ["POST", "/api/v1/namespaces/shop/events", "None"],
    ["GET", "/livez", "None"],
    ["POST", "/nowhere", "Metadata"],
  ])("%s %s is recorded by default as %s", (method, url, want) => {
    expect(levelIn(defaultPolicy, method, url)).toBe(want);
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

describe("auditRequests()", () => {
  async function linesOf(policy: AuditPolicy, urls: readonly string[]): Promise<readonly object[]> {
    const lines: string[] = [];
    const app = Fastify();
    app.addHook("onRequest", async (request, { raw }) => {
      request.info = requestInfo(request.method, request.url);
      request.user = { ...ann, actor: { name: "root", groups: [] } };
      raw.setHeader("audit-id", "id-1");
    });
    const clock = { nowMs: () => 1_700_000_000_000 };
    const log = { write: (line: string) => lines.push(line) > 0 };
    auditRequests(app, { policy, log, clock });
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
    const policy = parsePolicy(`${header}rules:\n- level: RequestResponse`);
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
    const all = parsePolicy(`${header}rules:\n- level: RequestResponse`);
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
    expect(stages).toEqual(["ResponseStarted", "ResponseComplete"]);
    const omit = parsePolicy(`${header}omitStages: [ResponseStarted]\nrules:\n- level: Metadata`);
    expect(await linesOf(omit, [`${pods}?watch=1`])).toHaveLength(1);
  });
});

describe("openAuditLog()", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "lighthouse-audit-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  test("keeps lines in order, for the owner alone, and goes on after a restart", async () => {
    const path = join(dir, "log", "audit.log");
    for (const part of ["a", "b"]) {
      await using log = await openAuditLog({ path });
      for (let i = 0; i < 3; i++) expect(log.write(`${part}${i}\n`)).toBe(true);
    }
    expect(await readFile(path, "utf8")).toBe("a0\na1\na2\nb0\nb1\nb2\n");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("sets full files aside and keeps only so many", async () => {
    const path = join(dir, "audit.log");
    const log = await openAuditLog({ path, maxFileBytes: 10, maxFiles: 2 });
    for (let i = 0; i < 6; i++) {
      const before = log.written;
      log.write(`line ${i}\n`);
      while (log.written === before) await new Promise((resolve) => setImmediate(resolve));
    }
    await log[Symbol.asyncDispose]();
    expect((await readdir(dir)).toSorted()).toEqual(["audit.log", "audit.log.1", "audit.log.2"]);
    expect(await readFile(`${path}.2`, "utf8")).toBe("line 3\n");
    expect(await readFile(path, "utf8")).toBe("line 5\n");
  });

  test("drops and counts what a slow disk cannot take", async () => {
    await using log = await openAuditLog({ path: join(dir, "audit.log"), maxQueueBytes: 20 });
    expect([log.write("0123456789\n"), log.write("0123456789\n"), log.dropped]).toEqual([
      true,
      false,
      1,
    ]);
  });
});
