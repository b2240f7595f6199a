import { expect, test } from "vitest";
import { buildMeasured } from "../../test/kit/measured.ts";
import { readExposition, type ScrapedSeries } from "../../test/kit/prometheus-text.ts";
import { cadvisorFamilies } from "./cadvisor.ts";
import { exposition } from "./exposition.ts";
import { resourceFamilies } from "./resource-metrics.ts";
import { markOf, type Sample } from "./sample.ts";
import { toSummary } from "./summary.ts";
import { toUsage } from "./usage.ts";

const card = {
  name: "eth0",
  receivedBytes: 11,
  receivedPackets: 2,
  receivedErrors: 0,
  receivedDropped: 0,
  sentBytes: 22,
  sentPackets: 3,
  sentErrors: 0,
  sentDropped: 0,
};
const part = { namespace: "shop", pod: "web-0", uid: "u1", container: "app" };
const app = buildMeasured({
  id: "a1",
  name: "lh_app",
  part,
  cpuNanos: 5e9,
  limits: {
    memoryBytes: 8192,
    memoryReservationBytes: 4096,
    cpuShares: 512,
    cpuQuotaMicros: 50_000,
    cpuPeriodMicros: 100_000,
  },
  oomEvents: 2,
  stats: {
    interfaces: [card],
    blockDevices: [{ device: "8:0", readBytes: 7, writtenBytes: 8, reads: 1, writes: 2 }],
  },
});
const side = buildMeasured({
  id: "b2",
  name: "lh_side",
  part: { ...part, container: "side" },
  ownNetwork: false,
  stats: { interfaces: [card] },
});
const foreign = buildMeasured({ id: "c3", name: 'odd"name\\', image: "db:1" });
const host = {
  atMs: 60_000,
  cpuNanos: 9e9,
  bootedAtMs: 1_000,
  memory: { totalBytes: 9000, usageBytes: 6000, workingSetBytes: 5000, rssBytes: 1000 },
  interfaces: [{ ...card, name: "wan0" }],
};
const sample: Sample = { atMs: 60_000, containers: [app, side, foreign], silent: [], host };
const facts = { cpus: 2, memoryBytes: 9000, engineId: "E1" };

const scrape = (families: Parameters<typeof exposition>[0]) => readExposition(exposition(families));
const valueOf = (all: readonly ScrapedSeries[], name: string, labels: object) =>
  all.filter(
    (one) =>
      one.name === name &&
      Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  );

test("cadvisorFamilies() labels containers of Pods, and foreign ones without Pod", () => {
  const all = scrape(cadvisorFamilies(sample, facts));
  const cpu = valueOf(all, "container_cpu_usage_seconds_total", {});
  expect(cpu.map(({ labels }) => labels)).toEqual([
    { id: "/" },
    {
      container: "app",
      id: "/docker/a1",
      image: "web:1",
      name: "lh_app",
      namespace: "shop",
      pod: "web-0",
    },
    {
      container: "side",
      id: "/docker/b2",
      image: "web:1",
      name: "lh_side",
      namespace: "shop",
      pod: "web-0",
    },
    { id: "/docker/c3", image: "db:1", name: 'odd"name\\' },
  ]);
  expect(cpu.map(({ value }) => value)).toEqual([9, 5, 0, 0]);
  expect(cpu.map(({ atMs }) => atMs)).toEqual([60_000, 60_000, 60_000, 60_000]);
});

test("cadvisorFamilies() has the names that dashboards ask for", () => {
  const all = scrape(cadvisorFamilies(sample, facts));
  const one = (name: string, labels: object = { name: "lh_app" }): number | undefined =>
    valueOf(all, name, labels)[0]?.value;
  expect(one("container_memory_working_set_bytes")).toBe(3072);
  expect(one("container_memory_rss")).toBe(2048);
  expect(one("container_memory_cache")).toBe(1024);
  expect(one("container_spec_memory_limit_bytes")).toBe(8192);
  expect(one("container_spec_memory_limit_bytes", { id: "/" })).toBe(9000);
  expect(one("container_spec_cpu_quota")).toBe(50_000);
  expect(one("container_spec_cpu_period")).toBe(100_000);
  expect(one("container_spec_cpu_shares")).toBe(512);
  expect(one("container_spec_cpu_shares", { name: "lh_side" })).toBe(1024);
  expect(one("container_oom_events_total")).toBe(2);
  expect(one("container_start_time_seconds")).toBe(10);
  expect(one("container_last_seen")).toBe(60);
  expect(one("container_fs_reads_bytes_total", { device: "8:0" })).toBe(7);
  expect(one("machine_cpu_cores", { machine_id: "E1" })).toBe(2);
  expect(one("machine_memory_bytes", {})).toBe(9000);
  expect(one("container_scrape_error", {})).toBe(0);
});

