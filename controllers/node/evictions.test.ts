import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { events, nodes, pods } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import { runManager } from "../runtime/manager.ts";
import { createRecorder } from "../runtime/recorder.ts";
import { buildTaintEviction } from "./evictions.ts";

const ready = (status: string) => ({ conditions: [{ type: "Ready", status }] });

async function setup(status = "Unknown") {
  const [api, clock] = [memoryApi(), manualClock()];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const recorder = createRecorder({ client: api, clock, log, component: "node", instance: "" });
  const timeAdded = formatTime(clock.nowMs());
  const taint = { key: "node.kubernetes.io/unreachable", effect: "NoExecute", timeAdded };
  const node = (name: string, status: string, taints: readonly object[]) =>
    api.create(nodes, {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name },
      spec: { taints },
      status: ready(status),
    } as never);
  await node("a", status, status === "True" ? [] : [taint]);
  await node("b", "True", []);
  const pod = (name: string, tolerationSeconds?: number) =>
    api.create(pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace: "shop", name },
      spec: {
        nodeName: "a",
        containers: [{ name: "c" }],
        volumes: [{ name: "data", hostPath: { path: "/data" } }],
        tolerations: [
          {
            key: taint.key,
            operator: "Exists",
            ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
          },
        ],
      },
      status: { phase: "Running", ...ready("True") },
    });
  const controller = new AbortController();
  const running = runManager(
    [buildTaintEviction],
    { client: api, clock, log, recorder },
    controller.signal,
  );
  onTestFinished(async () => {
    controller.abort();
    await running;
  });
  const setTaints = (taints: readonly object[] | null) =>
    api.patch(nodes, { name: "a" }, { type: "merge", body: { spec: { taints } } });
  await settle();
  const left = () => api.all(pods).map(({ metadata }) => metadata.name);
  return { api, clock, pod, setTaints, left };
}

test("taint eviction takes pods from a lost Node when their tolerations end, and says where data stays", async () => {
  const { api, clock, pod, left } = await setup();
  await pod("short", 60);
  await pod("usual", 300);
  await pod("pinned");
  await clock.advance(59_999);
  expect(left()).toEqual(["pinned", "short", "usual"]);
  await clock.advance(1);
  expect(left()).toEqual(["pinned", "usual"]);
  await clock.advance(600_000);
  expect(left()).toEqual(["pinned"]);
  const message = "Marking for deletion Pod shop/short; its volumes stay on Node a: data";
  expect(api.all(events)[0]).toMatchObject({ reason: "TaintManagerEviction", message });
});

test("taint eviction lets a pod count as not ready before it deletes it", async () => {
  const { api, clock, pod } = await setup();
  await pod("web", 60);
  const seen: string[] = [];
  api.before(({ verb, subresource }) => void seen.push(`${verb} ${subresource ?? ""}`));
  await clock.advance(60_000);
  const writes = seen.filter((one) => one.startsWith("patch status") || one.startsWith("delete"));
  expect(writes).toEqual(["patch status", "delete "]);
});

test("taint eviction forgets a flap: the toleration begins anew", async () => {
  const { clock, pod, setTaints, left } = await setup();
  await pod("web", 60);
  await clock.advance(50_000);
  await setTaints(null);
  await clock.advance(50_000);
  const timeAdded = formatTime(clock.nowMs());
  await setTaints([{ key: "node.kubernetes.io/unreachable", effect: "NoExecute", timeAdded }]);
  await clock.advance(59_000);
  expect(left()).toEqual(["web"]);
});

test("taint eviction obeys a user's NoExecute taint, which has no time", async () => {
  const { clock, pod, setTaints, left } = await setup("True");
  await pod("web");
  await clock.advance(1_000);
  expect(left()).toEqual(["web"]);
  await setTaints([{ key: "maintenance", effect: "NoExecute" }]);
  await settle();
  expect(left()).toEqual([]);
});
