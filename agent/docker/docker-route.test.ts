import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { bodyHeader } from "../../api/machinery/docker/body-header.ts";
import { testImages } from "../../test/kit/images.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openTunnelRig } from "../../test/kit/tunnel.ts";
import { nodes } from "../../api/machinery/resources.ts";
import type { NodeAnswer, NodeCall } from "../../api/tunnel/node-link.ts";
import { createMetrics } from "../../controllers/runtime/metrics.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { containerLabel } from "../../crds/labels.ts";
import { openEngine } from "../engine/dockerode.ts";
import type { Engine } from "../engine/engine.ts";
import { createNodeHandler } from "../node-routes.ts";
import { createInventory } from "../pods/inventory.ts";

const cluster = "c-1";
const never = new AbortController().signal;
const stack = new AsyncDisposableStack();
const events: string[] = [];
let engine: Engine;
let handle: (call: NodeCall) => Promise<NodeAnswer>;

const ours = {
  [containerLabel.cluster]: cluster,
  [containerLabel.podUid]: "u1",
  [containerLabel.podNamespace]: "shop",
  [containerLabel.podName]: "web-0",
};

beforeAll(async () => {
  const simulated = stack.use(await simulatedEngine());
  engine = stack.use(openEngine(simulated.url));
  const client = memoryApi();
  await client.create(nodes, { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } });
  const world = {
    nodeName: "n1",
    client,
    clock: systemClock,
    metrics: createMetrics(),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    recorder: {
      event: (_about: unknown, { reason, message }: { reason: string; message: string }) =>
        void events.push(`${reason}: ${message}`),
    },
    signal: never,
    host: {
      engine,
      inventory: createInventory(engine, cluster),
      cluster,
      pod: () => undefined,
      onEvent: () => undefined,
    },
  };
  const handler = createNodeHandler(world);
  handle = (call) => handler(call, never);
});
afterAll(() => stack.disposeAsync());
afterEach(async () => {
  events.length = 0;
  for (const { id } of await engine.containers.list({}))
    await engine.containers.remove(id, { force: true });
});

type Asked = { readonly body?: unknown; readonly right?: string; readonly upgrade?: string };

/** `right` is the verb and subresource that the server granted. */
function call(route: string, { body, right = "create docker-write", upgrade }: Asked = {}) {
  const [method = "", path = ""] = route.split(" ");
  const [verb = "", subresource = ""] = right.split(" ");
  const caller = { user: "ann", groups: [], verb, resource: `nodes/${subresource}`, auditId: "a" };
  return handle({
    method,
    path: `/docker${path}`,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    caller,
    ...(body === undefined ? {} : { body: Readable.from([Buffer.from(JSON.stringify(body))]) }),
    ...(upgrade === undefined ? {} : { upgrade }),
  });
}

async function told(answer: NodeAnswer): Promise<readonly [number, string]> {
  return [answer.status, await text(answer.body)];
}

async function made(name: string, labels: Record<string, string> = {}): Promise<string> {
  const body = { Image: testImages.web, Labels: labels };
  const [status, said] = await told(await call(`POST /containers/create?name=${name}`, { body }));
  expect([name, status]).toEqual([name, 201]);
  return (JSON.parse(said) as { Id: string }).Id;
}

test("a container of others is theirs to do with as they like, by name or beginning of its id", async () => {
  const id = await made("mine");
  expect((await call("POST /v1.41/containers/mine/start")).status).toBe(204);
  expect((await call(`POST /containers/${id.slice(0, 10)}/kill`)).status).toBe(204);
  expect((await call("DELETE /containers/mine?force=1")).status).toBe(204);
});

