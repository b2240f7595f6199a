import { once } from "node:events";
import { connect, createServer, type ClientHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endIdleSessions, endNoisySessions } from "./listener.ts";

const server = createServer();
endIdleSessions(server, 30);
endNoisySessions(server, { max: 20, withinMs: 60_000 });
server.on("stream", (stream, headers) => {
  stream.respond({ ":status": 200 });
  if (headers[":path"] !== "/watch") stream.end("ok");
});

let sessions: ClientHttp2Session[];

async function open(): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  sessions.push(session);
  await once(session, "connect");
  return session;
}

beforeEach(async () => {
  sessions = [];
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterEach(async () => {
  for (const session of sessions) session.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test("endIdleSessions() ends a session without requests and spares a quiet watch", async () => {
  const watching = await open();
  const watch = watching.request({ ":path": "/watch" }).resume();
  await once(watch, "response");
  let ended = false;
  watching.on("goaway", () => {
    ended = true;
  });
  for (let round = 0; round < 2; round++) await once(await open(), "close");
  expect([ended, watching.closed, watch.closed]).toEqual([false, false, false]);
});

test("endIdleSessions() ends a session some time after its last request", async () => {
  const session = await open();
  const closed = once(session, "close");
  await once(session.request({ ":path": "/" }).resume(), "end");
  await closed;
  expect(session.destroyed).toBe(true);
});

test("endNoisySessions() ends a session that only pings, and no other", async () => {
  const [noisy, other] = [await open(), await open()];
  const watch = other.request({ ":path": "/watch" }).resume();
  await once(watch, "response");
  noisy.on("error", () => undefined);
  const closed = new Promise((resolve) => noisy.once("close", resolve));
  const reasons: number[] = [];
  noisy.on("goaway", (reason: number) => reasons.push(reason));
  const ping = (): void => {
    if (!noisy.destroyed) noisy.ping(ping);
  };
  ping();
  await closed;
  expect(reasons).toContain(11); // ENHANCE_YOUR_CALM
  expect([other.closed, watch.closed]).toEqual([false, false]);
});
