import { createServer, request as httpsRequest, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { dialTargetOf } from "../../../agent/dial-target.ts";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import type { ClientConfig, Credentials } from "../../../api/client/config.ts";
import { findCondition } from "../../../api/machinery/conditions.ts";
import { beacons, nodes } from "../../../api/machinery/resources.ts";
import { issueAuthority, issueCertificate } from "../../../api/server/pki/issue.ts";
import { type AgentEnd, serveTunnel } from "../../../api/tunnel/agent-end.ts";
import { dialTunnel, type DialTarget } from "../../../api/tunnel/dial.ts";
import type { NodeHandler } from "../../../api/tunnel/node-link.ts";
import { tunnelPath } from "../../../api/tunnel/protocol.ts";
import { createServedNodes } from "../../../api/tunnel/served-nodes.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { label } from "../../../crds/labels.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { answerOf, bytesOf, callTo } from "../../kit/tunnel.ts";

const signal = AbortSignal.timeout(60_000);
let env: Env;
let admin: OwnedClient;
const open: AgentEnd[] = [];

beforeAll(async () => {
  env = await startEnv({ beacon: "b1" });
  admin = createClient(env.admin);
  for (const name of ["b1", "b2"])
    await admin.create(beacons, {
      apiVersion: "lighthouse.dev/v1",
      kind: "Beacon",
      metadata: { name },
      spec: { paused: false },
    });
  for (const [name, beacon] of [
    ["n1", "b1"],
    ["n2", "b2"],
  ] as const)
    await admin.create(nodes, {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name, labels: { [label.beacon]: beacon } },
    });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((end) => end.close(0)));
});
afterAll(async () => {
  await admin[Symbol.asyncDispose]();
  await env.stop();
});

async function openAgent(target: DialTarget, names: readonly string[], handler?: NodeHandler) {
  const dialled = await dialTunnel(target, signal);
  const served = createServedNodes();
  for (const name of names) served.serve(name, handler ?? (async ({ path }) => answerOf(path)));
  const onError = (err: unknown): void => console.error(err);
  const end = serveTunnel(dialled.socket, { nodes: served, clock: systemClock, onError });
  open.push(end);
  return { end, served, by: dialled.by };
}

async function connected(beacon: string) {
  const found = await admin.get(beacons, { name: beacon });
  const condition = findCondition(found?.status?.conditions, "Connected");
  return { ...found?.status, is: condition?.status, message: condition?.message };
}

const ask = async (node: string): Promise<string> => {
  const answer = await env.nodes.handler(node)(callTo("/hello"), signal);
  return (await bytesOf(answer.body)).toString();
};

test("an agent opens its tunnel, which its Beacon tells, and answers for its own Nodes alone", async () => {
  const { end } = await openAgent(dialTargetOf(env.agent, "b1"), ["n1", "n2"]);
  await eventually("it is connected", async () => (await connected("b1")).is === "True");
  expect(await connected("b1")).toMatchObject({
    server: env.url,
    address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as unknown,
    lastSeen: expect.any(String) as unknown,
  });
  expect(await ask("n1")).toBe("/hello");
  // It says that it serves n2 as well, which belongs to another beacon.
  expect(() => env.nodes.handler("n2")).toThrow(
    'Cannot reach node "n2": no agent of it is connected',
  );
  await end.close(1_000);
  await eventually("it is told", async () => (await connected("b1")).is === "False");
  expect(await connected("b1")).toMatchObject({
    message: expect.stringContaining("ended") as unknown,
  });
  expect((await connected("b1")).server).toBeUndefined();
  expect(() => env.nodes.handler("n1")).toThrow("no agent of it is connected");
});

test("a newer tunnel of a beacon takes over at once, and nobody says that it is closed", async () => {
  const first = await openAgent(dialTargetOf(env.agent, "b1"), ["n1"], async () => answerOf("old"));
  await eventually("it is connected", async () => (await connected("b1")).is === "True");
  await openAgent(dialTargetOf(env.agent, "b1"), ["n1"], async () => answerOf("new"));
  expect(await first.end.lost).toBe("the server goes away");
  await first.end.closed;
  expect(await ask("n1")).toBe("new");
  expect((await connected("b1")).is).toBe("True");
});

