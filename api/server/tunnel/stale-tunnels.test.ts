import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { tendStaleTunnels } from "./stale-tunnels.ts";
import { tellTunnel } from "./beacon-status.ts";

const beacons = "/apis/lighthouse.dev/v1/beacons";
const own = "https://10.0.0.1:6443";
const other = "https://10.0.0.2:6443";

let server: TestApp;
let stop: AbortController;
let running: Promise<void>;
let open: string[];
let local: Set<string>;

beforeEach(async () => {
  server = await openTestApp();
  stop = new AbortController();
  open = [];
  local = new Set();
  await server.send("POST", beacons, {
    apiVersion: "lighthouse.dev/v1",
    kind: "Beacon",
    metadata: { name: "b1" },
    spec: {},
  });
});
afterEach(async () => {
  stop.abort();
  await running;
  await server[Symbol.asyncDispose]();
});

const parts = () => ({ storage: server.scope.storage, clock: server.clock });

async function connect(holder: string): Promise<void> {
  const news = { beacon: "b1", open: true, reason: "TunnelOpen", message: "", server: holder };
  await tellTunnel(parts(), { ...news, address: "10.1.1.1:4000" });
}

function tend(): void {
  const tunnels = { beacons: () => open };
  const onError = (err: unknown): never => {
    throw err;
  };
  const options = { ...parts(), server: () => own, tunnels, local: () => local, onError };
  running = tendStaleTunnels(options, stop.signal);
}

type Status = { readonly server?: string; readonly conditions: readonly Record<string, string>[] };

async function status(): Promise<Status> {
  const { body } = await server.send("GET", `${beacons}/b1`);
  return body["status"] as Status;
}

const lease = "/apis/coordination.k8s.io/v1/namespaces/lighthouse-node-lease/leases";

async function renew(): Promise<void> {
  const object = { metadata: { name: "b1" }, spec: { renewTime: "2026-01-01T00:00:00.000000Z" } };
  const { code } = await server.send("POST", lease, object);
  if (code === 201) return;
  const spec = { holderIdentity: `at ${server.clock.nowMs()}` };
  const type = "application/merge-patch+json";
  await server.send("PATCH", `${lease}/b1`, { spec }, { type });
}

test("a tunnel that this server held before it was killed is told closed", async () => {
  await connect(own);
  tend();
  await server.clock.advance(1);
  const { conditions, server: holder } = await status();
  expect(holder).toBeUndefined();
  expect(conditions).toMatchObject([
    { type: "Connected", status: "False", reason: "TunnelClosed" },
  ]);
});

test("a tunnel that is open stays", async () => {
  await connect(own);
  open = ["b1"];
  tend();
  await server.clock.advance(100_000);
  expect((await status()).conditions).toMatchObject([{ status: "True" }]);
});

test("a tunnel of another server stays while its agent is heard of, and not for ever after", async () => {
  await connect(other);
  await renew();
  tend();
  for (let at = 0; at < 10; at += 1) {
    await server.clock.advance(20_000);
    await renew();
  }
  expect(await status()).toMatchObject({ server: other, conditions: [{ status: "True" }] });
  await server.clock.advance(80_000);
  const { conditions, server: holder } = await status();
  expect(holder).toBeUndefined();
  expect(conditions).toMatchObject([{ status: "False", reason: "HeartbeatLost" }]);
});

test("who is told last of a tunnel that moved does not say that it closed", async () => {
  tend();
  await connect(other);
  const late = { beacon: "b1", open: false, reason: "TunnelClosed", message: "", server: own };
  await tellTunnel(parts(), late);
  expect(await status()).toMatchObject({ server: other, conditions: [{ status: "True" }] });
  await tellTunnel(parts(), { ...late, beacon: "gone" }); // nobody is told
});

test("an agent of this process is connected, until it is gone", async () => {
  local.add("b1");
  tend();
  await server.clock.advance(1);
  const message = "Its agent runs in the process of the API server";
  expect(await status()).toMatchObject({ server: own, conditions: [{ status: "True", message }] });
  local.clear();
  await server.clock.advance(10_000);
  expect((await status()).conditions).toMatchObject([{ status: "False" }]);
});
