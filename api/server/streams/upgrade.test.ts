import type { Duplex } from "node:stream";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { eventually } from "../../../test/kit/eventually.ts";
import { fakeStreams } from "../../../test/kit/fake-streams.ts";
import {
  dial,
  fakeProcess,
  handshake,
  openSocket,
  requestUpgrade,
  type SocketClient,
} from "../../../test/kit/streaming.ts";
import type { Credentials, User } from "../access.ts";
import { buildApp } from "../app.ts";
import type { App } from "../http.ts";
import type { RequestInfo } from "../objects/request-info.ts";
import { nodeStreams } from "../pods/pod-streams.ts";

const pods = "/api/v1/namespaces/default/pods";
const configMaps = "/api/v1/namespaces/default/configmaps";

let server: TestApp;
beforeEach(async () => {
  server = await openTestApp();
});
afterEach(() => server[Symbol.asyncDispose]());

async function socket(path: string, protocols: readonly string[] = []): Promise<SocketClient> {
  const client = await openSocket(server.app, path, { protocols });
  if ("code" in client) throw new Error(JSON.stringify(client.body));
  return client;
}

test("a request that nobody streams is answered as if there was no upgrade", async () => {
  const answer = await openSocket(server.app, "/api/v1/namespaces/default");
  expect(answer).toMatchObject({ code: 200, body: { kind: "Namespace" } });
  expect(answer.headers["connection"]).toBe("close");
});

test("a refused client that stays is hung up on", async () => {
  const connection = dial(server.app);
  const closed = new Promise<void>((resolve) => connection.once("close", () => resolve()));
  connection.resume();
  const lines = Object.entries(handshake).map(([name, value]) => `${name}: ${value}`);
  connection.write(["GET /none HTTP/1.1", "host: x", ...lines, "", ""].join("\r\n"));
  await closed;
});

test("an upgrade that is none of ours is passed over", async () => {
  const headers = { connection: "Upgrade", upgrade: "h2c" };
  const answer = await requestUpgrade(server.app, "/api/v1/namespaces/default", { headers });
  expect(answer).toMatchObject({ code: 200, body: { kind: "Namespace" } });
});

describe("watch over WebSocket", () => {
  test("each event is one text message", async () => {
    const client = await socket(`${configMaps}?watch=true&resourceVersion=0`);
    await server.send("POST", configMaps, { metadata: { name: "one" }, data: { a: "x\ny" } });
    await server.send("DELETE", `${configMaps}/one`);
    await eventually("both events", () => client.messages.length >= 2);
    const events = client.messages.map(({ bytes }) => JSON.parse(bytes.toString()) as object);
    expect(events).toMatchObject([
      { type: "ADDED", object: { metadata: { name: "one" } } },
      { type: "DELETED", object: { metadata: { name: "one" } } },
    ]);
    expect(client.messages.some(({ isBinary }) => isBinary)).toBe(false);
    client.socket.terminate();
  });

  test("ends with 1000 by its timeout, with 1001 when the server stops", async () => {
    const short = await socket(`${configMaps}?watch=true&timeoutSeconds=1`);
    const long = await socket(`/api/v1/watch/namespaces/default/configmaps`, ["binary.k8s.io"]);
    expect(long.protocol).toBe("binary.k8s.io");
    expect(await short.closed()).toBe(1000);
    const closing = server.app.close();
    expect(await long.closed()).toBe(1001);
    await closing;
  });

  test("is refused as any watch", async () => {
    const answer = await openSocket(server.app, `${configMaps}?watch=true&resourceVersion=x`);
    expect(answer).toMatchObject({ code: 400, body: { kind: "Status" } });
  });
});

describe("log over WebSocket", () => {
  beforeEach(async () => {
    await server.send("POST", pods, {
      metadata: { name: "web" },
      spec: { nodeName: "n1", containers: [{ name: "app", image: "web:1" }] },
    });
    const logs = async function* () {
      yield Buffer.from("one\n");
      yield Buffer.from("two\n");
    };
    server.nodes.register("n1", fakeStreams({ logs }));
  });

  test.each([
    [[], "", "one\ntwo\n", true],
    [["binary.k8s.io"], "binary.k8s.io", "one\ntwo\n", true],
    [["v9", "base64.binary.k8s.io"], "base64.binary.k8s.io", "b25lCg==dHdvCg==", false],
  ])("of %j takes %j", async (offered, protocol, text, isBinary) => {
    const client = await socket(`${pods}/web/log`, offered);
    expect(await client.closed()).toBe(1000);
    expect(client.protocol).toBe(protocol);
    expect(client.messages.map(({ bytes }) => bytes.toString()).join("")).toBe(text);
    expect(client.messages.every((message) => message.isBinary === isBinary)).toBe(true);
  });

  test("is refused without a common protocol", async () => {
    const answer = await openSocket(server.app, `${pods}/web/log`, { protocols: ["v9"] });
    expect(answer).toMatchObject({ code: 403 });
  });
});