test("cadvisorFamilies() counts a network once, where it belongs, and limits where there are any", () => {
  const all = scrape(cadvisorFamilies(sample, facts));
  const received = valueOf(all, "container_network_receive_bytes_total", {});
  expect(received.map(({ labels }) => labels)).toEqual([
    { id: "/", interface: "wan0" },
    {
      id: "/docker/a1",
      image: "web:1",
      name: "lh_app",
      namespace: "shop",
      pod: "web-0",
      interface: "eth0",
    },
  ]);
  const quotas = valueOf(all, "container_spec_cpu_quota", {});
  expect(quotas.map(({ labels }) => labels["name"])).toEqual(["lh_app"]);
});

test("cadvisorFamilies() says that it does not know all, and tells no machine from afar", () => {
  const { host: _away, ...remote } = { ...sample, silent: ["x"] };
  const all = scrape(cadvisorFamilies(remote, facts));
  expect(valueOf(all, "container_scrape_error", {})[0]?.value).toBe(1);
  expect(all.filter(({ labels }) => labels["id"] === "/")).toEqual([]);
});

test("resourceFamilies() has the kubelet's names, for Pods and the machine alone", () => {
  const all = scrape(resourceFamilies(sample));
  expect(valueOf(all, "container_cpu_usage_seconds_total", {}).map(({ labels }) => labels)).toEqual(
    [
      { container: "app", namespace: "shop", pod: "web-0" },
      { container: "side", namespace: "shop", pod: "web-0" },
    ],
  );
  expect(valueOf(all, "pod_memory_working_set_bytes", {})[0]?.value).toBe(6144);
  expect(valueOf(all, "node_cpu_usage_seconds_total", {})[0]?.value).toBe(9);
  expect(valueOf(all, "node_memory_working_set_bytes", {})[0]?.value).toBe(5000);
  const { host: _away, ...remote } = sample;
  expect(valueOf(scrape(resourceFamilies(remote)), "node_cpu_usage_seconds_total", {})).toEqual([]);
});

const mark = markOf({
  ...sample,
  atMs: 50_000,
  containers: sample.containers.map((one) => ({
    ...one,
    stats: { ...one.stats, atMs: 50_000, cpuNanos: 0 },
  })),
  host: { ...host, atMs: 50_000, cpuNanos: 4e9 },
});

test("toUsage() tells the machine, and Pods by uid", () => {
  expect(toUsage({ sample, mark })).toEqual({
    node: {
      cpuNanoCores: 5e8,
      memoryBytes: 5000,
      atMs: 60_000,
      windowMs: 10_000,
      of: "machine",
    },
    pods: [
      {
        uid: "u1",
        containers: {
          app: { cpuNanoCores: 5e8, memoryBytes: 3072, atMs: 60_000, windowMs: 10_000 },
          side: { cpuNanoCores: 0, memoryBytes: 3072, atMs: 60_000, windowMs: 10_000 },
        },
      },
    ],
  });
});

test("toUsage() adds containers up, foreign ones too, where the machine is not known", () => {
  const { host: _away, ...remote } = sample;
  expect(toUsage({ sample: remote, mark }).node).toEqual({
    cpuNanoCores: 5e8,
    memoryBytes: 3 * 3072,
    atMs: 60_000,
    windowMs: 10_000,
    of: "containers",
  });
});

test("toUsage() tells zero of a host that runs nothing, and nothing of one that is silent", () => {
  const empty = { atMs: 60_000, containers: [], silent: [] };
  expect(toUsage({ sample: empty, mark }).node).toMatchObject({ cpuNanoCores: 0, memoryBytes: 0 });
  expect(toUsage({ sample: { ...empty, silent: ["x"] }, mark }).node).toBeUndefined();
});

test("toSummary() is the kubelet's Summary", () => {
  expect(toSummary("n1", { sample, mark })).toMatchObject({
    node: {
      nodeName: "n1",
      startTime: "1970-01-01T00:00:01Z",
      cpu: { time: "1970-01-01T00:01:00Z", usageNanoCores: 5e8, usageCoreNanoSeconds: 9e9 },
      memory: { availableBytes: 4000, workingSetBytes: 5000 },
      network: { name: "wan0", rxBytes: 11, txBytes: 22 },
    },
    pods: [
      {
        podRef: { name: "web-0", namespace: "shop", uid: "u1" },
        startTime: "1970-01-01T00:00:10Z",
        containers: [
          {
            name: "app",
            cpu: { usageNanoCores: 5e8, usageCoreNanoSeconds: 5e9 },
            memory: { availableBytes: 5120, workingSetBytes: 3072, rssBytes: 2048 },
          },
          { name: "side" },
        ],
        cpu: { usageNanoCores: 5e8 },
        memory: { workingSetBytes: 6144 },
        network: { name: "eth0", rxBytes: 11, interfaces: [{ name: "eth0" }] },
      },
    ],
  });
});

test("exposition() escapes, and leaves out metrics without series", () => {
  const text = exposition([
    { name: "a_total", help: "A.", type: "counter", series: [] },
    { name: "b", help: "B.", type: "gauge", series: [{ labels: { x: 'a"\\\n' }, value: 1 }] },
  ]);
  expect(text).toBe('# HELP b B.\n# TYPE b gauge\nb{x="a\\"\\\\\\n"} 1\n');
  expect(readExposition(text)).toEqual([{ name: "b", labels: { x: 'a"\\\n' }, value: 1 }]);
});
