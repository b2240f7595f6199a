import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Access } from "../../api/server/pki/kubeconfig.ts";
import type { PodStreams } from "../../api/server/pods/pod-streams.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";

/** May create containers through the proxy of n1, none that are privileged; nothing else. */
let builder: Access;
let rig: AttackRig;
/** What reached the agent of n1: method, path and body. */
let arrived: { readonly line: string; readonly body: string }[] = [];

const create = "/api/v1/nodes/n1/proxy/v1.41/containers/create";
const privileged = JSON.stringify({ Image: "a", HostConfig: { Privileged: true } });
const harmless = JSON.stringify({ Image: "a", HostConfig: {} });

beforeAll(async () => {
  rig = await openAttackRig();
  for (const name of ["n1", "n2"]) {
    await rig.arrange("POST", "/api/v1/nodes", { metadata: { name } });
    rig.server.nodes.register(name, {} as PodStreams, async ({ method, path, body }) => {
      const chunks: Buffer[] = [];
      for await (const chunk of body ?? []) chunks.push(chunk as Buffer);
      arrived.push({ line: `${method} ${path}`, body: Buffer.concat(chunks).toString() });
      const isExec = path.includes("/exec/");
      if (isExec) return { status: 409, headers: {}, body: Readable.from(["no such exec"]) };
      return { status: 201, headers: {}, body: Readable.from(['{"Id":"1"}']) };
    });
  }
  await allow("builder", ["docker-read", "docker-write"]);
  await allow("runner", ["docker-exec"]);
  builder = await rig.as("builder");
});
afterAll(() => rig[Symbol.asyncDispose]());