describe("who may upgrade", () => {
  const seen: { credentials: Credentials; request: RequestInfo }[] = [];
  let guarded: App;
  const token = `base64url.bearer.authorization.k8s.io.${Buffer.from("s3cret").toString("base64url")}`;

  beforeEach(async () => {
    seen.length = 0;
    guarded = buildApp({
      scope: server.scope,
      nodes: nodeStreams(),
      authenticator: {
        async authenticate(credentials): Promise<User | undefined> {
          const known = credentials.headers["authorization"] === "Bearer s3cret";
          seen.push({ credentials, request: { verb: "", path: "" } });
          return known ? { name: "ann", groups: [] } : undefined;
        },
      },
      authorizer: {
        async authorize(_user, request) {
          seen.push({ credentials: { headers: {} }, request });
          return { allowed: request.verb === "get", reason: "only reading" };
        },
      },
    });
    await guarded.ready();
  });
  afterEach(() => guarded.close());

  test("a token among the protocols is the bearer token, and no protocol any more", async () => {
    const path = "/api/v1/namespaces/default";
    const answer = await openSocket(guarded, path, { protocols: [token, "v4.channel.k8s.io"] });
    expect(answer).toMatchObject({ code: 200 });
    const { headers } = seen[0]?.credentials ?? { headers: {} };
    expect(headers["sec-websocket-protocol"]).toBe("v4.channel.k8s.io");
  });

  test("a token alone, or none, is nobody", async () => {
    const path = "/api/v1/namespaces/default";
    expect(await openSocket(guarded, path, { protocols: [token] })).toMatchObject({ code: 401 });
    expect(await openSocket(guarded, path)).toMatchObject({ code: 401, body: { kind: "Status" } });
  });

  test.each(["exec", "attach", "portforward"])("%s needs create, also by GET", async (part) => {
    const protocols = [token, "v4.channel.k8s.io"];
    const answer = await openSocket(guarded, `${pods}/web/${part}`, { protocols });
    const message = `cannot create resource "pods/${part}" in API group ""`;
    expect(answer).toMatchObject({
      code: 403,
      body: { message: expect.stringContaining(message) as unknown },
    });
  });

  test("a page of another origin must bring a token", async () => {
    const path = "/api/v1/namespaces/default";
    const headers = { origin: "https://evil.test", host: "127.0.0.1:6443" };
    expect(await openSocket(guarded, path, { headers })).toMatchObject({
      code: 403,
      body: { message: expect.stringContaining("https://evil.test") as unknown },
    });
    const protocols = [token, "v4.channel.k8s.io"];
    expect(await openSocket(guarded, path, { headers, protocols })).toMatchObject({ code: 200 });
    const own = { ...headers, origin: "https://127.0.0.1:6443" };
    expect(await openSocket(guarded, path, { headers: own })).toMatchObject({ code: 401 });
    const plain = { ...headers, origin: "http://127.0.0.1:6443" };
    expect(await openSocket(guarded, path, { headers: plain })).toMatchObject({ code: 403 });
  });
});

describe("nonsense after an upgrade", () => {
  const exec = `${pods}/web/exec?command=sh&stdin=1&stdout=1`;

  beforeEach(async () => {
    await server.send("POST", pods, {
      metadata: { name: "web" },
      spec: { nodeName: "n1", containers: [{ name: "app", image: "web:1" }] },
    });
    server.nodes.register("n1", fakeStreams({ exec: async () => fakeProcess().ready }));
  });

  async function upgraded(headers: Record<string, string>): Promise<Duplex> {
    const answer = await requestUpgrade(server.app, exec, { headers });
    if ("code" in answer) throw new Error(JSON.stringify(answer.body));
    answer.connection.on("error", () => {});
    answer.connection.resume();
    return answer.connection;
  }

  const carriers: readonly (readonly [string, Record<string, string>])[] = [
    ["a WebSocket", { ...handshake, "sec-websocket-protocol": "v5.channel.k8s.io" }],
    [
      "SPDY",
      {
        connection: "Upgrade",
        upgrade: "SPDY/3.1",
        "x-stream-protocol-version": "v4.channel.k8s.io",
      },
    ],
  ];

  test.each(carriers)("on %s ends that connection and nothing else", async (_name, headers) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), async (bytes) => {
        const connection = await upgraded(headers);
        connection.write(bytes);
        await new Promise((resolve) => setImmediate(resolve));
        connection.destroy();
      }),
      { numRuns: 60 },
    );
    const { code } = await server.send("GET", `${pods}/web`);
    expect(code).toBe(200);
  });
});
