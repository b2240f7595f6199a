import { once } from "node:events";
import { connect, type AddressInfo, type Socket } from "node:net";
import Fastify from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../test/kit/eventually.ts";
import type { App } from "./http.ts";
import { boundStrangers } from "./strangers.ts";

let app: App;
let sockets: Socket[];

beforeEach(async () => {
  sockets = [];
  app = Fastify();
  app.decorateRequest("user");
  app.addHook("onRequest", (request, _reply, done) => {
    request.user = { name: String(request.headers["x-user"] ?? ""), groups: [] };
    done();
  });
  boundStrangers(app, 3);
  app.get("/", () => "ok");
  await app.listen({ host: "127.0.0.1", port: 0 });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await app.close();
});

async function open(localAddress: string): Promise<Socket> {
  const { port } = app.server.address() as AddressInfo;
  const socket = connect({ host: "127.0.0.1", port, localAddress }).on("error", () => undefined);
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

/** Asks over a connection as somebody; nobody when the name is empty. */
async function ask(socket: Socket, user: string): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-User: ${user}\r\n\r\n`);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString().slice(9, 12);
}

const ended = (socket: Socket): Promise<unknown> =>
  eventually("the connection is ended", () => socket.closed || socket.readableEnded);

test("boundStrangers() ends the oldest of the address that holds most, and nobody who is known", async () => {
  const known = await open("127.0.0.9");
  expect(await ask(known, "edge")).toBe("200");
  const other = await open("127.0.0.2");
  expect(await ask(other, "")).toBe("200");
  const flood = [await open("127.0.0.9"), await open("127.0.0.9")];
  const newest = await open("127.0.0.9");
  const [oldest = newest] = flood;
  oldest.resume();
  await ended(oldest);
  for (const socket of [known, other, newest]) expect(await ask(socket, "")).toBe("200");
});

test("boundStrangers() forgets connections that end", async () => {
  for (let round = 0; round < 8; round += 1) {
    const socket = await open("127.0.0.3");
    expect(await ask(socket, "")).toBe("200");
    socket.resume().end();
    await once(socket, "close");
  }
  const left = await open("127.0.0.4");
  expect(await ask(left, "")).toBe("200");
});
