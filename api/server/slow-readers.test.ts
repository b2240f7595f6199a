import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import Fastify from "fastify";
import { afterEach, expect, test } from "vitest";
import type { App } from "./http.ts";
import { cutSlowReaders } from "./slow-readers.ts";

let app: App;
afterEach(() => app.close());

/** Serves an answer that no buffer of a connection takes as a whole. */
async function serve(http2: boolean): Promise<number> {
  app = (http2 ? Fastify({ http2: true, http2SessionTimeout: 0 }) : Fastify()) as unknown as App;
  cutSlowReaders(app, { graceMs: 100, bytesPerSecond: 1e9 });
  const body = Buffer.alloc(32 << 20);
  app.get("/large", (_request, reply) => reply.send(body));
  app.get("/small", (_request, reply) => reply.send("ok"));
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as AddressInfo).port;
}

test("cutSlowReaders() ends an HTTP/1.1 connection whose peer does not read", async () => {
  const socket = connect({ host: "127.0.0.1", port: await serve(false) });
  socket.on("error", () => undefined);
  const [peer] = await Promise.all([once(app.server, "connection"), once(socket, "connect")]);
  const closed = once(peer[0] as EventTarget, "close");
  socket.pause().write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  await closed;
  socket.destroy();
});

test("cutSlowReaders() resets a stream of HTTP/2 whose window is closed, and no other", async () => {
  const settings = { initialWindowSize: 0 };
  const session = connectHttp2(`http://127.0.0.1:${await serve(true)}`, { settings });
  const stuck = session.request({ ":path": "/large" });
  stuck.on("error", () => undefined);
  await once(stuck, "close");
  expect(stuck.rstCode).toBe(8);
  session.settings({ initialWindowSize: 65_535 });
  const other = session.request({ ":path": "/small" }).setEncoding("utf8");
  const [text] = (await once(other, "data")) as [string];
  expect(text).toBe("ok");
  session.destroy();
});

test("cutSlowReaders() leaves a connection alone whose answers were taken", async () => {
  const socket = connect({ host: "127.0.0.1", port: await serve(false) });
  const endMs = performance.now() + 250; // longer than an answer may take
  while (performance.now() < endMs) {
    socket.write("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
    const [chunk] = (await once(socket, "data")) as [Buffer];
    expect(chunk.toString()).toContain("200 OK");
  }
  expect(socket.closed).toBe(false);
  socket.destroy();
});
