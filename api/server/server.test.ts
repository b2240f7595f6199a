import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, type ClientHttp2Session } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect as tcpConnect } from "node:net";
import { tmpdir } from "node:os";
import { connect as tlsConnect } from "node:tls";
import { join } from "node:path";
import pino from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { memoryStore } from "../store/memory.ts";
import { parseServerConfig } from "./config.ts";
import type { Access } from "./pki/kubeconfig.ts";
import { type RunningServer, runServer, startServer } from "./server.ts";

/** Runs `offsetMs` beside the real time; sleepers wake when told. */
function handClock(offsetMs = 0) {
  let offset = offsetMs;
  const sleepers = new Set<() => void>();
  return {
    nowMs: () => Date.now() + offset,
    sleep: (_ms: number, signal: AbortSignal): Promise<void> =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        sleepers.add(resolve);
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      }),
    advance(ms: number) {
      offset += ms;
      for (const wake of sleepers) wake();
      sleepers.clear();
    },
  };
}

const dayMs = 86_400_000;

let root: string;
let stack: AsyncDisposableStack;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lighthouse-server-"));
  stack = new AsyncDisposableStack();
  stack.defer(() => rm(root, { recursive: true }));
});
afterEach(() => stack.disposeAsync());

function optionsFor(over: object = {}, clock = handClock()): Parameters<typeof startServer>[0] {
  const input = {
    listen: "127.0.0.1:0",
    dataDir: join(root, "data"),
    kubeconfig: join(root, "kubeconfig"),
    ...over,
  };
  const store = stack.use(memoryStore());
  const log = pino({ level: "silent" });
  return { config: parseServerConfig(input), store, log, clock, version: "0.1.0" };
}

const start = async (over: object = {}): Promise<RunningServer> =>
  stack.use(await startServer(optionsFor(over)));

type Answer = { readonly status: number; readonly body: string; readonly headers: object };

/** GET over HTTP/1.1. */
function get(url: string, { authority, client }: Partial<Access> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { ca: authority, cert: client?.certificate, key: client?.key, agent: false };
    const request = httpsRequest(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString(),
          headers: response.headers,
        }),
      );
    });
    request.on("error", reject).end();
  });
}

function session({ server, authority, client }: Access): ClientHttp2Session {
  const { certificate: cert, key } = client;
  const opened = connect(server, { ca: authority, cert, key });
  stack.defer(() => opened.destroy());
  return opened;
}

/** GET over HTTP/2; resolves with the status as soon as the headers are there. */
function open(over: ClientHttp2Session, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = over.request({ ":path": path });
    stream.on("response", (headers) => resolve(Number(headers[":status"])));
    stream.on("error", reject).resume().end();
  });
}

test("startServer() keeps an idle HTTP/1.1 connection longer than heartbeats are apart", async () => {
  const { url, admin } = await start();
  const { hostname: host, port } = new URL(url);
  const socket = tlsConnect({ host, port: Number(port), ca: admin.authority });
  socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  const [head] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(head.toString()).toMatch(/^keep-alive: timeout=90\r$/im);
});

test("startServer() serves HTTP/1.1 and HTTP/2 on one port, as whom the certificate says", async () => {
  const { admin, agent, beacon, url } = await start({ beacon: "paris" });
  expect(beacon).toBe("paris");
  expect((await get(`${url}/version`, admin)).status).toBe(200);
  const h2 = session(admin);
  expect(await open(h2, "/apis/lighthouse.dev/v1/beacons")).toBe(200);
  expect(await open(h2, "/apis")).toBe(200);
  const refused = await get(`${url}/apis/lighthouse.dev/v1/applications`, agent);
  expect(refused.status).toBe(403);
  expect(JSON.parse(refused.body).message).toContain('User "system:beacon:paris" cannot list');
});

test("a body over HTTP/2 needs neither a length nor a type", async () => {
  const { admin } = await start();
  const status = await new Promise((resolve, reject) => {
    const path = "/api/v1/namespaces";
    const stream = session(admin).request({ ":method": "POST", ":path": path });
    stream.on("response", (headers) => resolve(headers[":status"]));
    stream.on("error", reject).resume();
    stream.end(JSON.stringify({ metadata: { name: "typeless" } }));
  });
  expect(status).toBe(201);
});

test("startServer() answers strangers with 401, except for probes, and sets the usual headers", async () => {
  const { admin, url } = await start();
  const { authority } = admin;
  for (const path of ["/version", "/api", "/apis/lighthouse.dev/v1/beacons"]) {
    const { status, body } = await get(url + path, { authority });
    expect([path, status, JSON.parse(body).reason]).toEqual([path, 401, "Unauthorized"]);
  }
  const probe = await get(`${url}/readyz`, { authority });
  expect([probe.status, probe.body]).toEqual([200, "ok"]);
  expect(probe.headers).toMatchObject({ "cache-control": "no-cache, private" });
  expect(Object.keys(probe.headers)).toEqual(
    expect.arrayContaining(["audit-id", "x-kubernetes-pf-flowschema-uid"]),
  );
});

test("a URL that is none is refused with a Status", async () => {
  const { admin, url } = await start();
  const { status, body } = await get(`${url}/%zz`, admin);
  expect([status, JSON.parse(body)]).toEqual([
    400,
    expect.objectContaining({ kind: "Status", reason: "BadRequest" }),
  ]);
  expect((await get(`${url}/metrics`, admin)).status).toBe(200);
});

