import { afterEach, beforeEach, expect, test } from "vitest";
import { events, pods, secrets } from "../../api/machinery/resources.ts";
import { podCondition, podReason } from "../../crds/conditions.ts";
import {
  type AgentRig,
  agentRig,
  ask,
  bindPod,
  containersOf,
  is,
  podOf,
  untilReady,
} from "../../test/kit/agent-rig.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import type { SimulatedEngine } from "../simulated/simulated-engine.ts";

let simulated: SimulatedEngine;
let rig: AgentRig;
let node: string;

beforeEach(async () => {
  simulated = await simulatedEngine();
  rig = await agentRig([simulated.url]);
  rig.start();
  node = await rig.node();
});
afterEach(async () => {
  await rig.close();
  await simulated[Symbol.asyncDispose]();
});

const stateOf = async (name: string) =>
  (await podOf(rig.api, name))?.status?.containerStatuses?.[0]?.state;

async function until(name: string, reason: string): Promise<string> {
  return eventually(`${name} waits for ${reason}`, async () => {
    const waiting = (await stateOf(name))?.waiting;
    return waiting?.reason === reason ? (waiting.message ?? "-") : undefined;
  });
}

const told = (reason: string): boolean => rig.api.all(events).some((one) => one.reason === reason);

test("a place changes hands in order: prepared, handed over, and given back", async () => {
  await bindPod(rig.api, "v1", { image: testImages.web, node });
  const v1 = await untilReady(rig.api, "v1");
  const options = { image: testImages.web2, node, desired: "Prepared", replaces: "v1" } as const;
  const v2 = await bindPod(rig.api, "v2", options);
  await eventually("v2 is prepared", async () =>
    is(await podOf(rig.api, "v2"), podCondition.prepared),
  );
  const from = simulated.requests.length;
  await ask(rig.api, "v2", "Running");
  await untilReady(rig.api, "v2");
  await until("v1", podReason.stopped);
  const verbs = simulated.requests.slice(from).filter((one) => one.startsWith("POST"));
  const rows = await Promise.all([v1, v2].map((pod) => containersOf(rig.engine, pod)));
  const [old, fresh] = rows.map(([row]) => row);
  expect(verbs).toEqual([
    `POST /containers/${old?.id}/stop`,
    `POST /containers/${fresh?.id}/start`,
  ]);

  const back = simulated.requests.length;
  await ask(rig.api, "v2", "Stopped");
  await untilReady(rig.api, "v1");
  await until("v2", podReason.stopped);
  const verbsBack = simulated.requests.slice(back).filter((one) => one.startsWith("POST"));
  expect(verbsBack.at(-1)).toBe(`POST /containers/${old?.id}/start`);
  expect(verbsBack.slice(0, -1)).toContain(`POST /containers/${fresh?.id}/stop`);
  const restarts = [await podOf(rig.api, "v1"), await podOf(rig.api, "v2")].map(
    (pod) => pod?.status?.containerStatuses?.[0]?.restartCount,
  );
  expect(restarts).toEqual([0, 0]);
});

test("a successor that cannot be prepared leaves its predecessor running", async () => {
  await bindPod(rig.api, "v1", { image: testImages.web, node });
  const v1 = await untilReady(rig.api, "v1");
  await bindPod(rig.api, "v2", { image: "reg.test/absent:1", node, replaces: "v1" });
  await until("v2", podReason.imageUnknown);
  expect((await containersOf(rig.engine, v1))[0]?.phase).toBe("running");
  expect(is(await podOf(rig.api, "v1"), "Ready")).toBe(true);
});

test("a foreign container on the host port is named before anything is stopped", async () => {
  const publish = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "18941" }] };
  const foreign = await rig.engine.containers.create("by-hand", {
    Image: testImages.web,
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { PortBindings: publish },
  });
  await rig.engine.containers.start(foreign);
  const container = { ports: [{ containerPort: 80, hostPort: 18941 }] };
  await bindPod(rig.api, "web", { image: testImages.web, node, container, desired: "Prepared" });
  const condition = await eventually("the clash is told", async () => {
    const pod = await podOf(rig.api, "web");
    const found = pod?.status?.conditions?.find(({ type }) => type === podCondition.prepared);
    return found?.reason === podReason.portConflict ? found : undefined;
  });
  expect(condition.message).toContain("by-hand");
  await rig.engine.containers.remove(foreign, { force: true });
  await eventually("it is prepared", async () =>
    is(await podOf(rig.api, "web"), podCondition.prepared),
  );
});

test("containers of a pod that was deleted by force go, and foreign ones stay", async () => {
  await bindPod(rig.api, "web", { image: testImages.web, node });
  const pod = await untilReady(rig.api, "web");
  const foreign = await rig.engine.containers.create("by-hand", { Image: testImages.web });
  await rig.api.delete(pods, { namespace: "shop", name: "web" }, { gracePeriodSeconds: 0 });
  await eventually("they are gone", async () => (await containersOf(rig.engine, pod)).length === 0);
  expect(await rig.engine.containers.inspect(foreign)).toBeDefined();
});

test("a pod that is deleted is removed from the API once", async () => {
  await bindPod(rig.api, "web", { image: testImages.web, node });
  await untilReady(rig.api, "web");
  let removals = 0;
  rig.api.before(({ verb, type }) => {
    if (verb === "delete" && type.kind === "Pod") removals += 1;
  });
  await rig.api.delete(pods, { namespace: "shop", name: "web" });
  await eventually("it is gone", async () => (await podOf(rig.api, "web")) === undefined);
  await bindPod(rig.api, "web", { image: testImages.web, node });
  await untilReady(rig.api, "web");
  expect(removals).toBe(2); // ours, and the agent's
});

