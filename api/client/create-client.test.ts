import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../test/kit/eventually.ts";
import { type Answer, type HttpServer, httpServer, sendJson } from "../../test/kit/http-server.ts";
import {
  isExpired,
  isUnavailable,
  notFound,
  reasonOf,
  tooManyRequests,
} from "../machinery/errors.ts";
import type { KubeObject } from "../machinery/object.ts";
import { nodes, pods } from "../machinery/resources.ts";
import { toStatus } from "../machinery/status.ts";
import type { ClientConfig } from "./config.ts";
import { createClient, type OwnedClient } from "./create-client.ts";

type Setup = { readonly server: HttpServer; readonly client: OwnedClient };

async function setup(answer: Answer, config: Partial<ClientConfig> = {}): Promise<Setup> {
  const server = await httpServer(answer);
  const client = createClient({ server: server.url, requestTimeoutMs: 2_000, ...config });
  onTestFinished(async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  return { server, client };
}

const pod = (name: string, resourceVersion = "1"): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "shop", uid: name, resourceVersion, creationTimestamp: "" },
});
const web = { namespace: "shop", name: "web" };
const forever = new AbortController().signal;

test("client.get() returns undefined when the object is absent", async () => {
  const it = await setup((_, response) => {
    sendJson(response, 404, toStatus(notFound(pods, "web")));
  });
  expect(await it.client.get(pods, web)).toBeUndefined();
  expect(it.server.received[0]?.url.pathname).toBe("/api/v1/namespaces/shop/pods/web");
});

test("client.get() refuses an answer that is no JSON instead of taking it for absence", async () => {
  const it = await setup((_, response) => void response.end("<html>"));
  await expect(it.client.get(pods, web)).rejects.toThrow("it is not JSON");
});

test("client keeps its connections for later calls", async () => {
  const it = await setup((_, response) => sendJson(response, 200, pod("web")));
  for (let call = 0; call < 20; call += 1) await it.client.get(pods, web);
  expect(it.server.connections).toBeLessThanOrEqual(2);
});

test("client opens few connections for many calls at once, and one per watch", async () => {
  const it = await setup(({ url }, response) => {
    if (url.searchParams.has("watch")) return void response.write(" \n");
    return sendJson(response, 200, pod("web"));
  });
  await Promise.all(Array.from({ length: 100 }, () => it.client.get(pods, web)));
  expect(it.server.connections).toBeLessThanOrEqual(16);
  const controller = new AbortController();
  const watches = Array.from({ length: 20 }, () =>
    Array.fromAsync(it.client.watch(pods, { resourceVersion: "1" }, controller.signal)),
  );
  await eventually("all watches are open", () => it.server.received.length === 120);
  expect((await it.client.get(pods, web))?.metadata.name).toBe("web");
  controller.abort();
  expect((await Promise.all(watches)).flat()).toEqual([]);
});

test("client.list() reads all pages and names the kind of each item", async () => {
  const it = await setup(({ url }, response) => {
    const from = Number(url.searchParams.get("continue") ?? "0");
    const { apiVersion: _a, kind: _k, ...bare } = pod(`web-${from}`);
    const more = from < 2 ? { continue: String(from + 1) } : {};
    sendJson(response, 200, { metadata: { resourceVersion: "7", ...more }, items: [bare] });
  });
  const list = await it.client.list(pods, { namespace: "shop", labelSelector: "app=web" });
  expect(list.items.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
    "Pod web-0",
    "Pod web-1",
    "Pod web-2",
  ]);
  expect(list.resourceVersion).toBe("7");
  expect(it.server.received[0]?.url.search).toBe("?labelSelector=app%3Dweb&limit=500");
});

test("client.list() reads everything at once when a page's revision was compacted", async () => {
  const it = await setup(({ url }, response) => {
    if (url.searchParams.has("continue")) return sendJson(response, 410, gone);
    const whole = !url.searchParams.has("limit");
    const names = whole ? ["a", "b", "c"] : ["a"];
    const metadata = { resourceVersion: "9", ...(whole ? {} : { continue: "1" }) };
    sendJson(response, 200, { metadata, items: names.map((name) => pod(name)) });
  });
  const list = await it.client.list(pods);
  expect(list.items.map(({ metadata }) => metadata.name)).toEqual(["a", "b", "c"]);
});
const gone = {
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  reason: "Expired",
  message: "too old",
  code: 410,
};