test("startServer() takes no certificate of another authority", async () => {
  const { url, admin } = await start();
  const other = await start({ dataDir: join(root, "other") });
  const foreign = await get(`${url}/version`, {
    authority: admin.authority,
    client: other.admin.client,
  });
  expect(foreign.status).toBe(401);
});

test("startServer() speaks nothing but TLS", async () => {
  const { url } = await start();
  const { port } = new URL(url);
  const socket = tcpConnect(Number(port), "127.0.0.1");
  socket.end("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  const chunks = await socket
    .on("error", () => {})
    .toArray()
    .catch(() => []);
  expect(Buffer.concat(chunks as Buffer[]).toString()).not.toContain("200");
});

test("a client certificate that has expired is nobody's", async () => {
  const { url, admin } = stack.use(await startServer(optionsFor({}, handClock(-800 * dayMs))));
  const answer = new Promise((resolve, reject) => {
    const { certificate: cert, key } = admin.client;
    const options = { cert, key, rejectUnauthorized: false, agent: false };
    httpsRequest(`${url}/version`, options, ({ statusCode }) => resolve(statusCode))
      .on("error", reject)
      .end();
  });
  expect(await answer).toBe(401);
});

/** Serial number of the certificate that a server shows now. */
function serialOf(url: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.end();
    });
    socket.on("error", reject);
  });
}

test("the serving certificate is renewed while the server runs", async () => {
  const clock = handClock();
  const { url } = stack.use(await startServer(optionsFor({}, clock)));
  const first = await serialOf(url);
  clock.advance(300 * dayMs);
  expect(await serialOf(url)).toBe(first);
  clock.advance(40 * dayMs);
  await eventually(async () => {
    clock.advance(0); // wakes it again, if it was not asleep before
    return (await serialOf(url)) !== first;
  });
});

/** Asks until it is so; the renewal works in the background. */
async function eventually(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setImmediate(resolve));
}

test("startServer() finds its identity again and writes a kubeconfig that fits", async () => {
  const first = await startServer(optionsFor());
  await first[Symbol.asyncDispose]();
  const second = await start();
  expect(second.admin.authority).toBe(first.admin.authority);
  expect(await readFile(join(root, "kubeconfig"), "utf8")).toContain(`server: ${second.url}`);
  const own = await readFile(join(root, "data/pki/controllers.kubeconfig"), "utf8");
  expect(own).toContain(second.url);
});

test("a server's end does not wait for watches and idle connections", async () => {
  const server = await startServer(optionsFor());
  const h2 = session(server.admin);
  const path = "/apis/lighthouse.dev/v1/beacons?watch=true&resourceVersion=1";
  expect(await open(h2, path)).toBe(200);
  const before = performance.now();
  await server[Symbol.asyncDispose]();
  expect(performance.now() - before).toBeLessThan(1_500);
});

test("a server that ends says so to its watchers and its sessions", async () => {
  const server = await startServer(optionsFor());
  const h2 = session(server.admin);
  const probe = h2.request({ ":path": "/livez" });
  const watch = h2.request({ ":path": "/api/v1/nodes?watch=true&allowWatchBookmarks=true" });
  await Promise.all([once(probe, "response"), once(watch, "response")]);
  let text = "";
  watch.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const told = once(h2, "goaway");
  const ended = server[Symbol.asyncDispose]();
  await once(watch, "end");
  await told;
  // The last line says where to go on.
  expect(JSON.parse(text.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({ type: "BOOKMARK" });
  expect(watch.rstCode).toBe(0);
  await ended;
});

test("a server's end does not wait for connections that never asked for anything", async () => {
  const server = await startServer(optionsFor());
  const { port } = new URL(server.admin.server);
  const before = performance.now();
  const silent = tcpConnect(Number(port), "127.0.0.1");
  const ca = server.admin.authority;
  const secure = tlsConnect({
    port: Number(port),
    host: "127.0.0.1",
    ca,
    ALPNProtocols: ["http/1.1"],
  });
  for (const socket of [silent, secure]) {
    socket.on("error", () => {}); // how the end looks to them
    stack.defer(() => void socket.destroy());
  }
  await once(secure, "secureConnect");
  await server[Symbol.asyncDispose]();
  expect(performance.now() - before).toBeLessThan(5_000);
});

test("startServer() says which port is taken and what to do", async () => {
  const { url } = await start();
  const { host } = new URL(url);
  await expect(start({ listen: host })).rejects.toThrow(
    `Cannot listen on ${host}: the port is in use; choose another address with --listen`,
  );
});

test("startServer() lets go of the port when the kubeconfig cannot be written", async () => {
  const taken = { kubeconfig: root };
  await expect(start(taken)).rejects.toThrow(`Cannot write kubeconfig ${root}: EISDIR`);
});

test("runServer() lives until its signal aborts", async () => {
  const stop = new AbortController();
  let url = "";
  await runServer(optionsFor(), stop.signal, (server) => {
    ({ url } = server);
    stop.abort();
  });
  await expect(get(`${url}/livez`)).rejects.toThrow(/ECONNREFUSED/);
});
