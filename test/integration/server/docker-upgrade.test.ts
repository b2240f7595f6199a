import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { Duplex, PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { NodeAnswer, NodeCall } from "../../../api/tunnel/node-link.ts";
import type { PodStreams } from "../../../api/server/pods/pod-streams.ts";
import { openTestApp, type TestApp } from "../../kit/app.ts";
import { eventually } from "../../kit/eventually.ts";

const path = "/api/v1/nodes/n1/proxy/v1.41/exec/abc/start";

let server: TestApp;
let port: number;
let calls: NodeCall[] = [];
let signals: AbortSignal[] = [];
/** What the agent hands over; `undefined`: it refuses. */
let process: Duplex | undefined;

async function answerNow(): Promise<NodeAnswer> {
  const body = Readable.from([]);
  if (process === undefined) return { status: 409, headers: {}, body: Readable.from(["no"]) };
  const headers = { "content-type": "application/vnd.docker.raw-stream" };
  return { status: 101, headers, body, upgraded: process };
}

beforeAll(async () => {
  server = await openTestApp();
  await server.send("POST", "/api/v1/nodes", { metadata: { name: "n1" } });
  server.nodes.register("n1", {} as PodStreams, async (call, signal) => {
    calls.push(call);
    signals.push(signal);
    return answerNow();
  });
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  port = (server.app.server.address() as AddressInfo).port;
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  calls = [];
  signals = [];
  process = undefined;
});

function open(lines: readonly string[] = [], body = '{"Tty":true}'): Socket {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: a",
    "Connection: Upgrade",
    "Upgrade: tcp",
    ...(lines.length === 0 ? [`Content-Length: ${body.length}`] : lines),
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  return socket;
}

/** A process that says what it was told once its input ends. */
function echo(): Duplex {
  const input = new PassThrough();
  const output = new PassThrough();
  text(input).then(
    (all) => output.end(`got ${all}`),
    () => output.destroy(),
  );
  return Duplex.from({ writable: input, readable: output });
}

test("a process gets its input to the end, and still answers", async () => {
  process = echo();
  const socket = open();
  socket.end("input");
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 101 UPGRADED\r\n.*\r\n\r\ngot input$/s);
  expect(calls).toMatchObject([{ upgrade: "tcp", path: "/docker/v1.41/exec/abc/start" }]);
  expect(calls[0]).not.toHaveProperty("body"); // the stream of the tunnel is for the input
  const packed = calls[0]?.headers["x-lighthouse-body"] ?? "";
  expect(Buffer.from(packed, "base64").toString()).toBe('{"Tty":true}');
});

test("after a refusal the connection is closed: nothing that follows is a request", async () => {
  const socket = open();
  socket.write("GET /api/v1/nodes/n1/proxy/v1.41/info HTTP/1.1\r\nHost: a\r\n\r\n");
  const said = await text(socket);
  expect(said.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  expect(said).toMatch(/^HTTP\/1\.1 409 .*connection: close/is);
  expect(calls).toHaveLength(1);
});

test("a body in several pieces is read to its end, and not a byte further", async () => {
  process = echo();
  const socket = open(["Content-Length: 12"], '{"Tty"');
  await once(socket, "connect");
  socket.write(":true}in");
  socket.end("put");
  expect(await text(socket)).toMatch(/got input$/);
});

test.each([
  ["is cut", ["Content-Length: 99"], "it is shorter than announced"],
  ["has no end of its own", ["Transfer-Encoding: chunked"], "it must say its Content-Length"],
  ["is too large", ["Content-Length: 9999999"], "Request entity too large"],
])("a body that %s is refused", async (_, lines, why) => {
  const socket = open(lines, "{}");
  socket.end();
  expect(await text(socket)).toContain(why);
  expect(calls).toEqual([]);
});

test("the call ends with its client, and the client with the process", async () => {
  process = new PassThrough();
  const socket = open();
  await once(socket, "data");
  socket.destroy();
  await eventually("the call is ended", () => signals[0]?.aborted === true);
  expect(process.destroyed).toBe(true);
  process = new PassThrough();
  const other = open();
  await once(other, "data");
  process.destroy();
  await text(other); // to its end
});

test("a client that does not read holds the process back", async () => {
  let given = 0;
  process = new Duplex({
    read() {
      given += 65_536;
      this.push(Buffer.alloc(65_536));
    },
    write: (_chunk, _encoding, done) => done(),
  });
  const socket = open();
  await once(socket, "data");
  socket.pause();
  let last = -1;
  await eventually(
    "the process is held back",
    () => {
      const still = given === last;
      last = given;
      return still;
    },
    { intervalMs: 100 },
  );
  expect(given).toBeLessThan(64 << 20);
  socket.destroy();
});
