import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngineAgents, type EngineAgents } from "./keep-alive-agent.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import { createPassThrough, type PassedCall, type PassThrough } from "./pass-through.ts";

const doing = { action: "pass a call", kind: "engines", name: "n1" } as const;
const never = new AbortController().signal;
const seen: IncomingMessage[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let endpoint: Endpoint;
let pass: PassThrough;

const server = createServer((request, response) => {
  seen.push(request);
  answer(request, response);
});
server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
  seen.push(request);
  socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst ");
  socket.on("data", (bytes: Buffer) => socket.write(bytes));
  socket.on("end", () => socket.end(" last"));
});
let agents: EngineAgents;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  endpoint = parseEndpoint(`tcp://127.0.0.1:${port}/base`);
  agents = createEngineAgents(endpoint);
  pass = createPassThrough(endpoint, agents);
});
afterAll(() => {
  agents.close();
  server.closeAllConnections();
  server.close();
});

const call = (more: Partial<PassedCall> = {}): PassedCall => ({
  method: "GET",
  path: "/v1.41/info",
  headers: {},
  ...more,
});

test("a call goes as it is, and any status is an answer", async () => {
  answer = (request, response) => {
    response.writeHead(409, { "api-version": "1.41" });
    request.pipe(response);
  };
  const body = Readable.from(["tar"]);
  const headers = { "x-registry-auth": "e30=", names: ["a", "b"] };
  const { response } = await pass(call({ method: "POST", body, headers }), doing, never);
  expect([response.statusCode, response.headers["api-version"]]).toEqual([409, "1.41"]);
  expect(await text(response)).toBe("tar");
  expect(seen.at(-1)?.url).toBe("/base/v1.41/info");
  expect(seen.at(-1)?.headers).toMatchObject({ "x-registry-auth": "e30=", names: "a, b" });
});

test("a connection is handed over with what came at once, and its halves end on their own", async () => {
  const { response, upgraded } = await pass(call({ method: "POST", upgrade: "tcp" }), doing, never);
  expect(response.statusCode).toBe(101);
  if (upgraded === undefined) throw new Error("it was not handed over");
  upgraded.end("input");
  expect(await text(upgraded)).toBe("first input last");
  expect(seen.at(-1)?.headers).toMatchObject({ connection: "Upgrade", upgrade: "tcp" });
});

test("a kept connection that died is asked about again, once, and only for a read", async () => {
  answer = (_request, response) => response.end("one");
  await text((await pass(call(), doing, never)).response);
  const before = seen.length;
  let cut = true;
  answer = (request, response) => {
    if (cut) request.socket.resetAndDestroy();
    else response.end("two");
    cut = false;
  };
  expect(await text((await pass(call(), doing, never)).response)).toBe("two");
  expect(seen.length - before).toBe(2);
  cut = true;
  await expect(pass(call({ method: "POST" }), doing, never)).rejects.toMatchObject({
    reason: "ServiceUnavailable",
  });
});

test("it ends with the caller's signal, and says why", async () => {
  answer = () => undefined; // never answers
  const gone = new AbortController();
  const asking = pass(call(), doing, gone.signal);
  gone.abort(new Error("the caller went"));
  await expect(asking).rejects.toThrow("the caller went");
});

test("an engine that is away is named", async () => {
  const away = createPassThrough(parseEndpoint("unix:///nonexistent/docker.sock"), agents);
  await expect(away(call(), doing, never)).rejects.toMatchObject({
    reason: "ServiceUnavailable",
    message: expect.stringContaining("unix:///nonexistent/docker.sock"),
  });
});
