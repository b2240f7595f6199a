import { type Duplex, duplexPair, PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { asUser, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { eventually } from "../../../test/kit/eventually.ts";
import { fakeStreams } from "../../../test/kit/fake-streams.ts";
import {
  fakeProcess,
  handshake,
  openSocket,
  requestUpgrade,
  type SocketClient,
} from "../../../test/kit/streaming.ts";

const pods = "/api/v1/namespaces/default/pods";
const rbac = "/apis/rbac.authorization.k8s.io/v1";
const root = { headers: asUser("root", "system:masters") };
const headers = asUser("ann");

/** The same end for everything that goes on, wherever its agent is. */
describe.each([
  ["an agent of this process", false],
  ["an agent behind a tunnel", true],
])("%s", (_where, tunnelled) => {
  let server: TestApp;
  let begun: string[];
  let ended: string[];
  const process = fakeProcess();

  /** A stream of an agent that says one thing and goes on for ever. */
  function forEver(what: string, signal?: AbortSignal): PassThrough {
    const body = new PassThrough();
    body.write("hello\n");
    body.on("error", () => {});
    body.once("close", () => ended.push(what));
    signal?.addEventListener("abort", () => body.destroy(), { once: true });
    return body;
  }

  /** A connection of an agent; a pair of sockets breaks on both sides. */
  function line(what: string): Duplex {
    const [near, far] = duplexPair();
    begun.push(what);
    near.once("close", () => ended.push(what));
    far.on("error", () => {}).resume();
    return near;
  }

  beforeEach(async () => {
    server = await openTestApp({ tunnelled, guarded: true });
    begun = [];
    ended = [];
    const spec = { nodeName: "n1", containers: [{ name: "app", image: "web:1" }] };
    await server.send("POST", pods, { metadata: { name: "web" }, spec }, root);
    await server.send("POST", "/api/v1/nodes", { metadata: { name: "n1" } }, root);
    const merge = { ...root, type: "application/merge-patch+json" };
    await server.send("PATCH", `${pods}/web/status`, { status: { phase: "Running" } }, merge);
    const metadata = { name: "ann" };
    const all = [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }];
    await server.send("POST", `${rbac}/clusterroles`, { metadata, rules: all }, root);
    const roleRef = { kind: "ClusterRole", name: "ann" };
    const subjects = [{ kind: "User", name: "ann" }];
    const binding = { metadata, roleRef, subjects };
    await server.send("POST", `${rbac}/clusterrolebindings`, binding, root);
    const streams = fakeStreams({
      exec: async () => process.ready,
      logs: (_pod, _options, signal) => forEver("logs", signal),
      dial: async () => line("dial"),
    });
    server.nodes.register("n1", streams, async (call, signal) => {
      const body = forEver("docker", signal);
      if (call.upgrade === undefined) return { status: 200, headers: {}, body };
      return { status: 101, headers: {}, body, upgraded: line("hijack") };
    });
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const takeAway = async (): Promise<void> => {
    await server.send("DELETE", `${rbac}/clusterrolebindings/ann`, undefined, root);
  };

  async function socket(path: string, protocols: readonly string[] = []): Promise<SocketClient> {
    const client = await openSocket(server.app, path, { headers, protocols });
    if ("code" in client) throw new Error(JSON.stringify(client.body));
    return client;
  }

  test("a shell is told why, and its command is hung up on", async () => {
    const path = `${pods}/web/exec?command=sh&stdin=true&stdout=true`;
    const client = await socket(path, ["v5.channel.k8s.io"]);
    await process.started();
    await takeAway();
    await client.closed();
    expect(JSON.parse(client.read(3))).toMatchObject({
      status: "Failure",
      code: 403,
      message: expect.stringContaining('cannot create resource "pods/exec"') as string,
    });
    await eventually("the command is hung up on", process.isLeft);
  });

  test("a watch over a WebSocket gets the Status, and code 1008", async () => {
    const client = await socket(`${pods}?watch=true`);
    await eventually("the first event", () => client.messages.length > 0);
    await takeAway();
    expect(await client.closed()).toBe(1008);
    const last = client.messages.at(-1)?.bytes.toString() ?? "";
    expect(JSON.parse(last)).toMatchObject({ type: "ERROR", object: { code: 403 } });
  });

  test.each([
    ["logs over a WebSocket", `${pods}/web/log?follow=true`, "logs"],
    ["a port-forward", `${pods}/web/portforward?ports=80`, "dial"],
  ])("%s end with code 1008", async (_what, path, source) => {
    const protocols = source === "dial" ? ["v4.channel.k8s.io"] : [];
    const client = await socket(path, protocols);
    await eventually("something came", () => client.messages.length > 0);
    await takeAway();
    expect(await client.closed()).toBe(1008);
    await eventually("the agent's end is closed", () => ended.includes(source));
  });

  // The kit's tunnel carries streams of Pods alone; how it ends calls is tested in api/tunnel.
  test.skipIf(tunnelled).each([
    ["logs", `${pods}/web/log?follow=true`, "logs"],
    ["events of Docker", "/api/v1/nodes/n1/proxy/v1.41/events", "docker"],
  ])("%s over HTTP are torn off: that must not look like their end", async (_what, url, source) => {
    const response = await server.app.inject({ url, headers, payloadAsStream: true });
    expect(response.statusCode).toBe(200);
    const body = response.stream();
    let whole = false;
    body.on("end", () => (whole = true)).on("error", () => {});
    const closed = new Promise<void>((resolve) => body.once("close", resolve));
    await new Promise<void>((resolve) => body.once("data", () => resolve()));
    await takeAway();
    await closed;
    expect(whole).toBe(false);
    await eventually("the agent's end is closed", () => ended.includes(source));
  });

  test.skipIf(tunnelled)("a connection that Docker took over is cut on both sides", async () => {
    const path = "/api/v1/nodes/n1/proxy/v1.41/exec/abc/start";
    const upgrade = { connection: "Upgrade", upgrade: "tcp" };
    const answer = await requestUpgrade(server.app, path, {
      method: "POST",
      headers: { ...headers, ...upgrade },
    });
    if ("code" in answer) throw new Error(JSON.stringify(answer.body));
    const { connection } = answer;
    const closed = new Promise<void>((resolve) => connection.once("close", resolve));
    connection.resume().on("error", () => {});
    await takeAway();
    await closed;
    await eventually("the agent's end is closed", () => ended.includes("hijack"));
  });

  test("the stream of a container's own protocol is cut", async () => {
    const path = `${pods}/web:80/proxy/ws`;
    const asked = requestUpgrade(server.app, path, { headers: { ...headers, ...handshake } });
    await eventually("the container is asked", () => begun.includes("dial"));
    await takeAway(); // it has not answered yet
    const answer = await asked;
    expect("code" in answer ? answer.code : 101).toBeGreaterThanOrEqual(400);
    await eventually("the agent's end is closed", () => ended.includes("dial"));
  });
});
