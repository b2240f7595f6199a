import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { nodes, pods, secrets } from "../../../api/machinery/resources.ts";
import { podCondition, podReason } from "../../../crds/conditions.ts";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import { type PrivateDockerd, privateDockerd, skipWithoutDockerd } from "../../kit/dockerd.ts";
import { eventually } from "../../kit/eventually.ts";
import { makeTestImages, testImages } from "../../kit/images.ts";
import { pushImage, registryLogin, startRegistry } from "../../kit/registry.ts";
import { makeImage, webRecipe } from "../../../hack/docker/example-images.ts";
import {
  agentRig,
  type AgentRig,
  ask,
  bindPod,
  containersOf,
  is,
  podOf,
  untilReady,
} from "../../kit/agent-rig.ts";

describe.skipIf(skipWithoutDockerd())("agent on a real engine", () => {
  let dockerd: PrivateDockerd;
  let rig: AgentRig;
  let node: string;

  beforeAll(async () => {
    dockerd = await privateDockerd();
    const engine = openEngine(dockerd.url);
    await makeTestImages(engine.images);
    await engine[Symbol.asyncDispose]();
  });
  afterAll(async () => dockerd[Symbol.asyncDispose]());
  beforeEach(async () => {
    rig = await agentRig([dockerd.url]);
    rig.start();
    node = await rig.node();
  });
  afterEach(async () => {
    await rig.close();
    const engine = openEngine(dockerd.url);
    for (const { id } of await engine.containers.list())
      await engine.containers.remove(id, { force: true });
    await engine[Symbol.asyncDispose]();
  });

  /** The status of the pod's container once it runs again after its engine had gone. */
  const untilFallen = (name: string) =>
    eventually(`${name} fell with its engine and runs again`, async () => {
      const pod = await podOf(rig.api, name);
      const [status] = pod?.status?.containerStatuses ?? [];
      const fell = status?.lastState?.terminated?.reason === podReason.hostRestarted;
      return fell && is(pod, "Ready") ? status : undefined;
    });

  test("a pod runs, is Ready, and goes when it is deleted", async () => {
    await bindPod(rig.api, "web", { image: testImages.web, node });
    const pod = await untilReady(rig.api, "web");
    const [status] = pod.status?.containerStatuses ?? [];
    expect(pod.status?.phase).toBe("Running");
    expect(status).toMatchObject({ ready: true, restartCount: 0, started: true });
    expect(status?.containerID).toMatch(/^docker:\/\/[0-9a-f]{64}$/);
    expect(status?.imageID).toMatch(/sha256:/);
    expect(pod.status?.podIP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const [container] = await containersOf(rig.engine, pod);
    expect(container).toMatchObject({ phase: "running" });
    await rig.api.delete(pods, { namespace: "shop", name: "web" });
    await eventually("the pod is gone", async () => (await podOf(rig.api, "web")) === undefined);
    expect(await containersOf(rig.engine, pod)).toEqual([]);
  });

  test("readiness follows the http probe of the pod", async () => {
    const readinessProbe = { httpGet: { path: "/", port: 80 }, periodSeconds: 1 };
    await bindPod(rig.api, "web", { image: testImages.web, node, container: { readinessProbe } });
    await untilReady(rig.api, "web");
    await bindPod(rig.api, "mute", {
      image: testImages.silent,
      node,
      container: { readinessProbe },
    });
    const mute = await eventually("mute runs", async () => {
      const pod = await podOf(rig.api, "mute");
      return pod?.status?.phase === "Running" ? pod : undefined;
    });
    expect(is(mute, "Ready")).toBe(false);
  });

  test("readiness follows the image's HEALTHCHECK when the pod has no probe", async () => {
    await bindPod(rig.api, "sane", { image: testImages.health, node });
    await bindPod(rig.api, "sick", { image: testImages.unhealthy, node });
    await untilReady(rig.api, "sane");
    const sick = await podOf(rig.api, "sick");
    expect(is(sick, "Ready")).toBe(false);
  });

  test("a container that somebody removes is made anew at once", async () => {
    await bindPod(rig.api, "web", { image: testImages.web, node });
    const before = await untilReady(rig.api, "web");
    const [old] = await containersOf(rig.engine, before);
    await rig.engine.containers.remove(old?.id ?? "", { force: true });
    const after = await eventually("the pod has another container", async () => {
      const pod = await podOf(rig.api, "web");
      const [status] = pod?.status?.containerStatuses ?? [];
      return status?.restartCount === 1 && is(pod, "Ready") ? pod : undefined;
    });
    const [status] = after.status?.containerStatuses ?? [];
    expect(status?.containerID).not.toContain(old?.id);
    expect(status?.lastState?.terminated?.exitCode).toBe(137);
  });

  test("a foreign container with the same host port survives and is named", async () => {
    const foreign = await rig.engine.containers.create("by-hand", {
      Image: testImages.web,
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "18931" }] } },
    });
    await rig.engine.containers.start(foreign);
    const ports = [{ containerPort: 80, hostPort: 18931, hostIP: "127.0.0.1" }];
    await bindPod(rig.api, "web", { image: testImages.web, node, container: { ports } });
    const pod = await eventually("the clash is told", async () => {
      const seen = await podOf(rig.api, "web");
      const waiting = seen?.status?.containerStatuses?.[0]?.state?.waiting;
      return waiting?.reason === podReason.portConflict ? waiting : undefined;
    });
    expect(pod.message).toContain("by-hand");
    expect((await rig.engine.containers.inspect(foreign))?.state.phase).toBe("running");
    await rig.engine.containers.remove(foreign, { force: true });
    await untilReady(rig.api, "web");
  });

  test("a new agent adopts what runs and touches nothing", async () => {
    for (const name of ["one", "two"])
      await bindPod(rig.api, name, { image: testImages.web, node });
    await untilReady(rig.api, "one");
    await untilReady(rig.api, "two");
    const look = async () => {
      const rows = await rig.engine.containers.list();
      const details = await Promise.all(rows.map(({ id }) => rig.engine.containers.inspect(id)));
      return details
        .map((one) => `${one?.id} ${one?.state.startedAtMs} ${one?.state.pid}`)
        .toSorted();
    };
    const before = await look();
    await rig.stop();
    expect(await look()).toEqual(before);
    const versions = rig.api.all(pods).map(({ metadata }) => metadata.resourceVersion);
    rig.start();
    await bindPod(rig.api, "three", { image: testImages.web, node });
    await untilReady(rig.api, "three");
    const after = await look();
    expect(after).toEqual(expect.arrayContaining(before));
    const now = rig.api.all(pods).filter(({ metadata }) => metadata.name !== "three");
    expect(now.map(({ metadata }) => metadata.resourceVersion)).toEqual(versions);
    expect(now.map(({ status }) => status?.containerStatuses?.[0]?.restartCount)).toEqual([0, 0]);
  });

  test("what was removed while no agent ran is repaired; orphans go, foreign ones stay", async () => {
    await bindPod(rig.api, "kept", { image: testImages.web, node });
    await bindPod(rig.api, "gone", { image: testImages.web, node });
    const kept = await untilReady(rig.api, "kept");
    const gone = await untilReady(rig.api, "gone");
    await rig.stop();
    const [victim] = await containersOf(rig.engine, kept);
    await rig.engine.containers.remove(victim?.id ?? "", { force: true });
    await rig.api.delete(pods, { namespace: "shop", name: "gone" }, { gracePeriodSeconds: 0 });
    const foreign = await rig.engine.containers.create("foreign", { Image: testImages.web });
    rig.start();
    await eventually("kept was made anew", async () => {
      const pod = await podOf(rig.api, "kept");
      return pod?.status?.containerStatuses?.[0]?.restartCount === 1 && is(pod, "Ready");
    });
    await eventually(
      "the orphan is gone",
      async () => (await containersOf(rig.engine, gone)).length === 0,
    );
    expect(await rig.engine.containers.inspect(foreign)).toBeDefined();
  });

  test("Prepared creates and does not start; Running hands over; the way back is stop and start", async () => {
    const ports = [{ containerPort: 80, hostPort: 18932, hostIP: "127.0.0.1" }];
    await bindPod(rig.api, "v1", { image: testImages.web, node, container: { ports } });
    const v1 = await untilReady(rig.api, "v1");
    await bindPod(rig.api, "v2", {
      image: testImages.web2,
      node,
      container: { ports },
      desired: "Prepared",
      replaces: "v1",
    });
    const prepared = await eventually("v2 is prepared", async () => {
      const pod = await podOf(rig.api, "v2");
      return is(pod, podCondition.prepared) ? pod : undefined;
    });
    expect(prepared.status?.containerStatuses?.[0]).toMatchObject({
      imageID: expect.stringContaining("sha256:"),
      state: { waiting: { reason: podReason.prepared } },
    });
    expect((await containersOf(rig.engine, prepared))[0]?.phase).toBe("created");
    expect((await containersOf(rig.engine, v1))[0]?.phase).toBe("running");
    const ids = [v1, prepared].map((pod) => containersOf(rig.engine, pod));
    const [old, fresh] = (await Promise.all(ids)).map(([row]) => row?.id);

    // Without a probe a pod is ready a moment before its process listens.
    const served = (): Promise<string> =>
      eventually("the port answers", async () => (await fetch("http://127.0.0.1:18932/")).text());
    await ask(rig.api, "v2", "Running");
    await untilReady(rig.api, "v2");
    expect(await served()).toBe("v2\n");
    const parked = await eventually("v1 says it is stopped", async () => {
      const pod = await podOf(rig.api, "v1");
      const reason = pod?.status?.containerStatuses?.[0]?.state?.waiting?.reason;
      return reason === podReason.stopped ? pod : undefined;
    });
    expect(is(parked, "Ready")).toBe(false);
    expect((await containersOf(rig.engine, v1))[0]).toMatchObject({ id: old, phase: "exited" });

    await ask(rig.api, "v2", "Stopped");
    const back = await untilReady(rig.api, "v1");
    expect(await served()).toBe("v1\n");
    expect(back.status?.containerStatuses?.[0]?.restartCount).toBe(0);
    expect((await containersOf(rig.engine, v1))[0]).toMatchObject({ id: old, phase: "running" });
    expect((await containersOf(rig.engine, prepared))[0]).toMatchObject({
      id: fresh,
      phase: "exited",
    });
    expect(rig.logged.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });

  test("a container that ends at once tells its exit code and waits longer each time", async () => {
    await bindPod(rig.api, "crash", { image: testImages.crash, node });
    const pod = await eventually("the crash loop is told", async () => {
      const seen = await podOf(rig.api, "crash");
      const [status] = seen?.status?.containerStatuses ?? [];
      return status?.state?.waiting?.reason === podReason.crashLoop ? seen : undefined;
    });
    const [status] = pod.status?.containerStatuses ?? [];
    expect(status?.lastState?.terminated).toMatchObject({
      exitCode: 1,
      reason: "Error",
      message: "cannot open configuration, version crash",
    });
    expect(status?.restartCount).toBe(1);
    expect(is(pod, "Ready")).toBe(false);
  });

  test("an image that nobody has is told with the engine's words", async () => {
    const image = "127.0.0.1:9/lh/none:v1";
    await bindPod(rig.api, "none", { image, node });
    const waiting = await eventually("the failed pull is told", async () => {
      const pod = await podOf(rig.api, "none");
      const state = pod?.status?.containerStatuses?.[0]?.state?.waiting;
      return state?.reason?.includes("ImagePull") === true ? state : undefined;
    });
    expect(waiting.message).toContain("127.0.0.1:9");
  });

  test("an image reference with shell characters is told as it stands, and nothing runs it", async () => {
    const mark = join(dockerd.dir, "mark");
    const image = `web;touch\${IFS}${mark}`;
    await bindPod(rig.api, "shell", { image, node });
    const told = await eventually("it is told", async () => {
      const pod = await podOf(rig.api, "shell");
      return pod?.status?.containerStatuses?.[0]?.state?.waiting?.message;
    });
    expect(told).toContain("invalid reference format");
    expect(existsSync(mark)).toBe(false);
  });

  test("an image of a private registry is pulled with the login of a pull Secret", async () => {
    await using registry = await startRegistry("127.0.0.1", { login: true });
    const image = `${registry.address}/shop/web:v1`;
    await makeImage(rig.engine.images, image, webRecipe("private"));
    await pushImage(dockerd.url, image, registryLogin);
    await rig.engine.images.remove(image);
    const spec = { imagePullSecrets: [{ name: "login" }] };
    await bindPod(rig.api, "stranger", { image, node });
    const refused = await eventually("the refused pull is told", async () => {
      const pod = await podOf(rig.api, "stranger");
      return pod?.status?.containerStatuses?.[0]?.state?.waiting?.message;
    });
    expect(refused).toContain("no basic auth credentials");
    const { username, password } = registryLogin;
    const auths = { [registry.address]: { username, password } };
    await rig.api.create(secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "login", namespace: "shop" },
      type: "kubernetes.io/dockerconfigjson",
      data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
    });
    await bindPod(rig.api, "private", { image, node, spec });
    await untilReady(rig.api, "private");
  });

  test("policy Never ends the pod with the verdict of its exit code", async () => {
    const container = { command: ["/bin/sh", "-c", "exit 3"] };
    const spec = { restartPolicy: "Never" };
    await bindPod(rig.api, "job", { image: testImages.web, node, container, spec });
    const pod = await eventually("the job ended", async () => {
      const seen = await podOf(rig.api, "job");
      return seen?.status?.phase === "Failed" ? seen : undefined;
    });
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(3);
  });

  test("containers of a pod share a network and a volume, after its init containers", async () => {
    const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
    const command = ["/bin/sh", "-c", "echo hello > /shared/greeting"];
    const check = "wget -q -O - http://127.0.0.1/ && test -e /shared/greeting";
    const spec = {
      volumes: [{ name: "shared", emptyDir: {} }],
      initContainers: [{ name: "init", image: testImages.web, command, volumeMounts }],
      containers: [
        { name: "app", image: testImages.web },
        {
          name: "side",
          image: testImages.silent,
          volumeMounts,
          readinessProbe: { exec: { command: ["/bin/sh", "-c", check] } },
        },
      ],
    };
    await bindPod(rig.api, "pair", { image: testImages.web, node, spec });
    const pod = await untilReady(rig.api, "pair");
    expect(pod.status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(0);
    expect(pod.status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0, 0]);
  });

  test("logs are those of the container, whole or by their tail", async () => {
    await bindPod(rig.api, "web", { image: testImages.web, node });
    const pod = await untilReady(rig.api, "web");
    const streams = rig.streams.get(node);
    const read = async (query: { readonly previous?: boolean; readonly tailLines?: number }) => {
      const full = {
        container: "app",
        follow: false,
        previous: false,
        timestamps: false,
        ...query,
      };
      const chunks: Uint8Array[] = [];
      for await (const chunk of streams?.logs(pod, full, AbortSignal.timeout(5_000)) ?? [])
        chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
    await eventually("the log has its line", async () => (await read({})).includes("listening on"));
    expect(await read({ tailLines: 0 })).toBe("");
    await expect(read({ previous: true })).rejects.toThrow(/previous terminated container "app"/);
  });

  test("an engine that goes away and comes back loses nothing", async () => {
    const names = ["one", "two", "three"];
    for (const name of names) await bindPod(rig.api, name, { image: testImages.web, node });
    await Promise.all(names.map((name) => untilReady(rig.api, name)));
    await dockerd.stop();
    const lost = await eventually("the Node is not Ready", () => {
      const [seen] = rig.api.all(nodes);
      const ready = seen?.status?.conditions?.find(({ type }) => type === "Ready");
      return ready?.status === "False" ? ready : undefined;
    });
    expect(lost.message).toContain(dockerd.url);
    await dockerd.start();
    await rig.node();
    const fallen = await Promise.all(names.map(untilFallen));
    expect(fallen.map((status) => status.restartCount)).toEqual([0, 0, 0]);
    expect(rig.api.all(nodes)).toHaveLength(1);
  });

  test("containers that went down with their engine while no agent ran count no restart", async () => {
    for (const name of ["one", "two"])
      await bindPod(rig.api, name, { image: testImages.web, node });
    await Promise.all([untilReady(rig.api, "one"), untilReady(rig.api, "two")]);
    await rig.stop();
    await dockerd.stop();
    await dockerd.start();
    rig.start();
    const fallen = await Promise.all([untilFallen("one"), untilFallen("two")]);
    expect(fallen.map((status) => status.restartCount)).toEqual([0, 0]);
  });

  test("a container that crashed while no agent ran runs again, and counts a restart", async () => {
    for (const name of ["one", "two"])
      await bindPod(rig.api, name, { image: testImages.web, node });
    const one = await untilReady(rig.api, "one");
    await untilReady(rig.api, "two");
    await rig.stop();
    const [victim] = await containersOf(rig.engine, one);
    await rig.engine.containers.kill(victim?.id ?? "", "SIGKILL");
    rig.start();
    const status = await eventually("it runs again", async () => {
      const pod = await podOf(rig.api, "one");
      const [now] = pod?.status?.containerStatuses ?? [];
      return now?.restartCount === 1 && is(pod, "Ready") ? now : undefined;
    });
    expect(status.lastState?.terminated).toMatchObject({ exitCode: 137, reason: "Error" });
    const two = await podOf(rig.api, "two");
    expect(two?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });
});
