import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { asUser, type Method, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { eventually } from "../../../test/kit/eventually.ts";
import { unavailable } from "../../machinery/errors.ts";
import type { NodeAnswer, NodeCall } from "../../tunnel/node-link.ts";
import type { PodStreams } from "../pods/pod-streams.ts";

const admin = { headers: asUser("root", "system:masters") };
const proxy = "/api/v1/nodes/n1/proxy";

/** What reached the agent, with the body that it was sent. */
type Got = NodeCall & { readonly text: string };

let server: TestApp;
let got: Got[] = [];
let answer: Partial<Omit<NodeAnswer, "body">> & { readonly text?: string } = {};

async function textOf(body: Readable | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body ?? []) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString();
}

async function grant(user: string, rule: object): Promise<void> {
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  const rules = [{ apiGroups: [""], ...rule }];
  await server.send("POST", `${rbac}/clusterroles`, { metadata: { name: user }, rules }, admin);
  const binding = {
    metadata: { name: user },
    roleRef: { kind: "ClusterRole", name: user },
    subjects: [{ kind: "User", name: user }],
  };
  await server.send("POST", `${rbac}/clusterrolebindings`, binding, admin);
}

beforeAll(async () => {
  server = await openTestApp({ guarded: true });
  for (const name of ["n1", "n2"])
    await server.send("POST", "/api/v1/nodes", { metadata: { name } }, admin);
  server.nodes.register("n1", {} as PodStreams, async (call) => {
    got.push({ ...call, text: await textOf(call.body) });
    const { text = "", status = 200, headers = {} } = answer;
    return { status, headers, body: Readable.from([Buffer.from(text)]) };
  });
  await grant("reader", {
    resources: ["nodes/docker-read"],
    verbs: ["get"],
    resourceNames: ["n1"],
  });
  await grant("writer", { resources: ["nodes/docker-write"], verbs: ["create"] });
  await grant("execer", { resources: ["nodes/docker-exec"], verbs: ["create"] });
  await grant("builder", { resources: ["nodes/docker-build"], verbs: ["create"] });
  await grant("overrider", { resources: ["nodes/docker-write"], verbs: ["create", "override"] });
  await grant("whole", { resources: ["nodes/proxy"], verbs: ["*"] });
  await grant("looker", { resources: ["nodes/proxy"], verbs: ["get"] });
  await grant("scraper", { resources: ["nodes/metrics"], verbs: ["get"] });
  await eventually("grants hold", async () => {
    return (await as("scraper", "GET", "/metrics/cadvisor")).code === 200;
  });
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  got = [];
  answer = {};
});

type Asked = ReturnType<TestApp["send"]>;
const as = (user: string, method: Method, path: string, body?: unknown): Asked =>
  server.send(method, `${proxy}${path}`, body, { headers: asUser(user) });

const calls: readonly (readonly [Method, string, unknown])[] = [
  ["GET", "/v1.41/containers/json", undefined],
  ["POST", "/v1.41/containers/create", { Image: "a" }],
  ["POST", "/v1.41/exec/a/start", { Detach: true }],
  ["POST", "/v1.41/build/prune", undefined],
];

test.each([
  ["nobody-special", []],
  ["reader", ["GET"]],
  ["writer", ["create"]],
  ["execer", ["exec"]],
  ["builder", ["build"]],
  ["looker", ["GET"]],
  ["whole", ["GET", "create", "exec", "build"]],
])("%s reaches the agent with %j alone", async (user, allowed) => {
  const names = ["GET", "create", "exec", "build"];
  const answers = await Promise.all(calls.map(async ([...call]) => as(user, ...call)));
  expect(answers.map(({ code }) => code)).toEqual(
    names.map((name) => (allowed.includes(name) ? 200 : 403)),
  );
  expect(got).toHaveLength(allowed.length); // not a byte of the others left the server
});

