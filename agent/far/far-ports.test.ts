import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { keyOf } from "../../api/machinery/object.ts";
import { type Pod, pods } from "../../api/machinery/resources.ts";
import { containerLabel } from "../../crds/labels.ts";
import { type AgentRig, agentRig, bindPod, untilReady } from "../../test/kit/agent-rig.ts";
import { elf } from "../../test/kit/elf.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { startSshHost } from "../../test/kit/ssh-host.ts";
import { openEngine } from "../engine/dockerode.ts";
import type { SimulatedEngine } from "../simulated/simulated-engine.ts";

const signal = AbortSignal.timeout(60_000);
const relays = { [containerLabel.relayOf]: "" };
const probes = {
  readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 },
  livenessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 },
  lifecycle: { postStart: { httpGet: { port: 80 } } },
};
const socketOf = ({ url }: SimulatedEngine): string => url.slice("unix://".length);

let simulated: SimulatedEngine;
let rig: AgentRig;
let dir: string;
let relayProgram: string;

beforeEach(async () => {
  simulated = await simulatedEngine();
  dir = await mkdtemp(join(tmpdir(), "lh-far-"));
  relayProgram = join(dir, "busybox");
  await writeFile(relayProgram, elf());
});
afterEach(async () => {
  await rig.close();
  await simulated[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** The engine as another machine shows it. */
async function overTcp(): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, (outer) => {
    const inner = connect({ path: socketOf(simulated), allowHalfOpen: true });
    outer.on("error", () => inner.destroy());
    inner.on("error", () => outer.destroy());
    outer.pipe(inner).pipe(outer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A pod whose ports are not published, and what the agent offers of its node. */
async function readyPod(): Promise<Pod> {
  rig.start();
  const node = await rig.node();
  await bindPod(rig.api, "web", { image: testImages.web, node, container: probes });
  return untilReady(rig.api, "web");
}

async function get(pod: Pod): Promise<string> {
  const streams = await eventually("the node is served", () => [...rig.streams.values()][0]);
  const port = await streams.dial(pod, 80, signal);
  port.end("GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n");
  return (await buffer(port)).toString();
}

async function relayIds(): Promise<readonly string[]> {
  await using engine = openEngine(simulated.url);
  return (await engine.containers.list(relays)).map(({ id }) => id);
}

test("probes, hooks and dial() reach a pod of another machine by one relay", async () => {
  rig = await agentRig([await overTcp()], { relayProgram });
  const pod = await readyPod();
  expect(await get(pod)).toMatch(/^HTTP\/1.1 200 OK[^]*v1\s*$/);
  expect(await relayIds()).toHaveLength(1);
  expect(pod.status?.containerStatuses).toHaveLength(1);
});

test("a relay is without rights, and of the pod's network", async () => {
  rig = await agentRig([await overTcp()], { relayProgram });
  const pod = await readyPod();
  await using engine = openEngine(simulated.url);
  const [id = ""] = await relayIds();
  const relay = await engine.containers.inspect(id);
  const root = pod.status?.containerStatuses?.[0]?.containerID?.slice("docker://".length) ?? "";
  expect(relay).toMatchObject({
    name: `lh-relay-${root.slice(0, 16)}`,
    networkMode: `container:${root}`,
    labels: { [containerLabel.role]: "relay", [containerLabel.podUid]: pod.metadata.uid },
    mounts: [],
    ports: [],
  });
});

test("a container that starts again gets a new relay, and the old one goes", async () => {
  rig = await agentRig([await overTcp()], { relayProgram });
  const pod = await readyPod();
  const [before] = await relayIds();
  const root = pod.status?.containerStatuses?.[0]?.containerID?.slice("docker://".length) ?? "";
  await using engine = openEngine(simulated.url);
  await engine.containers.kill(root, "SIGKILL");
  const after = await eventually("another relay is there alone", async () => {
    const ids = await relayIds();
    return ids.length === 1 && ids[0] !== before ? ids[0] : undefined;
  });
  expect(after).not.toBe(before);
  expect(await get(await untilReady(rig.api, "web"))).toContain("200 OK");
});

test("relays go with their pods, also with those that went while no agent was there", async () => {
  rig = await agentRig([await overTcp()], { relayProgram });
  const pod = await readyPod();
  await rig.stop();
  expect(await relayIds()).toHaveLength(1);
  const root = pod.status?.containerStatuses?.[0]?.containerID?.slice("docker://".length) ?? "";
  await using engine = openEngine(simulated.url);
  await engine.containers.remove(root, { force: true });
  await rig.api.delete(pods, keyOf(pod), { gracePeriodSeconds: 0 });
  rig.start();
  await eventually("the relay is gone", async () =>
    (await relayIds()).length === 0 ? true : undefined,
  );
});

test("a relay that somebody removes is made again", async () => {
  rig = await agentRig([await overTcp()], { relayProgram });
  const pod = await readyPod();
  const [id = ""] = await relayIds();
  await using engine = openEngine(simulated.url);
  await engine.containers.remove(id, { force: true });
  expect(await get(pod)).toContain("200 OK");
});

test("without a program for relays the container's own tools are tried, and the way out is named", async () => {
  rig = await agentRig([await overTcp()], { relayProgram: "/nowhere/busybox" });
  rig.start();
  const node = await rig.node();
  await bindPod(rig.api, "web", { image: testImages.web, node });
  const pod = await untilReady(rig.api, "web");
  await expect(get(pod)).rejects.toMatchObject({
    reason: "ServiceUnavailable",
    message: expect.stringMatching(
      /^Cannot connect to port 80 of pod shop\/web: the engine is on another machine and has no relay \(.*\/nowhere\/busybox.*\), nor could .* publish the port as hostPort, or use exec/,
    ) as string,
  });
  expect(await relayIds()).toEqual([]);
});

test("an engine for another processor has no relay", async () => {
  await writeFile(relayProgram, elf(process.arch === "arm64" ? 62 : 183));
  rig = await agentRig([await overTcp()], { relayProgram });
  rig.start();
  await bindPod(rig.api, "web", { image: testImages.web, node: await rig.node() });
  await expect(get(await untilReady(rig.api, "web"))).rejects.toThrow(/the relay is for linux\//);
  expect(await relayIds()).toEqual([]);
});

test("an SSH connection forwards, without a relay", async () => {
  const host = await startSshHost(socketOf(simulated));
  onTestFinished(() => host[Symbol.asyncDispose]());
  const { knownHosts, privateKey } = host;
  const open = () => openEngine(host.url, { ssh: { knownHosts, privateKey } });
  rig = await agentRig([simulated.url], { open, relayProgram });
  const pod = await readyPod();
  expect(await get(pod)).toContain("200 OK");
  const [streams] = [...rig.streams.values()];
  await expect(streams?.dial(pod, 9, signal)).rejects.toThrow("nothing listens on it");
  expect(await relayIds()).toEqual([]);
});

test("where sshd forwards nothing, a relay does it", async () => {
  const host = await startSshHost(socketOf(simulated), { forwards: false });
  onTestFinished(() => host[Symbol.asyncDispose]());
  const { knownHosts, privateKey } = host;
  const open = () => openEngine(host.url, { ssh: { knownHosts, privateKey } });
  rig = await agentRig([simulated.url], { open, relayProgram });
  expect(await get(await readyPod())).toContain("200 OK");
  expect(await relayIds()).toHaveLength(1);
});
