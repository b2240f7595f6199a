import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../test/kit/eventually.ts";
import { httpServer } from "../../test/kit/http-server.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import type { SimulatedEngine } from "../simulated/simulated-engine.ts";
import { type EngineOptions, openEngine } from "./dockerode.ts";
import type { Engine, PullProgress } from "./engine.ts";

type Pair = { readonly engine: Engine; readonly simulated: SimulatedEngine };

async function start(options: EngineOptions = {}): Promise<Pair> {
  const simulated = await simulatedEngine();
  const engine = openEngine(simulated.url, options);
  onTestFinished(async () => {
    await engine[Symbol.asyncDispose]();
    await simulated[Symbol.asyncDispose]();
  });
  await engine.info();
  return { engine, simulated };
}

const impatient = { deadlines: { readMs: 100, changeMs: 100, pullMs: 100 } };

test("a call that is never answered ends by its deadline, naming engine and action", async () => {
  const { engine, simulated } = await start(impatient);
  simulated.inject({ on: /^GET \/containers\/json/, kind: "hang" });
  await expect(engine.containers.list()).rejects.toMatchObject({
    reason: "Timeout",
    message: `Cannot list containers: Docker engine at ${simulated.url} did not finish within 0.1 s`,
  });
});

test("an answer cut in its middle rejects at once", async () => {
  const { engine, simulated } = await start();
  simulated.inject({ on: /^POST \/containers\/create/, kind: "cut" });
  await expect(engine.containers.create("web", { Image: testImages.web })).rejects.toMatchObject({
    reason: "ServiceUnavailable",
  });
});

test("a read over a kept connection that broke is asked again, a change is not", async () => {
  const { engine, simulated } = await start();
  const asked = (request: string): number =>
    simulated.requests.filter((one) => one === request).length;
  simulated.inject({ on: /^GET \/containers\/json/, kind: "drop" });
  expect(await engine.containers.list()).toEqual([]);
  expect(asked("GET /containers/json")).toBe(2);
  simulated.inject({ on: /^POST \/containers\/create/, kind: "drop" });
  await expect(engine.containers.create("web", { Image: testImages.web })).rejects.toMatchObject({
    reason: "ServiceUnavailable",
  });
  expect(asked("POST /containers/create")).toBe(1);
});

test("the engine's own words reach the caller", async () => {
  const { engine, simulated } = await start();
  const message = "OCI runtime create failed: no space left on device: unknown";
  const id = await engine.containers.create("web", { Image: testImages.web });
  simulated.inject({ on: /start$/, kind: "refuse", status: 500, message });
  await expect(engine.containers.start(id)).rejects.toMatchObject({
    reason: "InternalError",
    message: `Cannot start container ${id.slice(0, 12)}: ${message}`,
    details: { kind: "containers", name: id },
  });
});

test("no more changes run at once than the engine is given", async () => {
  const { engine, simulated } = await start({ concurrency: 2, deadlines: { changeMs: 200 } });
  simulated.inject({ on: /^POST \/containers\/create/, kind: "hang", times: 2 });
  const make = (name: string): Promise<string> =>
    engine.containers.create(name, { Image: testImages.web });
  const results = ["aa", "bb", "cc"].map((name) => make(name));
  const creates = (): number =>
    simulated.requests.filter((one) => one === "POST /containers/create").length;
  await eventually("two creates are asked", () => creates() === 2);
  const settled = await Promise.allSettled(results);
  expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(creates()).toBe(3);
});

test("pull() tells its progress, and ends when the registry falls silent", async () => {
  const { engine, simulated } = await start(impatient);
  const steps: PullProgress[] = [];
  for await (const step of engine.images.pull("registry.test/team/app:v3")) steps.push(step);
  expect(steps).toContainEqual({
    id: "5f70bf18a086",
    status: "Downloading",
    currentBytes: 2_000_000,
    totalBytes: 2_000_000,
  });
  const digest = await engine.images.resolve("registry.test/team/app:v3");
  const image = await engine.images.inspect("registry.test/team/app:v3");
  expect(image?.digests).toEqual([`registry.test/team/app@${digest}`]);
  simulated.inject({ on: /^POST \/images\/create/, kind: "hang" });
  await expect(Array.fromAsync(engine.images.pull("app:v4"))).rejects.toMatchObject({
    reason: "Timeout",
  });
});

