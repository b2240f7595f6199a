import { type Duplex, duplexPair } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { eventually } from "../../../test/kit/eventually.ts";
import { fakeStreams } from "../../../test/kit/fake-streams.ts";
import { type SpdyClient, spdyClient } from "../../../test/kit/spdy-client.ts";
import { openSocket, openSpdy, requestUpgrade } from "../../../test/kit/streaming.ts";
import { unavailable } from "../../machinery/errors.ts";
import { socketDuplex } from "./socket-duplex.ts";

const pods = "/api/v1/namespaces/default/pods";
const path = `${pods}/web/portforward`;

/** The far end of one connection to the pod. */
type Target = {
  readonly port: number;
  readonly end: Duplex;
  received(): string;
  isEnded(): boolean;
};

describe.each([
  ["an agent of this process", false],
  ["an agent behind a tunnel", true],
])("%s", (_where, tunnelled) => {
  let server: TestApp;
  let targets: Target[];

  function target(port: number): Duplex {
    const [near, end] = duplexPair();
    near.once("close", () => end.destroy());
    let text = "";
    let ended = false;
    end.on("data", (chunk: Buffer) => (text += chunk.toString()));
    end.on("end", () => {
      ended = true;
    });
    end.on("error", () => {});
    targets.push({ port, end, received: () => text, isEnded: () => ended });
    return near;
  }

  beforeEach(async () => {
    server = await openTestApp({ tunnelled });
    targets = [];
    await server.send("POST", pods, {
      metadata: { name: "web" },
      spec: { nodeName: "n1", containers: [{ name: "app", image: "web:1" }] },
    });
    const status = { status: { phase: "Running" } };
    const type = "application/merge-patch+json";
    await server.send("PATCH", `${pods}/web/status`, status, { type });
    server.nodes.register(
      "n1",
      fakeStreams({
        dial: async (_pod, port) => {
          if (port === 81) throw unavailable("nothing listens on it");
          return target(port);
        },
      }),
    );
  });
  afterEach(() => server[Symbol.asyncDispose]());

  async function raw(): Promise<SpdyClient> {
    const answer = await openSpdy(server.app, path, ["portforward.k8s.io"]);
    if ("code" in answer) throw new Error(JSON.stringify(answer.body));
    return answer.client;
  }

  async function inWebSocket(): Promise<SpdyClient> {
    const protocols = ["SPDY/3.1+portforward.k8s.io"];
    const answer = await openSocket(server.app, path, { protocols });
    if ("code" in answer) throw new Error(JSON.stringify(answer.body));
    expect(answer.protocol).toBe(protocols[0]);
    return spdyClient(socketDuplex(answer.socket));
  }

  /** Opens the two streams of a connection as kubectl does. */
  async function open(client: SpdyClient, error: number, port: number): Promise<void> {
    const about = { port: String(port), requestid: String(error) };
    await client.open(error, { streamtype: "error", ...about });
    client.write(error, "", true);
    await client.open(error + 2, { streamtype: "data", ...about });
  }

  const nth = (index: number): Promise<Target> =>
    eventually(`connection ${index} was made`, () => targets[index]);

  test.each([
    ["raw SPDY", raw],
    ["SPDY in a WebSocket", inWebSocket],
  ])("%s carries several connections, each half on its own", async (_name, connect) => {
    const client = await connect();
    await open(client, 1, 80);
    await open(client, 5, 8080);
    const [first, second] = [await nth(0), await nth(1)];
    expect([first.port, second.port]).toEqual([80, 8080]);
    client.write(3, "ask", true);
    client.write(7, "other");
    await eventually("the first half ended", first.isEnded);
    expect(first.received()).toBe("ask");
    first.end.end("answer");
    await eventually("the second half ended", () => client.isEnded(3) && client.isEnded(1));
    expect([client.read(3).toString(), client.read(1).toString()]).toEqual(["answer", ""]);
    await eventually("the other goes on", () => second.received() === "other");
    client.transport.destroy();
    await eventually("the pod's side was closed", () => second.end.destroyed);
  });

  test("the stream of errors ends with what comes from the pod, not with what the client sends", async () => {
    const client = await raw();
    await open(client, 1, 80);
    (await nth(0)).end.end("all of it");
    await eventually("both streams ended", () => client.isEnded(1) && client.isEnded(3));
    client.write(3, "", true);
    expect([client.read(1).toString(), client.read(3).toString()]).toEqual(["", "all of it"]);
  });

  test("a port that cannot be reached is told on the stream of errors", async () => {
    const client = await raw();
    await open(client, 1, 81);
    await eventually("both streams ended", () => client.isEnded(1) && client.isEnded(3));
    expect(client.read(1).toString()).toMatch(
      /^error forwarding port 81 to pod web, uid \S+: nothing listens on it$/,
    );
    await open(client, 5, 80);
    await nth(0);
  });

  test("streams that are no pair are reset", async () => {
    const client = await raw();
    await client.open(1, { streamtype: "data", port: "0", requestid: "1" });
    await client.open(3, { streamtype: "stdin", port: "80", requestid: "1" });
    await eventually(
      "both were reset",
      () => client.frames.filter(({ type }) => type === "rstStream").length === 2,
    );
    expect(targets).toEqual([]);
  });

  test("a server that stops says goodbye", async () => {
    const client = await raw();
    await open(client, 1, 80);
    await nth(0);
    const closing = server.app.close();
    await client.until("the goodbye", ({ type }) => type === "goAway");
    client.transport.end();
    await closing;
  });

  test("channels carry a connection to each port of the query", async () => {
    const protocols = ["v4.channel.k8s.io"];
    const client = await openSocket(server.app, `${path}?ports=80,8080&ports=81`, { protocols });
    if ("code" in client) throw new Error(JSON.stringify(client.body));
    const [first, second] = [await nth(0), await nth(1)];
    const ports = (): readonly (number | undefined)[] =>
      client.messages.slice(0, 6).map(({ bytes }) => bytes.readUInt16LE(1));
    await eventually("every channel named its port", () => client.messages.length >= 6);
    expect(ports().toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual([80, 80, 81, 81, 8080, 8080]);
    client.socket.send(Buffer.from("\u0000ask"));
    client.socket.send(Buffer.from("\u0002more"));
    await eventually("both were reached", () => first.received() + second.received() === "askmore");
    first.end.end("answer");
    second.end.end();
    expect(await client.closed()).toBe(1000);
    expect(client.read(0).slice(2)).toBe("answer");
    expect(client.read(5).slice(2)).toContain("nothing listens on it");
  });

  test.each([
    ["", 400, 'query parameter "ports" is required'],
    ["?ports=0", 400, "must be 1 to 65535"],
    ["?ports=http", 400, "must be 1 to 65535"],
  ])("channels refuse the query %j", async (query, code, words) => {
    const protocols = ["v4.channel.k8s.io"];
    const answer = await openSocket(server.app, path + query, { protocols });
    expect(answer).toMatchObject({
      code,
      body: { message: expect.stringContaining(words) as unknown },
    });
  });

  test("nothing is forwarded without a common protocol, an upgrade or a running pod", async () => {
    expect(await openSocket(server.app, path, { protocols: ["v9"] })).toMatchObject({ code: 403 });
    expect(await openSpdy(server.app, path, ["v9"])).toMatchObject({ code: 403 });
    expect(await requestUpgrade(server.app, path, {})).toMatchObject({ code: 400 });
    const type = "application/merge-patch+json";
    await server.send("PATCH", `${pods}/web/status`, { status: { phase: "Failed" } }, { type });
    expect(await openSpdy(server.app, path, ["portforward.k8s.io"])).toMatchObject({
      code: 400,
      body: { message: "unable to forward port because pod is not running. Current status=Failed" },
    });
  });
});