test.each([
  ["429 without Retry-After is asked again after a second", 429, undefined, 2],
  ["503 with Retry-After is asked again", 503, "0", 2],
  ["503 without it is the caller's to handle", 503, undefined, 1],
  ["a wait beyond the deadline is not begun", 503, "10", 1],
])("client.get() %s", async (_why, status, retryAfter, calls) => {
  const it = await setup((_, response) => {
    if (it0.length > 1) return sendJson(response, 200, pod("web"));
    if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
    return sendJson(response, status, toStatus(tooManyRequests("busy", 1)));
  });
  const it0 = it.server.received;
  const outcome = await it.client.get(pods, web).catch((err: unknown) => reasonOf(err));
  expect(it0).toHaveLength(calls);
  expect(typeof outcome).toBe(calls === 2 ? "object" : "string");
});

test("client.create() is never repeated", async () => {
  const it = await setup((_, response) => {
    response.setHeader("retry-after", "0");
    sendJson(response, 503, {});
  });
  const draft = { ...pod("web"), spec: { containers: [] } };
  await expect(it.client.create(pods, draft)).rejects.toSatisfy(isUnavailable);
  expect(it.server.received).toHaveLength(1);
});

test("client repeats an idempotent call when its connection breaks", async () => {
  let calls = 0;
  const it = await setup((_, response) => {
    calls += 1;
    if (calls === 1) return void response.socket?.destroy();
    return sendJson(response, 200, pod("web"));
  });
  expect((await it.client.get(pods, web))?.metadata.name).toBe("web");
  expect(calls).toBe(2);
});

test("client bounds every call that is no watch", async () => {
  const it = await setup(() => undefined, { requestTimeoutMs: 60 });
  const err = await it.client.get(pods, web).catch((err: unknown) => err);
  expect(reasonOf(err)).toBe("Timeout");
  expect(String(err)).toContain("no answer within 0.06 s");
});

test("client bounds an answer that stops in the middle of its body", async () => {
  const it = await setup((_, response) => void response.write("{"), { requestTimeoutMs: 60 });
  await expect(it.client.get(pods, web)).rejects.toSatisfy((err) => reasonOf(err) === "Timeout");
});

test("client names the server and the way out when nobody listens", async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  const client = createClient({ server: `http://127.0.0.1:${port}` });
  const err = await client.get(pods, web).catch((err: unknown) => err);
  expect(isUnavailable(err)).toBe(true);
  expect(String(err)).toContain(
    `Cannot reach the API server at http://127.0.0.1:${port}: connection refused; check that`,
  );
});

test("client rejects with the caller's reason when the caller aborts", async () => {
  const it = await setup(() => undefined);
  const controller = new AbortController();
  const pending = it.client.get(pods, web, controller.signal);
  controller.abort(new Error("stop"));
  await expect(pending).rejects.toThrow("stop");
});

test("client sends credentials, agent, manager and content types", async () => {
  const it = await setup((_, response) => sendJson(response, 200, pod("web")), {
    credentials: async () => ({ token: "t0ken" }),
    userAgent: "tests/1",
  });
  await it.client.patch(
    pods,
    web,
    { type: "apply", body: {}, force: true },
    { subresource: "status", dryRun: true, fieldValidation: "Strict" },
  );
  const [request] = it.server.received;
  expect(request?.headers).toMatchObject({
    authorization: "Bearer t0ken",
    "user-agent": "tests/1",
    "content-type": "application/apply-patch+yaml",
  });
  expect(request?.url.href).toContain(
    "/pods/web/status?dryRun=All&fieldValidation=Strict&fieldManager=lighthouse&force=true",
  );
});

test("client.create() posts a subresource below the object", async () => {
  const it = await setup((_, response) => sendJson(response, 201, {}));
  await it.client.create(
    pods,
    { ...pod("web"), spec: { containers: [] } },
    { subresource: "binding" },
  );
  expect(it.server.received[0]?.url.pathname).toBe("/api/v1/namespaces/shop/pods/web/binding");
});