test.each([
  ["another agent", () => env.agent, "b2", /beacons\.lighthouse\.dev "b2" is forbidden/],
  ["an administrator", () => env.admin, "b1", /only its own agent may open the tunnel/],
  ["nobody", (): ClientConfig => ({ ...env.agent, credentials: {} }), "b1", /Unauthorized/],
])("%s may not open a tunnel", async (_who, config, beacon, message) => {
  await expect(dialTunnel(dialTargetOf(config(), beacon), signal)).rejects.toThrow(message);
});

test("a server of another authority is not trusted", async () => {
  const { certificate } = await issueAuthority("other", Date.now());
  const target = { ...dialTargetOf(env.agent, "b1"), roots: () => certificate };
  await expect(dialTunnel(target, signal)).rejects.toMatchObject({
    reason: "ServiceUnavailable",
    message: expect.stringMatching(
      /Cannot open the tunnel of beacon "b1" at .*certificate/,
    ) as unknown,
  });
});

test("a server that is not there is told by name", async () => {
  const target = { ...dialTargetOf(env.agent, "b1"), server: "https://127.0.0.1:1" };
  await expect(dialTunnel(target, signal)).rejects.toMatchObject({
    message: expect.stringContaining("ECONNREFUSED") as unknown,
  });
});

/** A proxy that ends TLS and lets no upgrade pass but that to a WebSocket. */
async function strippingProxy(): Promise<AsyncDisposable & { readonly target: DialTarget }> {
  const authority = await issueAuthority("proxy", Date.now());
  const identity = { user: "proxy", groups: [] };
  const wanted = { identity, usage: "server", names: ["127.0.0.1"], nowMs: Date.now() } as const;
  const own = await issueCertificate(authority, wanted);
  const { clientCert: cert, clientKey: key } = env.agent.credentials as Required<Credentials>;
  const tls = { ca: env.agent.ca, cert, key };
  const server: Server = createServer({ cert: own.certificate, key: own.key });
  server.on("request", (incoming, outgoing) => {
    const { upgrade: _upgrade, connection: _connection, ...headers } = incoming.headers;
    const url = `${env.url}${incoming.url ?? ""}`;
    const onward = httpsRequest(url, { ...tls, method: incoming.method, headers, agent: false });
    onward.once("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.end();
  });
  Object.assign(server, {
    shouldUpgradeCallback: ({ headers }: { headers: NodeJS.Dict<string | string[]> }) =>
      headers["upgrade"] === "websocket",
  });
  server.on("upgrade", (incoming, near, head) => {
    const { hostname, port } = new URL(env.url);
    const far = connect({
      ...tls,
      host: hostname,
      port: Number(port),
      ALPNProtocols: ["http/1.1"],
    });
    const lines = Object.entries(incoming.headers).map(
      ([name, value]) => `${name}: ${String(value)}`,
    );
    far.write([`GET ${incoming.url ?? ""} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
    far.write(head);
    for (const one of [near, far]) one.on("error", () => one.destroy());
    near.once("close", () => far.destroy());
    far.once("close", () => near.destroy());
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    target: {
      server: `https://127.0.0.1:${port}`,
      roots: () => authority.certificate,
      credentials: async () => ({}),
      path: tunnelPath("b1"),
      what: "the tunnel",
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("where a proxy lets no unknown upgrade pass, the tunnel goes over a WebSocket", async () => {
  await using proxy = await strippingProxy();
  const large = Buffer.alloc(5 << 20, "y");
  const { by, end } = await openAgent(proxy.target, ["n1"], async ({ path }) =>
    path === "/large" ? answerOf(large) : answerOf("small"),
  );
  expect(by).toBe("websocket");
  await eventually("it is connected", async () => (await connected("b1")).is === "True");
  expect(await ask("n1")).toBe("small");
  const answer = await env.nodes.handler("n1")(callTo("/large"), signal);
  expect((await bytesOf(answer.body)).equals(large)).toBe(true);
  await end.close(0);
});

test("a server that stops says so, and its agent may dial the next one", async () => {
  const other = await startEnv({ beacon: "b1" });
  const client = createClient(other.admin);
  await client.create(beacons, {
    apiVersion: "lighthouse.dev/v1",
    kind: "Beacon",
    metadata: { name: "b1" },
    spec: { paused: false },
  });
  const { end } = await openAgent(dialTargetOf(other.agent, "b1"), ["n1"]);
  await client[Symbol.asyncDispose]();
  const startMs = Date.now();
  await other.stop();
  await end.closed;
  expect(await end.lost).toMatch(/the server goes away|closed/);
  expect(Date.now() - startMs).toBeLessThan(5_000);
});
