import { createServer as createHttp, type RequestListener, type Server } from "node:http";
import { connect } from "node:net";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { fakeStreams } from "../../../test/kit/fake-streams.ts";
import { unavailable } from "../../machinery/errors.ts";

let app: TestApp;
let container: Server | undefined;
const pods = "/api/v1/namespaces/default/pods";

beforeAll(async () => {
  app = await openTestApp();
  const containers = [{ name: "web", image: "a", ports: [{ containerPort: 80, name: "http" }] }];
  await app.send("POST", pods, {
    metadata: { name: "web" },
    spec: { containers, nodeName: "n1" },
  });
});
afterEach(() => {
  container?.closeAllConnections();
  container?.close();
});
afterAll(() => app[Symbol.asyncDispose]());

async function serveIn(listener: RequestListener): Promise<number[]> {
  container = createHttp(listener);
  container.listen(0, "127.0.0.1");
  await once(container, "listening");
  const bound = container.address();
  const local = typeof bound === "object" && bound !== null ? bound.port : 0;
  const dialled: number[] = [];
  app.nodes.register(
    "n1",
    fakeStreams({
      async dial(_pod, port) {
        dialled.push(port);
        const socket = connect(local, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      },
    }),
  );
  return dialled;
}

test("a request reaches the port with path, query, body and headers, and nothing of who asks", async () => {
  const seen: unknown[] = [];
  const dialled = await serveIn((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { authorization, cookie, host, "x-own": own } = request.headers;
      const uri = request.headers["x-forwarded-uri"];
      seen.push([request.method, request.url, Buffer.concat(chunks).toString()]);
      seen.push({ authorization, cookie, host, own, uri });
      response.writeHead(418, { "x-answer": "yes" }).end("short and stout");
    });
  });
  const answer = await app.app.inject({
    method: "POST",
    url: `${pods}/web:http/proxy/a%2Fb/?c=d%20e`,
    headers: { authorization: "Bearer secret", cookie: "s=1", "x-own": "kept" },
    payload: "body",
  });
  expect([answer.statusCode, answer.headers["x-answer"], answer.body]).toEqual([
    418,
    "yes",
    "short and stout",
  ]);
  expect(dialled).toEqual([80]);
  expect(seen).toEqual([
    ["POST", "/a%2Fb/?c=d%20e", "body"],
    { host: "web:80", own: "kept", uri: `${pods}/web:http/proxy` },
  ]);
});

test("pages stand in an origin of their own, and redirects stay below the proxy", async () => {
  await serveIn((_request, response) => {
    response.writeHead(302, { location: "/login?next=/" }).end();
  });
  const { headers } = await app.app.inject({ url: `${pods}/web/proxy/start` });
  expect(headers["content-security-policy"]).toContain("sandbox");
  expect(headers["location"]).toBe(`${pods}/web/proxy/login?next=/`);
});

test("a container has no say in what a browser keeps for the API server's address", async () => {
  await serveIn((_request, response) => {
    const kept = { "set-cookie": ["a=1; path=/"], "clear-site-data": '"*"', "alt-svc": "clear" };
    response.writeHead(200, { ...kept, "x-own": "1" }).end();
  });
  const { headers } = await app.app.inject({ url: `${pods}/web/proxy/` });
  expect(headers).toMatchObject({ "x-own": "1" });
  for (const name of ["set-cookie", "clear-site-data", "alt-svc"])
    expect(headers).not.toHaveProperty(name);
});

test("a container that switches protocols unasked has failed", async () => {
  await serveIn(() => {});
  container?.removeAllListeners("request").on("connection", (socket) => {
    socket.on("error", () => {});
    socket.write("HTTP/1.1 101 Now\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  });
  const { statusCode, body } = await app.app.inject({ url: `${pods}/web/proxy/` });
  expect([statusCode, body]).toEqual([503, expect.stringContaining("unasked") as string]);
});

test("a port that nobody listens on is said, as Kubernetes says it", async () => {
  app.nodes.register(
    "n1",
    fakeStreams({
      dial: () => Promise.reject(unavailable("Cannot connect to port 9: nothing listens on it")),
    }),
  );
  const answer = await app.app.inject({ url: `${pods}/web:9/proxy/` });
  expect([answer.statusCode, answer.json().message]).toEqual([
    503,
    "Cannot connect to port 9: nothing listens on it",
  ]);
  const cut = await serveIn((request) => request.socket.destroy());
  const broken = await app.app.inject({ url: `${pods}/web:8080/proxy/` });
  expect([broken.statusCode, broken.json().message, cut]).toEqual([
    503,
    expect.stringContaining("error trying to reach pod web:8080: "),
    [8080],
  ]);
});

test("absent pods and wrong ports are refused before anybody is dialled", async () => {
  const dialled = await serveIn((_request, response) => response.end());
  const absent = await app.app.inject({ url: `${pods}/none:80/proxy/` });
  const wrong = await app.app.inject({ url: `${pods}/web:70000/proxy/` });
  expect([absent.statusCode, wrong.statusCode, dialled]).toEqual([404, 400, []]);
});
