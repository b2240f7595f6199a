import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { containerLabel } from "../../crds/labels.ts";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { testImages } from "../kit/images.ts";
import { kubectls } from "../kit/kubectl.ts";
import { readExposition, type ScrapedSeries } from "../kit/prometheus-text.ts";
import { run } from "../kit/run.ts";
import { must, openSite, type Site } from "./site.ts";

let site: Site;

const all = kubectls();
const chosen = all.filter(({ minor = "" }) => ["1.20", "1.27", "1.33"].includes(minor));
const clients = chosen.length > 0 ? chosen : all.slice(-1);

const container = (name: string, more: object) => ({
  name,
  image: testImages.silent,
  imagePullPolicy: "IfNotPresent",
  ...more,
});

/** One container that takes all the CPU it may, and one that takes none. */
const pod = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "busy", labels: { app: "busy" } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      container("loop", {
        command: ["/bin/sh", "-c", "while :; do :; done"],
        resources: { limits: { cpu: "200m", memory: "64Mi" } },
      }),
      container("idle", {}),
    ],
  },
});

const kubectl = (...args: readonly string[]): Promise<string> =>
  must(site.lighthouse.kubectl(args));

/** Rows of a table without its head, as words. */
const rows = (text: string): readonly (readonly string[])[] =>
  text
    .trim()
    .split("\n")
    .map((line) => line.split(/ +/));

const milli = (text = ""): number => {
  const match = /^(\d+)m$/.exec(text);
  if (match === null) throw new Error(`no milli-CPU: ${text}`);
  return Number(match[1]);
};

const scrape = async (node: string, part: string): Promise<readonly ScrapedSeries[]> =>
  readExposition(await kubectl("get", "--raw", `/api/v1/nodes/${node}/proxy/metrics/${part}`));

describe.skipIf(skipWithoutDockerd())("metrics of a real engine", () => {
  let node = "";

  beforeAll(async () => {
    site = await openSite({ apart: true });
    await must(site.lighthouse.kubectl(["apply", "-f", "-"], { stdin: pod }));
    await kubectl("wait", "--for=condition=Ready", "pod/busy", "--timeout=30s");
    node = (await kubectl("get", "nodes", "-o", "name")).trim().replace("node/", "");
    const foreign = await site.engine.containers.create("somebody", { Image: testImages.silent });
    await site.engine.containers.start(foreign);
  });
  afterAll(() => site[Symbol.asyncDispose]());

  test("kubectl top shows what Pods, containers and the Node use", async () => {
    const top = rows(await kubectl("top", "pod", "--containers", "--no-headers"));
    expect(top.map(([name, part]) => [name, part])).toEqual([
      ["busy", "idle"],
      ["busy", "loop"],
    ]);
    const [idle, loop] = top;
    expect(milli(idle?.[2])).toBeLessThan(50);
    // The quota is kept per tenth of a second, so a short window may hold a period more or less.
    expect(milli(loop?.[2])).toBeGreaterThan(140);
    expect(milli(loop?.[2])).toBeLessThan(260);
    expect(await kubectl("top", "pod", "-l", "app=busy", "--no-headers")).toContain("busy");
    const [[name, cpu, , memory] = []] = rows(await kubectl("top", "node", "--no-headers"));
    expect(name).toBe(node);
    expect(milli(cpu)).toBeGreaterThan(140);
    expect(memory).toMatch(/^[1-9]\d*Mi$/);
  });

  test.each(clients)("kubectl $minor reads the same API", async ({ path }) => {
    const { kubeconfig } = site.lighthouse;
    const out = await must(run([path, "--kubeconfig", kubeconfig, "top", "pod", "--no-headers"]));
    expect(out).toMatch(/^busy +\d+m +\d+Mi/);
  });

  test("the working set is that of the engine", async () => {
    const text = await kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/pods");
    const { items } = JSON.parse(text) as {
      readonly items: readonly {
        readonly containers: readonly {
          readonly name: string;
          readonly usage: { memory: string };
        }[];
      }[];
    };
    const loop = items[0]?.containers.find(({ name }) => name === "loop");
    const [row] = await site.engine.containers.list({ [containerLabel.container]: "loop" });
    const stats = await site.engine.io.stats(row?.id ?? "");
    const told = Number.parseInt(loop?.usage.memory ?? "", 10) * 1024;
    expect(told).toBeGreaterThan((stats?.memory.workingSetBytes ?? Infinity) * 0.5);
    expect(told).toBeLessThan((stats?.memory.workingSetBytes ?? 0) * 1.5);
  });

  test("Prometheus reads cAdvisor's metrics of Pods, foreign containers and the machine", async () => {
    const all = await scrape(node, "cadvisor");
    const cpu = all.filter(({ name }) => name === "container_cpu_usage_seconds_total");
    expect(cpu.map(({ labels }) => labels["container"] ?? labels["name"] ?? labels["id"])).toEqual(
      expect.arrayContaining(["/", "loop", "idle", "somebody"]),
    );
    const of = (name: string) =>
      all.find((one) => one.name === name && one.labels["container"] === "loop")?.value;
    expect(of("container_spec_memory_limit_bytes")).toBe(64 << 20);
    expect(of("container_spec_cpu_quota")).toBe(20_000);
    expect(of("container_cpu_cfs_throttled_periods_total")).toBeGreaterThan(0);
    const received = all.filter(({ name, labels }) => {
      return name === "container_network_receive_bytes_total" && labels["pod"] === "busy";
    });
    expect(received).toHaveLength(1);
    const resource = await scrape(node, "resource");
    expect(resource.map(({ name }) => name)).toContain("node_cpu_usage_seconds_total");
  });

  test("the kubelet's Summary and the agent's own metrics are there", async () => {
    const raw = `/api/v1/nodes/${node}/proxy`;
    const summary = JSON.parse(await kubectl("get", "--raw", `${raw}/stats/summary`)) as {
      readonly pods: readonly { readonly podRef: { readonly name: string } }[];
    };
    expect(summary.pods.map(({ podRef }) => podRef.name)).toEqual(["busy"]);
    expect(readExposition(await kubectl("get", "--raw", `${raw}/metrics`))).not.toEqual([]);
  });
});