/** Gives somebody rights on n1, and on no other Node. */
async function allow(name: string, rights: readonly string[]): Promise<void> {
  const group = "rbac.authorization.k8s.io";
  await rig.arrange("POST", `/apis/${group}/v1/clusterroles`, {
    metadata: { name },
    rules: [
      {
        apiGroups: [""],
        resources: rights.map((right) => `nodes/${right}`),
        resourceNames: ["n1"],
        verbs: ["get", "create", "update", "delete"],
      },
    ],
  });
  await rig.arrange("POST", `/apis/${group}/v1/clusterrolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: group, kind: "ClusterRole", name },
    subjects: [{ apiGroup: group, kind: "User", name }],
  });
}
beforeEach(() => {
  arrived = [];
});

const head = (path: string, ...lines: readonly string[]): string =>
  [`POST ${path} HTTP/1.1`, "Host: a", "Content-Type: application/json", ...lines].join("\r\n");

/** The status of each answer that a connection brought. */
const statuses = (text: string): readonly number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, code]) => Number(code));

const sized = (path: string, body: string, ...lines: readonly string[]): string =>
  `${head(path, `Content-Length: ${body.length}`, ...lines)}\r\n\r\n${body}`;

/** The same as the last request of its connection: nobody waits whether another one comes. */
const only = (path: string, body: string): string => sized(path, body, "Connection: close");

test("what the builder may do arrives, written anew", async () => {
  expect(statuses(await rig.raw(only(create, harmless), builder))).toEqual([201]);
  expect(arrived).toMatchObject([{ line: "POST /docker/v1.41/containers/create" }]);
});

test.each([
  ["as it is", privileged],
  ["behind a first HostConfig", `{"HostConfig":{},"Image":"a","HostConfig":{"Privileged":true}}`],
  ["before a last HostConfig", `{"HostConfig":{"Privileged":true},"Image":"a","HostConfig":{}}`],
  ["in small letters", `{"Image":"a","hostconfig":{"privileged":true}}`],
  ["under an escaped name", `{"Image":"a","HostConfig":{"Privile\\u0067ed":true}}`],
  ["under both spellings", `{"Image":"a","HostConfig":{"Privileged":false,"privileged":true}}`],
  ["by a prototype", `{"Image":"a","HostConfig":{"__proto__":{"Privileged":true}}}`],
  ["by a constructor", `{"Image":"a","constructor":{"prototype":{"Privileged":true}}}`],
  ["as a number", `{"Image":"a","HostConfig":{"Privileged":1}}`],
  ["behind a second document", `${harmless}${privileged}`],
  ["behind a mark of byte order", `\u{feff}${privileged}`],
  ["in a list", `[${privileged}]`],
  ["after a NUL", `\u0000${privileged}`],
])("a privileged container is refused %s", async (_how, body) => {
  const bytes = Buffer.from(body);
  const lines = head(create, `Content-Length: ${bytes.length}`, "Connection: close");
  const reply = await rig.raw(Buffer.concat([Buffer.from(`${lines}\r\n\r\n`), bytes]), builder);
  expect([400, 403, 422]).toContain(statuses(reply)[0]);
  expect(arrived).toEqual([]);
  await rig.stillServes();
});

const chunked = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

test.each<readonly [string, string]>([
  [
    "both lengths, the chunks shorter",
    `${head(create, "Content-Length: 200", "Transfer-Encoding: chunked")}\r\n\r\n${chunked(harmless)}`,
  ],
  [
    "two lengths that differ",
    `${head(create, "Content-Length: 5", `Content-Length: ${privileged.length}`)}\r\n\r\n${privileged}`,
  ],
  ["a length with a sign", `${head(create, "Content-Length: +5")}\r\n\r\n${privileged}`],
  ["a length in hex", `${head(create, "Content-Length: 0x10")}\r\n\r\n${privileged}`],
  [
    "an encoding nobody knows",
    `${head(create, "Transfer-Encoding: xchunked")}\r\n\r\n${chunked(privileged)}`,
  ],
  [
    "chunked, but not last",
    `${head(create, "Transfer-Encoding: chunked, identity")}\r\n\r\n${chunked(privileged)}`,
  ],
  [
    "a space before the colon",
    `${head(create, "Transfer-Encoding : chunked")}\r\n\r\n${chunked(privileged)}`,
  ],
  [
    "a header folded over lines",
    `${head(create, "X-A: b", " Transfer-Encoding: chunked")}\r\n\r\n${chunked(privileged)}`,
  ],
  ["a chunk with a minus", `${head(create, "Transfer-Encoding: chunked")}\r\n\r\n-5\r\nhello\r\n`],
  [
    "a chunk too large to count",
    `${head(create, "Transfer-Encoding: chunked")}\r\n\r\nfffffffffffffffff\r\nhello\r\n`,
  ],
  [
    "lines that end in LF alone",
    `${head(create, "Transfer-Encoding: chunked")}\n\n${chunked(privileged)}`,
  ],
  ["a NUL in a header", `${head(create, "X-A: a\u0000b", "Content-Length: 0")}\r\n\r\n`],
])("%s: the connection ends, nothing arrives", async (_what, bytes) => {
  const reply = await rig.raw(bytes, builder);
  expect(statuses(reply).every((code) => code >= 400)).toBe(true);
  expect(arrived).toEqual([]);
  await rig.stillServes();
});

test("a body that ends early is no body", async () => {
  const reply = await rig.raw(
    `${head(create, `Content-Length: ${harmless.length + 9}`)}\r\n\r\n${harmless}`,
    builder,
  );
  expect(statuses(reply).every((code) => code >= 400)).toBe(true);
  expect(arrived).toEqual([]);
  await rig.stillServes();
});

test("what follows a body is judged as the request that it is", async () => {
  const next = create.replace("n1", "n2");
  const smuggled = `${sized(create, harmless)}${only(next, harmless)}`;
  expect(statuses(await rig.raw(smuggled, builder))).toEqual([201, 403]);
  expect(arrived.map(({ line }) => line)).toEqual(["POST /docker/v1.41/containers/create"]);
  const { objectRef } = await rig.audited(
    "the second request",
    ({ requestURI, responseStatus }) => {
      return requestURI === next && responseStatus?.code === 403;
    },
  );
  expect(objectRef).toMatchObject({ resource: "nodes", name: "n2" });
});

test("a body beyond the limit is refused, not collected", async () => {
  const before = process.memoryUsage().rss;
  const body = JSON.stringify({ Image: "a", Labels: { a: "x".repeat(64 << 20) } });
  expect(statuses(await rig.raw(only(create, body), builder))).toEqual([413]);
  expect(arrived).toEqual([]);
  // The attacker shares this process: its own copies of 64 MiB are in the figure.
  expect(process.memoryUsage().rss - before).toBeLessThan(400 << 20);
  await rig.stillServes();
});

test.each([
  "/api/v1/nodes/n1/proxy/v1.41/containers/../containers/create",
  "/api/v1/nodes/n1/proxy/v1.41/containers/%2e%2e/containers/create",
  "/api/v1/nodes/n1/proxy/v1.41/containers%2fcreate",
  "/api/v1/nodes/n1/proxy//v1.41/containers/create",
  "/api/v1/nodes/n1/proxy/v1.41//containers/create",
  "/api/v1/nodes/n1/proxy/v1.41/v1.40/containers/create",
  "/api/v1/nodes/n1/proxy/../../n2/proxy/v1.41/containers/create",
  "/api/v1/nodes/n1/proxy/..%2f..%2fn2/proxy/v1.41/containers/create",
  "/api/v1/nodes/n1%2f..%2fn2/proxy/v1.41/containers/create",
  "/api/v1/nodes/n2/proxy/v1.41/containers/create",
  "/api/v1/nodes/n1/proxy/v1.41/containers/x/exec",
  "/api/v1/nodes/n1/proxy/v1.41/exec/x/start",
  "/api/v1/nodes/n1/proxy/v1.41/swarm/init",
  "/api/v1/nodes/n1/proxy/v1.41/plugins/pull?remote=a",
  "/api/v1/nodes/n1/proxy/v1.41/build",
  "/api/v1/nodes/n1/proxy/http://127.0.0.1:2375/containers/create",
  "/api/v1/nodes/n1/proxy/pods/x",
  "/api/v1/nodes/127.0.0.1:2375/proxy/v1.41/containers/create",
])("POST %s reaches no agent", async (path) => {
  const reply = await rig.raw(only(path, harmless), builder);
  expect([400, 403, 404, 405]).toContain(statuses(reply)[0]);
  expect(arrived).toEqual([]);
});

test.each(["X-HTTP-Method-Override: DELETE", "X-Original-URL: /api/v1/nodes/n2/proxy/info"])(
  "the header %s changes nothing",
  async (line) => {
    const bytes = sized(create, harmless, "Connection: close", line);
    expect(statuses(await rig.raw(bytes, builder))).toEqual([201]);
    expect(arrived).toMatchObject([{ line: "POST /docker/v1.41/containers/create" }]);
  },
);

test("an Upgrade that is not answered with 101 leaves no connection to write to", async () => {
  const start = "/api/v1/nodes/n1/proxy/v1.41/exec/x/start";
  const upgrade = head(start, "Connection: Upgrade", "Upgrade: tcp", "Content-Length: 2");
  const runner = await rig.as("runner");
  const reply = await rig.raw(`${upgrade}\r\n\r\n{}${only(create, privileged)}`, runner);
  // The agent would have to be asked twice for the second request to have been one.
  expect(statuses(reply)).toEqual([409]);
  expect(arrived).toEqual([{ line: "POST /docker/v1.41/exec/x/start", body: "" }]);
  await rig.audited("the refusal", ({ requestURI, responseStatus, user }) => {
    return requestURI === start && user.username === "runner" && responseStatus?.code === 409;
  });
  await rig.stillServes();
});