test.each([
  ["POST /containers/web/start", "docker-write"],
  ["POST /containers/web/stop?t=1", "docker-write"],
  ["POST /containers/web/kill", "docker-write"],
  ["POST /containers/web/rename?name=x", "docker-write"],
  ["POST /containers/web/update", "docker-write"],
  ["DELETE /containers/web?force=1", "docker-write"],
  ["POST /containers/web/exec", "docker-exec"],
  ["POST /containers/web/attach?stdin=1&stream=1", "docker-exec"],
  ["PUT /containers/web/archive?path=/", "docker-exec"],
  ["POST /commit?container=web&repo=a", "docker-build"],
])("%s is refused for a container of a Pod, by its name and its id", async (route, subresource) => {
  const id = await made("web", ours);
  const right = `create ${subresource}`;
  for (const one of [route, route.replace("web", id.slice(0, 8))])
    await expect(call(one, { body: {}, right })).rejects.toThrow(
      "Cannot change container web: it belongs to Pod shop/web-0 of Lighthouse; change or delete",
    );
  expect(await engine.containers.inspect(id)).toMatchObject({ id, name: "web" });
});

test("a container of a Pod can be read, and changed by who may override", async () => {
  await made("web", ours);
  expect((await call("GET /containers/web/json", { right: "get docker-read" })).status).toBe(200);
  const copy = "GET /containers/web/archive?path=/etc";
  expect((await call(copy, { right: "create docker-exec" })).status).not.toBe(403);
  const override = { right: "override docker-write" };
  expect((await call("POST /containers/web/start", override)).status).toBe(204);
});

test("containers of another control plane are foreign, and not ours to guard", async () => {
  await made("theirs", { ...ours, [containerLabel.cluster]: "c-2" });
  expect((await call("POST /containers/theirs/start")).status).toBe(204);
});

test("a command of ours is nobody else's to start", async () => {
  const id = await made("web", ours);
  await call("POST /containers/web/start", { right: "override docker-write" });
  const body = { Cmd: ["sh"], AttachStdout: true };
  const created = await call(`POST /containers/${id}/exec`, {
    body,
    right: "override docker-exec",
  });
  const [, said] = await told(created);
  const { Id } = JSON.parse(said) as { readonly Id: string };
  await expect(
    call(`POST /exec/${Id}/start`, { body: {}, right: "create docker-exec" }),
  ).rejects.toThrow("belongs to Pod shop/web-0");
});

test("a command is started with its body and its input, also through the tunnel", async () => {
  await using rig = await openTunnelRig((asked) => handle(asked));
  const id = await made("mine");
  await call("POST /containers/mine/start");
  const body = { Cmd: ["cat"], AttachStdin: true, AttachStdout: true, Tty: true };
  const right = "create docker-exec";
  const [, said] = await told(await call(`POST /containers/${id}/exec`, { body, right }));
  const { Id } = JSON.parse(said) as { readonly Id: string };
  const caller = { user: "ann", groups: [], verb: "create", resource: "nodes/docker-exec" };
  const packed = Buffer.from('{"Detach":false,"Tty":true}').toString("base64");
  const asked = {
    method: "POST",
    path: `/docker/exec/${Id}/start`,
    headers: { "content-type": "application/json", [bodyHeader]: packed },
    caller: { ...caller, auditId: "a" },
    upgrade: "tcp",
  };
  const { status, upgraded } = await rig.hub.handler("n1")(asked, never);
  if (upgraded === undefined) throw new Error("it was not handed over");
  upgraded.end("input");
  expect([status, await text(upgraded)]).toEqual([101, "input"]);
});

test("what is not there is told in the engine's own words", async () => {
  const [status, said] = await told(await call("POST /containers/nobody/start"));
  expect([status, JSON.parse(said)]).toEqual([404, { message: "No such container: nobody" }]);
});