test("a pod that came anew under the same name loses the containers of the old one", async () => {
  await bindPod(rig.api, "web", { image: testImages.web, node });
  const old = await untilReady(rig.api, "web");
  await rig.stop();
  await rig.api.delete(pods, { namespace: "shop", name: "web" }, { gracePeriodSeconds: 0 });
  await bindPod(rig.api, "web", { image: testImages.web2, node });
  rig.start();
  const fresh = await untilReady(rig.api, "web");
  expect(fresh.metadata.uid).not.toBe(old.metadata.uid);
  await eventually("they are gone", async () => (await containersOf(rig.engine, old)).length === 0);
});

test("a crash loop is told with its exit code, in status and events", async () => {
  await bindPod(rig.api, "crash", { image: testImages.crash, node });
  await until("crash", podReason.crashLoop);
  const pod = await podOf(rig.api, "crash");
  expect(pod?.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
    exitCode: 1,
    reason: "Error",
    message: "cannot open configuration",
  });
  await eventually("an event tells it", () => told("BackOff"));
});

test("a container that runs out of memory says so", async () => {
  await bindPod(rig.api, "web", { image: testImages.web, node });
  const pod = await untilReady(rig.api, "web");
  const [row] = await containersOf(rig.engine, pod);
  simulated.exit(row?.id ?? "", 137, { oom: true });
  const last = await eventually("the end is told", async () => {
    const seen = await podOf(rig.api, "web");
    return seen?.status?.containerStatuses?.[0]?.lastState?.terminated;
  });
  expect(last).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
});

test("a container that fails its liveness probe is restarted and says why", async () => {
  const livenessProbe = { exec: { command: ["false"] }, periodSeconds: 1, failureThreshold: 1 };
  await bindPod(rig.api, "web", { image: testImages.web, node, container: { livenessProbe } });
  await eventually("it was restarted", async () => {
    const pod = await podOf(rig.api, "web");
    return (pod?.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
  });
  await eventually("an event tells it", () => told("Unhealthy"));
});

test("the image of a live pod may change: its container is made anew", async () => {
  await bindPod(rig.api, "web", { image: testImages.web, node });
  const before = await untilReady(rig.api, "web");
  const containers = [{ name: "app", image: testImages.web2, imagePullPolicy: "IfNotPresent" }];
  const key = { namespace: "shop", name: "web" };
  await rig.api.patch(pods, key, { type: "merge", body: { spec: { containers } } });
  await eventually("the new image runs", async () => {
    const [row] = await containersOf(rig.engine, before);
    return row?.image === testImages.web2 && row.phase === "running";
  });
});

test("a pull Secret is read when an image is pulled, and at no other time", async () => {
  const read: string[] = [];
  rig.api.before(({ verb, type, key }) => {
    if (type.kind === "Secret") read.push(`${verb} ${key?.name}`);
  });
  const data = { ".dockerconfigjson": Buffer.from('{"auths":{}}').toString("base64") };
  const metadata = { namespace: "shop", name: "reg" };
  await rig.api.create(secrets, { apiVersion: "v1", kind: "Secret", metadata, data });
  const spec = { imagePullSecrets: [{ name: "reg" }, { name: "none" }] };
  await bindPod(rig.api, "held", { image: testImages.web, node, spec });
  await untilReady(rig.api, "held");
  expect(read).toEqual(["create reg"]);
  await bindPod(rig.api, "pulled", { image: "reg.test/web:v7", node, spec });
  await untilReady(rig.api, "pulled");
  expect(read).toEqual(["create reg", "get reg", "get none"]);
});

test("containers of one pod are made root first, share what they mount, and leave nothing", async () => {
  const volumeMounts = [{ name: "tmp", mountPath: "/tmp" }];
  const spec = {
    volumes: [{ name: "tmp", emptyDir: {} }],
    containers: [
      { name: "app", image: testImages.web, volumeMounts },
      { name: "side", image: testImages.silent, volumeMounts },
    ],
  };
  await bindPod(rig.api, "pair", { image: testImages.web, node, spec });
  const pod = await untilReady(rig.api, "pair");
  const rows = await containersOf(rig.engine, pod);
  const details = await Promise.all(rows.map(({ id }) => rig.engine.containers.inspect(id)));
  const root = details.find((one) => one?.name.includes("_app_"));
  const side = details.find((one) => one?.name.includes("_side_"));
  expect(side?.networkMode).toBe(`container:${root?.id}`);
  expect(side?.mounts[0]?.source).toBe(root?.mounts[0]?.source);
  await rig.api.delete(pods, { namespace: "shop", name: "pair" });
  await eventually("the pod is gone", async () => (await podOf(rig.api, "pair")) === undefined);
  expect(simulated.requests).toContain(`DELETE /volumes/lh_${pod.metadata.uid}_tmp`);
});

test("containers that share a volume take it with them when they are orphans", async () => {
  const volumeMounts = [{ name: "tmp", mountPath: "/tmp" }];
  const container = (name: string) => ({ name, image: testImages.silent, volumeMounts });
  const spec = {
    volumes: [{ name: "tmp", emptyDir: {} }],
    containers: [container("app"), container("side")],
  };
  await bindPod(rig.api, "pair", { image: testImages.silent, node, spec });
  const pod = await untilReady(rig.api, "pair");
  await rig.api.delete(pods, { namespace: "shop", name: "pair" }, { gracePeriodSeconds: 0 });
  const request = `DELETE /volumes/lh_${pod.metadata.uid}_tmp`;
  await eventually("the volume is removed", () => simulated.requests.includes(request));
  expect(await containersOf(rig.engine, pod)).toEqual([]);
});