test("a grant by resourceNames holds for that Node alone", async () => {
  const url = "/api/v1/nodes/n2/proxy/v1.41/info";
  const { code, body } = await server.send("GET", url, undefined, { headers: asUser("reader") });
  expect([code, body["message"]]).toEqual([
    403,
    'nodes "n2" is forbidden: User "reader" cannot get resource "nodes/docker-read" in API group "" at the cluster scope',
  ]);
});

test("a Node that is no object is not found, whatever address it has", async () => {
  const url = "/api/v1/nodes/10.0.0.1/proxy/v1.41/info";
  const { code } = await server.send("GET", url, undefined, { headers: asUser("whole") });
  expect(code).toBe(404);
});

test("a Node whose agent is away is unavailable", async () => {
  const url = "/api/v1/nodes/n2/proxy/v1.41/info";
  const { code, body } = await server.send("GET", url, undefined, { headers: asUser("whole") });
  expect([code, body["message"]]).toEqual([503, unavailable(String(body["message"])).message]);
  expect(body["message"]).toContain('"n2"');
});

test.each([
  ["GET", "/swarm", 403],
  ["GET", "/debug/pprof/heap", 403],
  ["POST", "/plugins/pull?remote=a", 403],
  ["GET", "/containers//json", 400],
  ["GET", "/containers/a%2Fb/json", 400],
  ["POST", "/metrics", 405],
  ["DELETE", "", 403],
] as const)(
  "%s %s is refused with %i, also of who may do everything",
  async (method, path, code) => {
    expect((await as("root system:masters", method, path)).code).toBe(code);
    expect(got).toEqual([]);
  },
);

test("the agent is told who asks, by which right, and what was judged", async () => {
  const body = '{ "Image":"a" }';
  await as("writer", "POST", "/v1.41/containers/create?name=b", body);
  expect(got).toMatchObject([
    {
      method: "POST",
      path: "/docker/v1.41/containers/create?name=b",
      caller: { user: "writer", verb: "create", resource: "nodes/docker-write", name: "n1" },
      text: '{"Image":"a","Labels":{"lighthouse.dev/cluster":""}}',
    },
  ]);
  expect(got[0]?.headers["content-length"]).toBe(String(got[0]?.text.length));
});

test("what is privileged needs the override, and says so to the agent", async () => {
  const body = { Image: "a", HostConfig: { Privileged: true } };
  const refused = await as("writer", "POST", "/containers/create", body);
  expect([refused.code, refused.headers["content-type"]]).toEqual([403, "application/json"]);
  expect(refused.body["message"]).toContain("HostConfig.Privileged: privileged containers");
  expect(got).toEqual([]);
  expect((await as("overrider", "POST", "/containers/create", body)).code).toBe(200);
  expect(got[0]?.caller).toMatchObject({ verb: "override", resource: "nodes/docker-write" });
});

test("headers go both ways, but those of one connection and our credentials", async () => {
  answer = {
    status: 409,
    headers: { "api-version": "1.41", upgrade: "h2" },
    text: '{"message":"no"}',
  };
  const { code, headers, text } = await server.send("GET", `${proxy}/v1.41/info`, undefined, {
    headers: {
      ...asUser("reader"),
      authorization: "Bearer secret",
      cookie: "a=b",
      "impersonate-x": "y",
      "x-lighthouse-body": "e30=",
      "x-registry-auth": "e30=",
      "user-agent": "Docker-Client/28",
      connection: "x-hop, close",
      "x-hop": "1",
    },
  });
  expect([code, text, headers["api-version"], headers["upgrade"]]).toEqual([
    409,
    '{"message":"no"}',
    "1.41",
    undefined,
  ]);
  expect(got[0]?.headers).toMatchObject({
    "x-registry-auth": "e30=",
    "user-agent": "Docker-Client/28",
  });
  for (const name of [
    "authorization",
    "cookie",
    "impersonate-x",
    "x-lighthouse-body",
    "x-hop",
    "connection",
    "host",
  ])
    expect(got[0]?.headers).not.toHaveProperty(name);
});

