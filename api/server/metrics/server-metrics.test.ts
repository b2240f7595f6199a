import Fastify from "fastify";
import { expect, test } from "vitest";
import { ourKinds } from "../../../test/kit/kinds.ts";
import { openRegistry } from "./registry.ts";
import { addFairnessMetrics, addObjectCounts, serverMetrics } from "./server-metrics.ts";
import { storeLatency, timedStore } from "./timed-store.ts";
import { memoryStore } from "../../store/memory.ts";
import { requestInfo } from "../objects/request-info.ts";

async function metricsAfter(...urls: readonly string[]): Promise<string> {
  const kinds = ourKinds();
  const metrics = serverMetrics(kinds);
  const app = Fastify();
  app.addHook("onRequest", async (request) => {
    request.info = requestInfo(request.method, request.url);
  });
  metrics.count(app);
  metrics.serve(app);
  app.get("/apis/*", () => "ok");
  for (const url of urls) await app.inject({ url });
  const { body, headers } = await app.inject({ url: "/metrics" });
  expect(headers["content-type"]).toContain("version=0.0.4");
  await app.close();
  return body;
}

const lineOf = (text: string, start: string): string | undefined =>
  text.split("\n").find((line) => line.startsWith(start));

test("requests are counted by what they were about", async () => {
  const list = "/apis/lighthouse.dev/v1/namespaces/shop/applications";
  const text = await metricsAfter(list, list, `${list}/web/status`);
  const labels = (verb: string, part: string, scope: string): string =>
    `verb="${verb}",group="lighthouse.dev",version="v1",resource="applications",` +
    `subresource="${part}",scope="${scope}",component="apiserver"`;
  expect(
    lineOf(text, `apiserver_request_total{${labels("LIST", "", "namespace")},code="200"}`),
  ).toMatch(/ 2$/);
  expect(lineOf(text, `apiserver_request_total{${labels("GET", "status", "resource")}`)).toMatch(
    / 1$/,
  );
  const name = "apiserver_request_duration_seconds";
  expect(lineOf(text, `${name}_bucket{${labels("LIST", "", "namespace")},le="+Inf"}`)).toMatch(
    / 2$/,
  );
  expect(lineOf(text, `${name}_count{${labels("LIST", "", "namespace")}}`)).toMatch(/ 2$/);
});

test("a stranger cannot make labels", async () => {
  const text = await metricsAfter(
    "/apis/evil.dev/v9/loot",
    "/apis/lighthouse.dev/v1/beacons/x/evil",
    "/nowhere",
  );
  expect(text).not.toContain("evil");
  expect(text).not.toContain("loot");
  expect(
    lineOf(text, 'apiserver_request_total{verb="GET",group="",version="",resource=""'),
  ).toMatch(/ 1$/);
});

test("watches count, but have no duration", async () => {
  const text = await metricsAfter("/apis/lighthouse.dev/v1/beacons?watch=true");
  expect(lineOf(text, 'apiserver_request_total{verb="WATCH"')).toMatch(/ 1$/);
  expect(text).not.toContain('apiserver_request_duration_seconds_count{verb="WATCH"');
});

test("events are counted by kind", () => {
  const registry = openRegistry();
  const kinds = ourKinds();
  const metrics = serverMetrics(kinds, registry);
  const [kind] = kinds.list();
  if (kind === undefined) throw new Error("The kit has kinds");
  metrics.countEvents(kind, 2);
  metrics.countEvents({ ...kind }, 3);
  const labels = `group="${kind.group}",version="${kind.version}",kind="${kind.kind}"`;
  const line = lineOf(registry.render(), "apiserver_watch_events_total{");
  expect(line).toBe(`apiserver_watch_events_total{${labels}} 5`);
});

test("the process and what is in flight are shown", async () => {
  const text = await metricsAfter();
  const name = "apiserver_current_inflight_requests";
  expect(lineOf(text, `${name}{request_kind="readOnly"}`)).toMatch(/ 1$/);
  expect(lineOf(text, `${name}{request_kind="mutating"}`)).toMatch(/ 0$/);
  for (const gauge of ["process_cpu_seconds_total", "process_resident_memory_bytes"]) {
    expect(Number(lineOf(text, gauge)?.split(" ")[1])).toBeGreaterThan(0);
  }
});

test("every metric says what it is, once, before its values", async () => {
  const text = await metricsAfter("/apis/lighthouse.dev/v1/beacons");
  let current = "";
  const strays = text
    .trimEnd()
    .split("\n")
    .filter((line) => {
      const help = /^# HELP (\S+)/.exec(line)?.[1];
      current = help ?? current;
      return !line.replace(/^# (HELP|TYPE) /, "").startsWith(current);
    });
  expect(strays).toEqual([]);
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(new Set(names).size).toBe(names.length);
});

test("levels of fairness, objects and store latency are shown under their usual names", async () => {
  const registry = openRegistry();
  const level = { name: "system", uid: "u", seats: 4, queueLength: 1, queuedTotal: 1 };
  const state = { level, seatsInUse: 3, queued: 2, dispatched: 9, refused: 1, waitedSeconds: 0.5 };
  addFairnessMetrics(registry, { states: () => [state] });
  addObjectCounts(registry, ourKinds(), () => 7);
  await using store = timedStore(memoryStore(), storeLatency(registry));
  await store.put("/registry/core/pods/shop/a", Buffer.from("{}"), 0);
  const text = registry.render();
  const labels = 'priority_level="system",flow_schema="system"';
  for (const line of [
    `apiserver_flowcontrol_current_inqueue_requests{${labels}} 2`,
    `apiserver_flowcontrol_rejected_requests_total{${labels}} 1`,
    'apiserver_storage_objects{resource="applications.lighthouse.dev"} 7',
    'etcd_request_duration_seconds_count{operation="create",type="pods"} 1',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});