test("pull() of what the registry refuses says so", async () => {
  const { engine } = await start();
  await expect(Array.fromAsync(engine.images.pull("team/absent:v1"))).rejects.toMatchObject({
    reason: "NotFound",
    message: expect.stringContaining("team/absent:v1") as string,
  });
});

test("a login travels in the header that the engine reads, and in no URL", async () => {
  await using server = await httpServer(({ url }, response) => {
    response.setHeader("Api-Version", "1.41");
    response.end(url.pathname === "/_ping" ? "OK" : "");
  });
  await using engine = openEngine(server.url);
  const auth = { username: "me", password: "päss?>", serverAddress: "registry.test" };
  await Array.fromAsync(engine.images.pull("registry.test:5000/app@sha256:ab", auth));
  const { headers, url } = server.received.at(-1) ?? {};
  const sent = Buffer.from(String(headers?.["x-registry-auth"]), "base64url").toString();
  expect(JSON.parse(sent)).toEqual({
    username: "me",
    password: "päss?>",
    serveraddress: "registry.test",
  });
  expect(url?.searchParams.get("fromImage")).toBe("registry.test:5000/app");
  expect(url?.searchParams.get("tag")).toBe("sha256:ab");
  expect(url?.href).not.toContain("ss");
});

test("an endpoint may have a base path, as the passthrough of the API server", async () => {
  await using server = await httpServer((_request, response) => {
    response.setHeader("Api-Version", "1.44");
    response.end("[]");
  });
  await using engine = openEngine(`${server.url}/api/v1/nodes/host-1/proxy`);
  await engine.containers.list();
  expect(server.received.map(({ url }) => url.pathname)).toEqual([
    "/api/v1/nodes/host-1/proxy/_ping",
    "/api/v1/nodes/host-1/proxy/v1.44/containers/json",
  ]);
});

test("something else that answers at the address is told apart from an engine", async () => {
  await using server = await httpServer((_request, response) => void response.end("<html>"));
  await using engine = openEngine(server.url);
  await expect(engine.info()).rejects.toMatchObject({
    reason: "ServiceUnavailable",
    message: `Cannot use ${server.url} as Docker engine: it answers, but not as a Docker engine does`,
  });
});

test("an answer without end is given up: one host must not take the memory of all", async () => {
  await using server = await httpServer(({ url }, response) => {
    response.setHeader("api-version", "1.41");
    if (url.pathname.endsWith("/_ping")) return void response.end("OK");
    response.writeHead(500);
    const more = (): void => {
      while (response.write(Buffer.alloc(1 << 18, "x")));
    };
    response.on("drain", more);
    return more();
  });
  await using engine = openEngine(server.url);
  await expect(engine.containers.list()).rejects.toMatchObject({
    reason: "ServiceUnavailable",
    message: expect.stringContaining("more than 1048576 bytes") as string,
  });
});

test("an engine of another address in DOCKER_HOST does not matter", async () => {
  const { simulated } = await start();
  const before = process.env["DOCKER_HOST"];
  onTestFinished(() => {
    if (before === undefined) delete process.env["DOCKER_HOST"];
    else process.env["DOCKER_HOST"] = before;
  });
  process.env["DOCKER_HOST"] = "not a url at all";
  await using engine = openEngine(simulated.url);
  expect((await engine.info()).simulated).toBe(true);
  expect(process.env["DOCKER_HOST"]).toBe("not a url at all");
});

test("when all kept connections broke at once, a read still gets through", async () => {
  await using server = await httpServer((_request, response) => {
    response.setHeader("Api-Version", "1.41");
    response.end("[]");
  });
  await using engine = openEngine(server.url);
  await Promise.all([1, 2, 3, 4].map(() => engine.containers.list()));
  server.cut();
  expect(await engine.containers.list()).toEqual([]);
});
