import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { makeImage, webRecipe } from "../../hack/docker/example-images.ts";
import { type CloudControl, startCloudControl } from "../kit/cloud-control.ts";
import { type Cloud, type Clouds, openClouds } from "../kit/clouds.ts";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { anyKubectl } from "../kit/kubectl.ts";
import { type Registry, startRegistry } from "../kit/registry.ts";
import { type Ran, run } from "../kit/run.ts";
import type { RunningProgram } from "../kit/running-program.ts";
import { streamingKubectl, type StreamingKubectl } from "../kit/streaming-kubectl.ts";
import { manifest, must } from "./site.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What `docker inspect` says, without what time alone changes. */
async function inspected(url: string, name: string): Promise<string> {
  return must(run(["docker", "-H", url, "inspect", name]));
}

describe.skipIf(skipWithoutDockerd())("two clouds that let nothing in", () => {
  let clouds: Clouds;
  let east: Cloud;
  let west: Cloud;
  let registry: Registry;
  let control: CloudControl;
  let agents: RunningProgram[];
  let kubectl: StreamingKubectl;
  /** Containers that are there before us, one per host, as they were. */
  const foreign = new Map<string, string>();
  const all = new AsyncDisposableStack();

  const ctl = (...args: readonly string[]): Promise<Ran> => control.lighthouse.kubectl(args);
  const hosts = () => [...east.hosts, ...west.hosts];

  async function nodesOf({ name }: Cloud): Promise<readonly string[]> {
    const selector = `lighthouse.dev/beacon=${name}`;
    const names = await must(ctl("get", "nodes", "-l", selector, "-o", "name"));
    return names.split("\n").filter((line) => line !== "");
  }

  const ready = (cloud: Cloud): Promise<string> =>
    must(
      ctl("wait", "nodes", "-l", `lighthouse.dev/beacon=${cloud.name}`, "--for=condition=Ready"),
    );

  /** The pods of the Application in a cloud. */
  async function podsIn(cloud: Cloud): Promise<readonly string[]> {
    const nodes = await nodesOf(cloud);
    const found = nodes.map((node) => {
      const onNode = `spec.nodeName=${node.replace("node/", "")}`;
      return must(ctl("get", "pods", "--field-selector", onNode, "-o", "name"));
    });
    return (await Promise.all(found)).map((name) => name.trim());
  }

  const podIn = async (cloud: Cloud): Promise<string> => (await podsIn(cloud))[0] ?? "";

  beforeAll(async () => {
    clouds = await openClouds({
      registry: async ({ address }) => {
        registry = await startRegistry(address);
        return registry.address;
      },
    });
    all.use(registry);
    all.use(clouds);
    const [first, second] = clouds.clouds;
    if (first === undefined || second === undefined) throw new Error("Cannot find two clouds");
    [east, west] = [first, second];
    for (const { docker } of hosts()) {
      const args = ["run", "-d", "--name", "foreign", testImages.web];
      await must(run(["docker", "-H", docker.url, ...args]));
      foreign.set(docker.url, await inspected(docker.url, "foreign"));
    }
    control = all.use(await startCloudControl(clouds));
    agents = [await control.startAgent(east), await control.startAgent(west)];
    const program = anyKubectl();
    if (program === undefined) throw new Error("Cannot find any kubectl");
    kubectl = streamingKubectl(program, control.lighthouse.kubeconfig);
    await eventually("four hosts are found", async () => {
      return (await nodesOf(east)).length === 2 && (await nodesOf(west)).length === 2;
    });
    await ready(east);
    await ready(west);
  });
  afterAll(() => all.disposeAsync());

  test("beacons are connected, and no gateway was asked for a way in", async () => {
    const connected = await ctl("wait", "beacons", "--all", "--for=condition=Connected");
    expect(connected.code).toBe(0);
    expect(await east.gateway.refused()).toBe(0);
    await run(["busybox", "nc", "-w", "1", east.gateway.outside.address, "2376"]);
    expect(await east.gateway.refused()).toBeGreaterThan(0);
  });

  test("an Application rolls out on every host, from a registry outside", async () => {
    const image = `${registry.address}/shop/web:v1`;
    const [{ docker }] = east.hosts as [(typeof east.hosts)[number]];
    await using engine = openEngine(docker.url);
    await makeImage(engine.images, image, webRecipe("from-afar"));
    await must(run(["docker", "-H", docker.url, "push", image]));
    const perNode = manifest("web", image, {
      spec: { replicas: undefined, placement: { perNode: true } },
    });
    const applied = await control.lighthouse.cli(["apply", "-f", "-", "--wait"], {
      stdin: perNode,
      timeoutMs: 90_000,
    });
    expect(applied).toMatchObject({ code: 0 });
    for (const { engine: one } of hosts())
      expect(await one.containers.list({ "lighthouse.dev/application": "web" })).toHaveLength(1);
  });

  test.each(["east", "west"])("kubectl reaches containers in %s", async (name) => {
    const cloud = name === "east" ? east : west;
    const pod = await podIn(cloud);
    expect((await kubectl.pipe(["logs", pod, "--tail=1"])).stdout.toString()).toContain(
      "version from-afar",
    );
    await using following = kubectl.start(["logs", "-f", pod]);
    await eventually("it follows", () => following.output().includes("from-afar"));
    const bytes = randomBytes(3_000_000);
    const echoed = await kubectl.pipe(["exec", "-i", pod, "--", "cat"], bytes);
    expect([echoed.code, sha256(echoed.stdout)]).toEqual([0, sha256(bytes)]);
    expect((await kubectl.pipe(["exec", pod, "--", "sh", "-c", "exit 7"])).code).toBe(7);
    const local = join(control.dataDir, `copy-${name}`);
    await writeFile(local, bytes);
    const bare = pod.replace("pod/", "");
    expect(await kubectl.pipe(["cp", local, `${bare}:/tmp/copy`])).toMatchObject({ code: 0 });
    expect(await kubectl.pipe(["cp", `${bare}:/tmp/copy`, `${local}.back`])).toMatchObject({
      code: 0,
    });
    expect(sha256(await readFile(`${local}.back`))).toBe(sha256(bytes));
    // Also on the host that the agent reaches by the Docker API alone.
    for (const one of await podsIn(cloud)) {
      await using web = await kubectl.forward(one, 80);
      expect(await (await fetch(`http://127.0.0.1:${web.localPort}/`)).text()).toBe("from-afar\n");
    }
    const page = ["get", "--raw", `/api/v1/namespaces/default/pods/${bare}:80/proxy/`];
    expect((await kubectl.pipe(page)).stdout.toString()).toBe("from-afar\n");
    const changes = `/api/v1/namespaces/default/pods/${bare}/changes`;
    const { items } = JSON.parse((await kubectl.pipe(["get", "--raw", changes])).stdout.toString());
    expect(items).toContainEqual({ path: "/tmp/copy", change: "Added" });
  });

  test("kubectl top and Prometheus see both clouds", async () => {
    await eventually("every node is measured", async () => {
      const { code, stdout } = await ctl("top", "node", "--no-headers");
      return code === 0 && stdout.trim().split("\n").length === 4;
    });
    const [node = ""] = await nodesOf(west);
    const path = `/api/v1/nodes/${node.replace("node/", "")}/proxy/metrics/cadvisor`;
    const { stdout } = await ctl("get", "--raw", path);
    expect(stdout).toMatch(/^container_cpu_usage_seconds_total\{.*namespace="default".*\} /m);
  });

  test("the stock docker command works on a host behind two gateways", async () => {
    const [node = ""] = await nodesOf(west);
    const name = node.replace("node/", "");
    const docker = (...args: readonly string[]): Promise<Ran> =>
      control.lighthouse.cli(["docker", name, "--", ...args], { timeoutMs: 30_000 });
    expect((await must(docker("ps", "--format", "{{.Names}}"))).split("\n")).toContain("foreign");
    const args = ["run", "--rm", "--name", "by-hand", testImages.web, "echo", "through two NATs"];
    expect(await must(docker(...args))).toBe("through two NATs\n");
  });

  test("a cloud that is cut off goes on, and comes back by itself", async () => {
    const pods = async () => must(ctl("get", "pods", "-o", "name"));
    const before = await pods();
    const running = async () =>
      Promise.all(
        west.hosts.map(async ({ engine }) =>
          (await engine.containers.list({ "lighthouse.dev/application": "web" })).map(
            ({ id, phase }) => `${id} ${phase}`,
          ),
        ),
      );
    const containers = await running();
    west.gateway.outside.cable.cut();
    const connected = ["wait", "beacon/west", "--for=condition=Connected=False", "--timeout=30s"];
    expect(await must(ctl(...connected))).toContain("condition met");
    const [{ engine }] = west.hosts as [(typeof west.hosts)[number]];
    const [web] = await engine.containers.list({ "lighthouse.dev/application": "web" });
    await engine.containers.kill(web?.id ?? "", "SIGKILL");
    await eventually("the agent starts it again on its own", async () => {
      const [now] = await engine.containers.list({ "lighthouse.dev/application": "web" });
      return now?.phase === "running";
    });
    west.gateway.outside.cable.mend();
    const again = ["wait", "beacon/west", "--for=condition=Connected", "--timeout=60s"];
    expect(await must(ctl(...again))).toContain("condition met");
    expect(await pods()).toBe(before);
    expect(await running()).toEqual(containers);
    const pod = await podIn(west);
    await eventually("it answers", async () => {
      return (await kubectl.pipe(["exec", pod, "--", "true"])).code === 0;
    });
  });

  test("a killed agent is followed by the next without a restart", async () => {
    const states = async () =>
      Promise.all(
        east.hosts.map(async ({ docker, engine }) => {
          const [web] = await engine.containers.list({ "lighthouse.dev/application": "web" });
          const format = "{{.Id}} {{.State.StartedAt}}";
          return must(run(["docker", "-H", docker.url, "inspect", "-f", format, web?.id ?? ""]));
        }),
      );
    const before = await states();
    await agents[0]?.stop("SIGKILL");
    agents[0] = await control.startAgent(east);
    const pod = await podIn(east);
    await eventually("it answers", async () => {
      return (await kubectl.pipe(["exec", pod, "--", "true"])).code === 0;
    });
    expect(await states()).toEqual(before);
  });

  test("other people's containers are as they were", async () => {
    for (const [url, before] of foreign) expect(await inspected(url, "foreign")).toBe(before);
  });
});
