import { afterEach, beforeEach, expect, test } from "vitest";
import { Agent, request } from "undici";
import { WebSocket } from "ws";
import { type Env, startEnv } from "../../../test/kit/env.ts";
import { eventually } from "../../../test/kit/eventually.ts";
import { fakeStreams } from "../../../test/kit/fake-streams.ts";
import { type FakeProcess, fakeProcess } from "../../../test/kit/streaming.ts";
import { createClient, type OwnedClient } from "../../client/create-client.ts";
import { pods } from "../../machinery/resources.ts";

let env: Env;
let client: OwnedClient;
let process: FakeProcess;

beforeEach(async () => {
  env = await startEnv();
  client = createClient(env.admin);
  process = fakeProcess();
  await client.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: "web" },
    spec: { nodeName: "n1", containers: [{ name: "app", image: "web:1" }] },
  });
  env.nodes.register("n1", fakeStreams({ exec: async () => process.ready }));
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await env.stop();
});

/** Over TLS with a client certificate, as a client on the network. */
function open(query: string, headers: Record<string, string> = {}): WebSocket {
  const { ca, credentials = {} } = env.admin;
  const tls = credentials as { readonly clientCert?: string; readonly clientKey?: string };
  const path = `/api/v1/namespaces/default/pods/web/exec?${query}`;
  return new WebSocket(env.url.replace("https", "wss") + path, ["v5.channel.k8s.io"], {
    headers,
    ...(ca === undefined ? {} : { ca }),
    ...(tls.clientCert === undefined ? {} : { cert: tls.clientCert }),
    ...(tls.clientKey === undefined ? {} : { key: tls.clientKey }),
  });
}

const closing = (socket: WebSocket): Promise<number> =>
  new Promise((resolve) => socket.once("close", resolve));

test("an upgrade over TLS has the headers, the user and the count of any request", async () => {
  const socket = open("command=sh&stdout=true", { "audit-id": "3c0ffee0-1" });
  const answered = new Promise<Record<string, unknown>>((resolve) => {
    socket.once("upgrade", ({ headers }) => resolve(headers));
  });
  const closed = closing(socket);
  await process.started();
  expect(await answered).toMatchObject({
    "audit-id": "3c0ffee0-1",
    "cache-control": "no-cache, private",
    "sec-websocket-protocol": "v5.channel.k8s.io",
  });
  process.exit(0);
  expect(await closed).toBe(1000);
  const wanted = /apiserver_request_total\{[^}]*subresource="exec"[^}]*code="101"\} 1/;
  await eventually("it is counted", async () => wanted.test(await readMetrics()));
});

async function readMetrics(): Promise<string> {
  const { ca, credentials = {} } = env.admin;
  const tls = credentials as { readonly clientCert?: string; readonly clientKey?: string };
  const dispatcher = new Agent({
    connect: { ca: ca ?? "", cert: tls.clientCert ?? "", key: tls.clientKey ?? "" },
  });
  const { body } = await request(`${env.url}/metrics`, { dispatcher });
  const text = await body.text();
  await dispatcher.close();
  return text;
}

test("a server that stops ends what is open, and does not wait for it", async () => {
  const socket = open("command=sh&stdout=true&stdin=true");
  const closed = closing(socket);
  await process.started();
  const begun = performance.now();
  await env.stop();
  expect(await closed).toBe(1001);
  expect(process.isLeft()).toBe(true);
  expect(performance.now() - begun).toBeLessThan(5_000);
});

test("who may not act as another cannot do so by an upgrade", async () => {
  const socket = open("command=sh&stdout=true", { "impersonate-user": "eve" });
  socket.on("error", () => {}); // of leaving it before it was open
  const code = await new Promise((resolve) => {
    socket.once("unexpected-response", (_request, response) => resolve(response.statusCode));
  });
  expect(code).toBe(403); // the administrator may, and then eve has no right to exec
  socket.terminate();
});
