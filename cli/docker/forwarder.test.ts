import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Forwarder, startForwarder } from "./forwarder.ts";
import { createUpstream } from "./upstream.ts";

const stack = new AsyncDisposableStack();
const seen: IncomingMessage[] = [];
let socketPath: string;
let forwarder: Forwarder;

/** Answers with the body that it got; on `/exec` it hands the connection over, or refuses to. */
function startServer(): Promise<Server> {
  const server = createServer((incoming, response) => {
    seen.push(incoming);
    if (incoming.url?.endsWith("/cut") === true) {
      response.write("some");
      setImmediate(() => response.destroy());
      return;
    }
    response.writeHead(201, { "api-version": "1.41" });
    incoming.pipe(response);
  });
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    seen.push(incoming);
    if (incoming.url?.includes("refused") === true) {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
      return;
    }
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    if (head.length > 0) socket.unshift(head);
    // Everything comes back only after the end of the input.
    void text(socket).then((all) => socket.end(`got ${all}`)); // a test's peer: it does not fail
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

beforeAll(async () => {
  const server = await startServer();
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const dir = await mkdtemp(join(tmpdir(), "lh-fwd-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  socketPath = join(dir, "s");
  const { port } = server.address() as AddressInfo;
  const config = { server: `http://127.0.0.1:${port}/base`, credentials: { token: "t0" } };
  forwarder = stack.use(
    await startForwarder({ socketPath, upstream: createUpstream(config, "host-1") }),
  );
});
afterAll(() => stack.disposeAsync());

type Said = { readonly status: number | undefined; readonly body: string; readonly api: unknown };

function ask(path: string, body = ""): Promise<Said> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: "Bearer stolen", "x-registry-auth": "e30=" };
    const asking = request({ socketPath, path, method: "POST", headers }, (answer) => {
      text(answer).then((said) => {
        resolve({ status: answer.statusCode, body: said, api: answer.headers["api-version"] });
      }, reject);
    });
    asking.on("error", reject).end(body);
  });
}

test("the socket is this user's alone", async () => {
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  expect(forwarder.url).toBe(`unix://${socketPath}`);
});

test("a request goes to the Node with the user's own credentials, and its answer comes back", async () => {
  expect(await ask("/v1.41/build?t=a", "tar")).toEqual({ status: 201, body: "tar", api: "1.41" });
  expect(seen.at(-1)?.url).toBe("/base/api/v1/nodes/host-1/proxy/v1.41/build?t=a");
  expect(seen.at(-1)?.headers).toMatchObject({
    authorization: "Bearer t0",
    "x-registry-auth": "e30=",
  });
});

test("an answer that was cut does not look like its end", async () => {
  await expect(ask("/cut")).rejects.toThrow("aborted");
});

function takeOver(path: string, input: string): Promise<string> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
      `Content-Length: 2\r\n\r\n{}${input}`,
  );
  socket.end();
  return text(socket);
}

test("a connection is handed over with its body, and its halves end on their own", async () => {
  const all = await takeOver("/exec/a/start", "input");
  expect(all).toMatch(/^HTTP\/1.1 101 UPGRADED\r\n.*\r\n\r\ngot \{\}input$/s);
  expect(seen.at(-1)?.headers).toMatchObject({ authorization: "Bearer t0", "content-length": "2" });
});

test("a refusal to hand over comes back as it is", async () => {
  expect(await takeOver("/exec/refused/start", "")).toMatch(/^HTTP\/1.1 403 .*no$/s);
});

test("a server that is away is told in the shape of Docker's own errors", async () => {
  const path = `${socketPath}2`;
  const upstream = createUpstream({ server: "http://127.0.0.1:1" }, "host-1");
  await using away = await startForwarder({ socketPath: path, upstream });
  expect(away.open()).toBe(0);
  const said = await new Promise<string>((resolve, reject) => {
    request({ socketPath: path, path: "/_ping" }, (answer) => {
      text(answer).then(resolve, reject);
    }).end();
  });
  expect(JSON.parse(said)).toEqual({
    message: expect.stringContaining("Cannot reach the API server: connect ECONNREFUSED"),
  });
});
