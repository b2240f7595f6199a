import { once } from "node:events";
import { connect as connectHttp2, createServer as createHttp2 } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../test/kit/app.ts";
import { limitConnections } from "./connections.ts";
import { maxHeaderBytes, sessionLimits } from "./request-limits.ts";

let server: TestApp;
let port: number;
const sockets: Socket[] = [];

beforeEach(async () => {
  server = await openTestApp();
  limitConnections(server.app.server, { total: 100, perSource: 3 });
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  ({ port } = server.app.server.address() as AddressInfo);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server[Symbol.asyncDispose]();
});

async function open(): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").on("error", () => {}); // how being refused looks
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

/** Everything that comes back until the server ends the connection. */
async function answerTo(text: string): Promise<string> {
  const socket = await open();
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString();
}

const host = "Host: x\r\nConnection: close\r\n";

test.each([
  ["a URL that is too long", `GET /api?x=${"y".repeat(17_000)} HTTP/1.1\r\n${host}\r\n`, 414],
  [
    "headers that are too long",
    `GET /api HTTP/1.1\r\n${host}X: ${"y".repeat(maxHeaderBytes)}\r\n\r\n`,
    431,
  ],
  ["what is no HTTP", "HELLO\r\n\r\n", 400],
  [
    "a body that is too large",
    `POST /api/v1/namespaces HTTP/1.1\r\n${host}Content-Length: 4000000\r\n\r\n`,
    413,
  ],
])("%s is refused with a Status", async (_what, text, code) => {
  const answer = await answerTo(text);
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(head.split("\r\n")[0]).toContain(` ${code} `);
  expect(JSON.parse(body)).toMatchObject({ kind: "Status", status: "Failure", code });
});

test("limitConnections() bounds what one source holds open, and forgets what it closed", async () => {
  const first = await open();
  await open();
  await open();
  const refused = await open();
  await once(refused, "close");
  first.destroy();
  await once(first, "close");
  // The server learns of it a moment later.
  for (;;) {
    const again = await open();
    again.write(`GET /api HTTP/1.1\r\n${host}\r\n`);
    const [chunk] = (await Promise.race([once(again, "data"), once(again, "close")])) as [unknown];
    if (Buffer.isBuffer(chunk)) break;
  }
});

test("sessionLimits end a session that opens streams only to reset them", async () => {
  const flooded = createHttp2({ ...sessionLimits });
  flooded.on("sessionError", () => {}).on("session", (session) => session.on("error", () => {}));
  flooded.on("stream", (stream) => stream.on("error", () => {})); // never answered
  await once(flooded.listen(0, "127.0.0.1"), "listening");
  const client = connectHttp2(`http://127.0.0.1:${(flooded.address() as AddressInfo).port}`);
  client.on("error", () => {});
  const ends: string[] = [];
  client.on("close", () => ends.push("close")).on("goaway", () => ends.push("goaway"));
  for (let round = 0; round < 100 && ends.length === 0; round++) {
    for (let i = 0; i < 50 && !client.destroyed; i++) {
      const stream = client.request({ ":path": "/" }).on("error", () => {});
      stream.close(8);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.destroy();
  await new Promise((resolve) => flooded.close(resolve));
  expect(ends.length).toBeGreaterThan(0);
});
