import Fastify from "fastify";
import { expect, test } from "vitest";
import { ourKinds } from "../../test/kit/kinds.ts";
import { serverMetrics } from "./metrics.ts";
import { requestInfo } from "./objects/request-info.ts";

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
  const labels = (verb: string, part: string): string =>
    `verb="${verb}",group="lighthouse.dev",version="v1",resource="applications",subresource="${part}"`;
  expect(lineOf(text, `apiserver_request_total{${labels("list", "")},code="200"}`)).toMatch(/ 2$/);
  expect(lineOf(text, `apiserver_request_total{${labels("get", "status")}`)).toMatch(/ 1$/);
  const name = "apiserver_request_duration_seconds";
  expect(lineOf(text, `${name}_bucket{${labels("list", "")},le="+Inf"}`)).toMatch(/ 2$/);
  expect(lineOf(text, `${name}_count{${labels("list", "")}}`)).toMatch(/ 2$/);
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
    lineOf(text, 'apiserver_request_total{verb="get",group="",version="",resource=""'),
  ).toMatch(/ 1$/);
});

test("watches count, but have no duration", async () => {
  const text = await metricsAfter("/apis/lighthouse.dev/v1/beacons?watch=true");
  expect(lineOf(text, 'apiserver_request_total{verb="watch"')).toMatch(/ 1$/);
  expect(text).not.toContain('apiserver_request_duration_seconds_count{verb="watch"');
});

test("the process and what is in flight are shown", async () => {
  const text = await metricsAfter();
  expect(lineOf(text, "apiserver_current_inflight_requests")).toBe(
    "apiserver_current_inflight_requests 1",
  );
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes"]) {
    expect(Number(lineOf(text, name)?.split(" ")[1])).toBeGreaterThan(0);
  }
});