test("client refuses a namespaced object without its namespace", async () => {
  const it = await setup(() => undefined);
  await expect(it.client.get(pods, { name: "web" })).rejects.toThrow("it has no namespace");
  await expect(it.client.get(nodes, { name: "" })).rejects.toThrow("it has no name");
});

test("client.delete() resolves when the object is gone and sends its preconditions", async () => {
  const it = await setup((_, response) => sendJson(response, 404, {}));
  await it.client.delete(pods, web, { preconditions: { uid: "u" }, gracePeriodSeconds: 0 });
  expect(JSON.parse(it.server.received[0]?.body ?? "")).toEqual({
    apiVersion: "v1",
    kind: "DeleteOptions",
    preconditions: { uid: "u" },
    gracePeriodSeconds: 0,
  });
});

test("client hands the texts of Warning headers to its caller", async () => {
  const warnings: string[] = [];
  const it = await setup(
    (_, response) => {
      response.setHeader("warning", ['299 - "unknown field \\"spec.a\\""', '299 - "old"']);
      sendJson(response, 200, pod("web"));
    },
    { onWarning: (text) => warnings.push(text) },
  );
  await it.client.get(pods, web);
  expect(warnings).toEqual(['unknown field "spec.a"', "old"]);
});

const frame = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

test("client.watch() yields frames however the bytes were cut, and ends with the server", async () => {
  const it = await setup(async (_, response) => {
    const bytes = Buffer.from(
      frame("ADDED", pod("café", "2")) +
        frame("BOOKMARK", pod("", "3")) +
        frame("DELETED", pod("a")),
    );
    for (const byte of bytes) response.write(Buffer.of(byte));
    response.end();
  });
  const frames = await Array.fromAsync(it.client.watch(pods, { resourceVersion: "1" }, forever));
  expect(frames.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK", "DELETED"]);
  expect(frames[0]).toMatchObject({ object: { metadata: { name: "café" } } });
  expect(it.server.received[0]?.url.search).toBe(
    "?resourceVersion=1&watch=true&allowWatchBookmarks=true",
  );
});

test.each([
  ["an ERROR frame", 200, frame("ERROR", gone)],
  ["an answer of 410", 410, JSON.stringify(gone)],
])("client.watch() throws Expired on %s", async (_why, status, body) => {
  const it = await setup((_, response) => void response.writeHead(status).end(body));
  const frames = Array.fromAsync(it.client.watch(pods, { resourceVersion: "1" }, forever));
  await expect(frames).rejects.toSatisfy(isExpired);
});

test("client.watch() ends without an error when its signal aborts", async () => {
  const it = await setup((_, response) => void response.write(frame("ADDED", pod("a"))));
  const controller = new AbortController();
  const seen: string[] = [];
  for await (const { type } of it.client.watch(pods, { resourceVersion: "1" }, controller.signal)) {
    seen.push(type);
    controller.abort();
  }
  expect(seen).toEqual(["ADDED"]);
});

test("client.watch() fails when the connection breaks or nothing comes any more", async () => {
  const it = await setup((_, response) => void response.write(frame("ADDED", pod("a"))), {
    watchSilenceMs: 100,
  });
  const silent = Array.fromAsync(it.client.watch(pods, { resourceVersion: "1" }, forever));
  await expect(silent).rejects.toThrow("nothing came for 0.1 s");
  const cut = Array.fromAsync(it.client.watch(pods, { resourceVersion: "1" }, forever));
  cut.catch(() => undefined);
  await eventually("the second watch is open", () => it.server.received.length === 2);
  it.server.cut();
  await expect(cut).rejects.toSatisfy(isUnavailable);
});

test("client.raw() streams the body and throws for a failure", async () => {
  const it = await setup(({ url }, response) => {
    if (url.pathname === "/no")
      return sendJson(response, 403, { kind: "Status", reason: "Forbidden" });
    return void response.writeHead(200, { "x-one": "1" }).end("line\n");
  });
  const { headers, body } = await it.client.raw({ method: "GET", path: "/log?follow=true" });
  expect(headers["x-one"]).toBe("1");
  expect(Buffer.concat(await Array.fromAsync(body)).toString()).toBe("line\n");
  await expect(it.client.raw({ method: "GET", path: "/no" })).rejects.toSatisfy(
    (err) => reasonOf(err) === "Forbidden",
  );
});