test("a new container joins neither ours, nor their networks and volumes", async () => {
  const id = await made("web", ours);
  await made("mine");
  const join = (NetworkMode: string): Promise<NodeAnswer> =>
    call("POST /containers/create", {
      body: { Image: testImages.web, HostConfig: { NetworkMode } },
    });
  await expect(join("container:web")).rejects.toThrow("belongs to Pod shop/web-0");
  await expect(join(`container:${id.slice(0, 12)}`)).rejects.toThrow("belongs to Pod shop/web-0");
  expect((await join("container:mine")).status).toBe(201);
  const link = { Image: testImages.web, HostConfig: { Links: ["web:db"] } };
  await expect(call("POST /containers/create", { body: link })).rejects.toThrow(
    "belongs to Pod shop/web-0",
  );
  const labels = { [containerLabel.cluster]: cluster };
  await engine.networks.create({ name: "shop", labels, options: {} });
  await expect(join("shop")).rejects.toThrow("Cannot change or use network shop");
  await expect(call("DELETE /networks/shop")).rejects.toThrow("network shop: it belongs to Pods");
});

test("a container by which the host is had is for who may override, also to copy from", async () => {
  const body = { Image: testImages.web, HostConfig: { Privileged: true } };
  await call("POST /containers/create?name=strong", { body, right: "override docker-write" });
  const right = "create docker-exec";
  const refused = "Cannot enter container strong: it is privileged";
  const exec = { body: { Cmd: ["sh"] }, right };
  await expect(call("POST /containers/strong/exec", exec)).rejects.toThrow(refused);
  const copy = "GET /containers/strong/archive?path=/etc";
  await expect(call(copy, { right })).rejects.toThrow(refused);
  await expect(call("GET /containers/strong/export", { right })).rejects.toThrow(refused);
  expect((await call("POST /containers/strong/start")).status).toBe(204);
  const over = { ...exec, right: "override docker-exec" };
  expect((await call("POST /containers/strong/exec", over)).status).toBe(201);
});

test("nobody gets to the network of the host by way of those who are on it", async () => {
  const onHost = { Image: testImages.web, HostConfig: { NetworkMode: "host" } };
  const override = { right: "override docker-write" };
  await call("POST /containers/create?name=near", { body: onHost, ...override });
  const behind = (name: string) => ({
    body: { Image: testImages.web, HostConfig: { NetworkMode: `container:${name}` } },
  });
  const create = "POST /containers/create?name=far";
  await expect(call(create, behind("near"))).rejects.toThrow("its network is that of the host");
  expect((await call(create, { ...behind("near"), ...override })).status).toBe(201);
  await expect(call("POST /containers/create", behind("far"))).rejects.toThrow("that of the host");
});

test("an agent of Lighthouse is no container like others", async () => {
  await made("agent", { [containerLabel.agent]: "true" });
  await expect(call("POST /containers/agent/stop")).rejects.toThrow("it is an agent of Lighthouse");
});

test.each([
  ["GET /containers/json", "create docker-write"],
  ["POST /containers/create", "get docker-read"],
  ["POST /containers/create", "create docker-exec"],
  ["POST /build", "create docker-write"],
  ["POST /containers/create", "create pods/exec"],
])("%s is refused on the right to %s, whatever the server let through", async (route, right) => {
  await expect(call(route, { right })).rejects.toThrow(
    expect.objectContaining({
      reason: "Forbidden",
      message: expect.stringContaining(`the right to ${right.replace(" ", " nodes/")} does not`),
    }),
  );
});

test.each([
  ["GET /swarm", "Docker Swarm"],
  ["POST /plugins/pull", "a plugin runs as root"],
  ["GET /containers/../info", 'a segment ".."'],
])("%s is refused here too", async (route, why) => {
  await expect(call(route, { right: "override proxy" })).rejects.toThrow(why);
});

test("containers that come and go by hand are told in Events: who, what, of which image", async () => {
  const id = (await made("mine")).slice(0, 12);
  await call("DELETE /containers/mine");
  await expect
    .poll(() => events)
    .toEqual([
      `DockerCreated: User ann created container mine (${id}) of image ${testImages.web} with docker`,
      `DockerRemoved: User ann removed container mine (${id}) of image ${testImages.web} with docker`,
    ]);
});
