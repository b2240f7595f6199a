import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rawPeer, startMeter } from "./kit/raw-peer.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";

let rig: AttackRig;
beforeAll(async () => {
  rig = await openAttackRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

/** What the server says to bytes of the administrator until it ends the connection, or for a while. */
async function answersTo(bytes: string, waitMs = 250): Promise<{ text: string; closed: boolean }> {
  using peer = await rawPeer(rig.server);
  let text = "";
  peer.socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  await peer.send(bytes);
  return { closed: await peer.ended(waitMs), text };
}

const statusesIn = (text: string): readonly string[] => text.match(/(?<=^HTTP\/1\.1 )\d+/gm) ?? [];

/** The request that is to be smuggled past whoever stands before us: it would make a namespace. */
function smuggled(name: string): string {
  const body = JSON.stringify({ metadata: { name } });
  return `POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

const post = "POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
const get = "GET /livez HTTP/1.1\r\nHost: x\r\n";

test.each([
  ["both lengths", `${post}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  [
    "both lengths, the other way",
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
  ],
  ["two lengths that differ", `${post}Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}`],
  ["two lengths that are the same", `${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
  ["a list of lengths", `${post}Content-Length: 2, 2\r\n\r\n{}`],
  ["a length with a sign", `${post}Content-Length: +2\r\n\r\n{}`],
  ["a length in hex", `${post}Content-Length: 0x2\r\n\r\n{}`],
  ["a negative length", `${post}Content-Length: -1\r\n\r\n{}`],
  ["a length beyond all numbers", `${post}Content-Length: 99999999999999999999999\r\n\r\n{}`],
  ["a coding that is none", `${post}Transfer-Encoding: identity\r\n\r\n`],
  ["a coding that looks like chunked", `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ["chunked not last", `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ["two codings", `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n`],
  ["a blank before the colon", `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
  ["a strange blank behind it", `${post}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n`],
  ["a folded header", `${post}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}`],
  ["lines that end by LF", `${post.replaceAll("\r\n", "\n")}Content-Length: 2\n\n{}`],
  ["a lone CR", `${post}X-A: b\rContent-Length: 60\r\n\r\n`],
  ["a NUL", `${post}X-A: b\0c\r\n\r\n`],
  ["chunks that end by LF", `${post}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`],
  ["a negative chunk", `${post}Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n`],
  [
    "a chunk beyond all numbers",
    `${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}`,
  ],
  ["a chunk's size with a blank", `${post}Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n`],
  [
    "a chunk's extension without end",
    `${post}Transfer-Encoding: chunked\r\n\r\n2;a=${"b".repeat(70_000)}\r\n{}\r\n0\r\n\r\n`,
  ],
  [
    "a length among the trailers",
    `${post}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 100\r\n\r\n`,
  ],
  [
    "a coding in HTTP/1.0",
    `${post.replace("1.1", "1.0")}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ["no version", "GET /livez\r\n\r\n"],
  ["another version", "GET /livez HTTP/2.0\r\nHost: x\r\n\r\n"],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
])("a request with %s is refused, and nothing behind it is read", async (what, bytes) => {
  const name = `smuggled-${what.replaceAll(/[^a-z0-9]+/gi, "-").toLowerCase()}`;
  const { text, closed } = await answersTo(`${bytes}${smuggled(name)}`);
  expect(statusesIn(text)).toHaveLength(1);
  expect(statusesIn(text)[0]).toMatch(/^(400|413)$/);
  expect(closed).toBe(true);
  const { status } = await rig.send("GET", `/api/v1/namespaces/${name}`, { as: rig.server.admin });
  expect(status).toBe(404);
  await rig.stillServes();
});

test.each([
  ["a body that a GET has", `${get}Content-Length: ${smuggled("inner").length}\r\n\r\n`],
  [
    "an upgrade to HTTP/2 in the clear",
    `${get}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: ${smuggled("inner").length}\r\n\r\n`,
  ],
])("%s is no request of its own", async (_what, head) => {
  await answersTo(`${head}${smuggled("inner")}`);
  const { status } = await rig.send("GET", "/api/v1/namespaces/inner", { as: rig.server.admin });
  expect(status).toBe(404);
});

test.each([
  ["two hosts", "X-A: b\r\nHost: x\r\nHost: y\r\n"],
  ["no host", ""],
])("a request with %s is refused", async (_what, headers) => {
  const { text } = await answersTo(`GET /api/v1/nodes HTTP/1.1\r\n${headers}\r\n`);
  expect(statusesIn(text)).toEqual(["400"]);
});

test("the server is nobody's proxy", async () => {
  const { text } = await answersTo("CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n");
  expect(text).not.toContain("200");
  const target = "http://169.254.169.254/api/v1/namespaces/default";
  const absolute = await answersTo(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect(statusesIn(absolute.text)).toEqual(["404"]);
});

test.each([
  ["one header of 100 KB", `X-A: ${"a".repeat(100_000)}\r\n`],
  [
    "3,000 headers",
    Array.from({ length: 3_000 }, (_, index) => `a${index}: ${"b".repeat(20)}\r\n`).join(""),
  ],
])("%s end the connection", async (_what, headers) => {
  const { text, closed } = await answersTo(`${get}${headers}\r\n${smuggled("behind")}`, 1_000);
  expect(statusesIn(text).filter((status) => status !== "431")).toEqual([]);
  expect(closed).toBe(true);
  await rig.stillServes();
});

test("requests that are sent in advance, and answers that nobody reads, do not pile up", async () => {
  const meter = startMeter();
  using peer = await rawPeer(rig.server);
  peer.socket.pause();
  const some = `${get}\r\n`.repeat(100);
  let waiting = false;
  const sending = (async () => {
    for (let round = 0; round < 2_000 && !peer.closed; round += 1) await peer.send(some);
    waiting = true;
  })();
  await peer.ended(2_000);
  await rig.stillServes();
  const { cpuMs, rssMiB } = meter();
  expect(waiting && !peer.closed).toBe(false); // it could not send all of its 200,000
  expect(cpuMs).toBeLessThan(3_000);
  expect(rssMiB).toBeLessThan(128);
  peer.socket.destroy();
  await sending;
});

test("a client cannot make the server shake hands again and again", async () => {
  using peer = await rawPeer(rig.server, { maxVersion: "TLSv1.2" });
  const outcome = await new Promise<string>((resolve) => {
    peer.socket.once("error", (err: Error & { code?: string }) => resolve(err.code ?? err.message));
    peer.socket.renegotiate({}, (err) => resolve(err === null ? "done" : err.message));
  });
  expect(outcome).toBe("ERR_SSL_NO_RENEGOTIATION");
  await rig.stillServes();
});

/** Opens a connection, sends a little every second, and tells when the server has had enough. */
function drip(socket: Socket | TLSSocket, first: string | Buffer, more: string): Promise<number> {
  const start = performance.now();
  return new Promise((resolve) => {
    socket.on("error", () => undefined).resume();
    if (first.length > 0) socket.write(first);
    const timer = setInterval(() => more !== "" && socket.write(more), 1_000);
    socket.once("close", () => {
      clearInterval(timer);
      resolve(performance.now() - start);
    });
  });
}

test("whoever takes forever is cut after ten seconds, and keeps nobody out (slow loris)", async () => {
  const target = { host: "127.0.0.1", port: Number(new URL(rig.server.url).port) };
  const plain = (): Socket => connectPlain(target);
  const secure = (): TLSSocket => connect({ ...target, rejectUnauthorized: false });
  const hello = Buffer.of(0x16, 3, 1, 1, 0);
  const slow = [
    ["nothing at all", drip(plain(), "", "")],
    ["a handshake byte by byte", drip(plain(), hello, "\u0001")],
    ["no request", drip(secure(), "", "")],
    ["a request line byte by byte", drip(secure(), "GET /", "a")],
    ["headers without an end", drip(secure(), get, "X-A: b\r\n")],
  ] as const;
  const crowd = Array.from({ length: 100 }, secure);
  const many = crowd.map((socket) => drip(socket, get, "X-A: b\r\n"));
  await Promise.all(crowd.map((socket) => once(socket, "secureConnect")));
  await rig.stillServes();
  for (const [what, ended] of slow) {
    const ms = await ended;
    expect([what, ms < 17_000]).toEqual([what, true]);
  }
  await Promise.all(many);
  await rig.stillServes();
});
