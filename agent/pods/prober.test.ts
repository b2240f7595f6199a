import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../test/kit/eventually.ts";
import { manualClock } from "../../test/kit/clock.ts";
import { buildFact, buildPod, noonMs } from "../../test/kit/pod-world.ts";
import { formatTime } from "../../api/machinery/time.ts";
import type { Engine } from "../engine/engine.ts";
import { patienceOf } from "../far/patience.ts";
import type { ContainerOf } from "./containers.ts";
import { check, type Reach } from "./probe-check.ts";
import { createProber } from "./prober.ts";
import { reacherOf, subjectsOf } from "./reach.ts";

let server: Server;
let status: number;
let port: number;

beforeEach(async () => {
  status = 200;
  server = createServer((request, response) => {
    response.writeHead(request.headers["x-secret"] === "no" ? 403 : status).end("ok");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

const reach = (over: Partial<Reach> = {}): Reach => ({
  engine: {} as Engine,
  containerId: "id-app",
  portNames: new Map([["http", port]]),
  dial: (asked) => ({ host: "127.0.0.1", port: asked }),
  ...over,
});
const soon = () => patienceOf(AbortSignal.timeout(2_000));

test("check() takes 200 to 399 for good and says what else it got", async () => {
  const probe = { httpGet: { port: "http", path: "/" } };
  expect(await check(probe, reach(), soon())).toEqual({ ok: true, message: "" });
  status = 302;
  expect((await check(probe, reach(), soon())).ok).toBe(true);
  status = 503;
  expect(await check(probe, reach(), soon())).toEqual({
    ok: false,
    message: "HTTP probe failed with statuscode: 503",
  });
});

test("check() sends the probe's headers", async () => {
  const httpGet = { port, httpHeaders: [{ name: "X-Secret", value: "no" }] };
  expect((await check({ httpGet }, reach(), soon())).message).toContain("403");
});

test("check() dials tcp ports", async () => {
  expect((await check({ tcpSocket: { port } }, reach(), soon())).ok).toBe(true);
  const closed = await check({ tcpSocket: { port: 1 } }, reach(), soon());
  expect(closed).toMatchObject({ ok: false, message: expect.stringContaining("127.0.0.1:1") });
});

test.each([
  ["an unknown port name", { tcpSocket: { port: "nope" } }, 'no port is named "nope"'],
  ["no action", {}, "not supported"],
])("check() answers badly to %s", async (_why, probe, message) => {
  expect((await check(probe, reach(), soon())).message).toContain(message);
});

test("check() says why a port cannot be reached", async () => {
  const dial = () => ({ why: "the engine is on another machine" });
  expect(await check({ tcpSocket: { port } }, reach({ dial }), soon())).toEqual({
    ok: false,
    message: "the engine is on another machine",
  });
});

test.each([
  ["unix:///run/docker.sock", "linux", { direct: true, host: "127.0.0.1" }],
  ["unix:///run/docker.sock", "darwin", { direct: false, host: "127.0.0.1" }],
  ["tcp://10.0.0.7:2376", "linux", { direct: false, host: "10.0.0.7" }],
])("reacherOf(%s) on %s", (endpoint, platform, want) => {
  expect(reacherOf(endpoint, platform)).toEqual(want);
});

function watched(spec: Partial<ContainerOf>) {
  const clock = manualClock(noonMs);
  const changes: string[] = [];
  const prober = createProber({ clock, onChange: (uid) => changes.push(uid) });
  const member = { name: "app", role: "main" as const, spec: { name: "app", ...spec } };
  const fact = buildFact({ startedAtMs: noonMs });
  const subject = { uid: "u", member, fact, reach: reach() };
  prober.watch("u", [subject]);
  return { clock, changes, prober, subject };
}

test("createProber() turns ready at the first success, long before the period", async () => {
  status = 503;
  const { clock, changes, prober } = watched({ readinessProbe: { httpGet: { port } } });
  expect(prober.verdicts("u").get("app")).toEqual({ started: true, ready: false });
  await eventually("it was asked", () => clock.sleepers === 1);
  status = 200;
  await clock.advance(100);
  await eventually("it is ready", () => prober.verdicts("u").get("app")?.ready === true);
  expect(changes).toEqual(["u"]);
  prober.close();
});

test("createProber() leaves a run ready that was, until probes have failed often enough", async () => {
  status = 503;
  const { clock, prober, subject } = watched({});
  const probe = { httpGet: { port }, failureThreshold: 2 };
  const member = { ...subject.member, spec: { name: "app", readinessProbe: probe } };
  prober.watch("u", [{ ...subject, member, last: { started: true, ready: true } }]);
  await eventually("it was asked", () => clock.sleepers === 1);
  expect(prober.verdicts("u").get("app")?.ready).toBe(true);
  await clock.advance(10_000);
  await eventually("it is not ready", () => prober.verdicts("u").get("app")?.ready === false);
  expect(prober.verdicts("u").get("app")?.why).toMatch(/^Readiness probe failed: .*503/);
  prober.close();
});

test("subjectsOf() knows what was said of the very run, and of no other", () => {
  const fact = buildFact({ id: "a", name: "app", state: "running", startedAtMs: noonMs });
  const said = (containerID: string) => ({
    name: "app",
    containerID,
    image: "app:v1",
    imageID: "",
    restartCount: 0,
    ready: true,
    started: true,
    state: { running: { startedAt: formatTime(noonMs) } },
  });
  const last = (containerID: string, startedAtMs = noonMs) =>
    subjectsOf(
      buildPod({
        spec: { containers: [{ name: "app" }] },
        status: { containerStatuses: [said(containerID)] },
      }),
      [{ ...fact, startedAtMs }],
      { engine: {} as Engine, reacher: reacherOf("unix:///run/docker.sock", "linux") },
    )[0]?.last;
  expect(last("docker://a")).toEqual({ started: true, ready: true });
  expect(last("docker://b")).toBeUndefined();
  expect(last("docker://a", noonMs + 5_000)).toBeUndefined();
});

test("createProber() asks nothing after its run has ended", async () => {
  const { clock, prober } = watched({ readinessProbe: { httpGet: { port } } });
  await eventually("it was asked", () => clock.sleepers === 1);
  prober.watch("u", []);
  await eventually("nobody sleeps", () => clock.sleepers === 0);
  expect(prober.verdicts("u").size).toBe(0);
});

test("createProber() keeps a run that goes on and begins another for a new one", async () => {
  const { clock, prober, subject } = watched({ readinessProbe: { httpGet: { port } } });
  await eventually("it is ready", () => prober.verdicts("u").get("app")?.ready === true);
  prober.watch("u", [subject]);
  expect(prober.verdicts("u").get("app")?.ready).toBe(true);
  prober.watch("u", [{ ...subject, fact: buildFact({ startedAtMs: noonMs + 1 }) }]);
  expect(prober.verdicts("u").get("app")?.ready).toBe(false);
  prober.close();
  await eventually("nobody sleeps", () => clock.sleepers === 0);
});

test("createProber() calls a container unhealthy after its threshold, not while it starts", async () => {
  status = 500;
  const { clock, prober } = watched({
    startupProbe: { tcpSocket: { port } },
    livenessProbe: { httpGet: { port }, periodSeconds: 2, failureThreshold: 2 },
  });
  await eventually("it has started", () => prober.verdicts("u").get("app")?.started === true);
  await eventually("liveness was asked", () => clock.sleepers === 1);
  expect(prober.unhealthy("u").size).toBe(0);
  await clock.advance(2_000);
  await eventually("it is unhealthy", () => prober.unhealthy("u").size === 1);
  expect(prober.unhealthy("u").get("app")).toContain("Liveness probe failed: HTTP probe failed");
  prober.close();
});

test("createProber() waits for the initial delay", async () => {
  const readinessProbe = { httpGet: { port }, initialDelaySeconds: 5 };
  const { clock, prober } = watched({ readinessProbe });
  await eventually("it waits", () => clock.sleepers === 1);
  await clock.advance(4_999);
  expect(prober.verdicts("u").get("app")?.ready).toBe(false);
  await clock.advance(1);
  await eventually("it is ready", () => prober.verdicts("u").get("app")?.ready === true);
  prober.close();
});