test("a host has no say in what browsers keep of our address, and no page of its own there", async () => {
  answer = {
    headers: {
      "set-cookie": "__Host-lighthouse=stolen",
      "Clear-Site-Data": '"cookies"',
      "content-security-policy": "script-src *",
      "content-type": "text/html",
    },
    text: "<script>",
  };
  const options = { headers: asUser("reader") };
  const { headers } = await server.send("GET", `${proxy}/v1.41/info`, undefined, options);
  expect(headers).not.toHaveProperty("set-cookie");
  expect(headers).not.toHaveProperty("clear-site-data");
  expect(headers["content-security-policy"]).toBe("default-src 'none'; sandbox");
});

test.each(["10", "3"])("an answer of seven bytes that announces %s is cut", async (length) => {
  answer = { headers: { "content-length": length }, text: "HTTP/1." };
  const asking = server.send("GET", `${proxy}/v1.41/info`, undefined, {
    headers: asUser("reader"),
  });
  await expect(asking).rejects.toBeInstanceOf(Error);
});

test("a web page cannot use the certificate of whoever looks at it", async () => {
  const url = `${proxy}/v1.41/containers/a/kill`;
  const page = { ...asUser("writer"), origin: "https://evil.example" };
  const { code, body } = await server.send("POST", url, undefined, { headers: page });
  expect([code, body["message"]]).toEqual([
    403,
    "Cannot change anything for the page of https://evil.example: it must bring a token of its own",
  ]);
  expect(got).toEqual([]);
});

test("a body that is a stream goes on as it is", async () => {
  const headers = { ...asUser("writer"), "content-type": "application/x-tar" };
  const { code } = await server.send("POST", `${proxy}/images/load?quiet=1`, "tar", { headers });
  expect([code, got[0]?.text, got[0]?.headers["content-type"]]).toEqual([
    200,
    "tar",
    "application/x-tar",
  ]);
});

test("too large a body is refused before it is read to its end", async () => {
  const body = JSON.stringify({ Image: "a".repeat(2 << 20) });
  expect((await as("writer", "POST", "/containers/create", body)).code).toBe(413);
  expect(got).toEqual([]);
});

test("metrics of a Node are for who may read nodes/metrics", async () => {
  await as("scraper", "GET", "/metrics/cadvisor?a=b");
  expect(got[0]).toMatchObject({
    path: "/stats/metrics/cadvisor?a=b",
    caller: { verb: "get", resource: "nodes/metrics" },
  });
  expect((await as("scraper", "GET", "/stats/summary")).code).toBe(403);
  expect((await as("looker", "GET", "/stats/summary")).code).toBe(200);
});

test("an image that a Revision has recorded is kept", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const revision = {
    apiVersion: "lighthouse.dev/v1",
    kind: "Revision",
    metadata: { name: "web-1", namespace: "default" },
    spec: {
      application: { name: "web", uid: "u1" },
      number: 1,
      templateHash: "h",
      template: { spec: { containers: [{ name: "app", image: "app:v1" }] } },
      images: [{ image: "app:v1", digest }],
    },
  };
  const url = "/apis/lighthouse.dev/v1/namespaces/default/revisions";
  const { code, text } = await server.send("POST", url, revision, admin);
  expect([code, text]).toEqual([201, text]);
  answer = { text: JSON.stringify({ Id: digest, RepoTags: ["app:v1"] }) };
  const refused = await as("writer", "DELETE", "/v1.41/images/app:v1?force=1");
  expect([refused.code, got.map(({ path }) => path)]).toEqual([
    403,
    ["/docker/v1.41/images/app:v1/json"],
  ]);
  expect(refused.body["message"]).toContain("Revision default/web-1 needs it");
  answer = { text: JSON.stringify({ Id: "sha256:b", RepoDigests: null }) };
  expect((await as("writer", "DELETE", "/v1.41/images/other")).code).toBe(200);
});
