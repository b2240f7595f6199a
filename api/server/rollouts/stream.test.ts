import { expect, test } from "vitest";
import { asUser, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { checkGrammar } from "../../../test/kit/rollout-lines.ts";
import type { RolloutLine } from "../../../crds/rollout-stream.ts";
import type { RolloutStep } from "../../../crds/types.gen.ts";
import { memoryStore } from "../../store/memory.ts";
import type { Call } from "../objects/call.ts";
import { FanOut, type WatchSink } from "../objects/fan-out.ts";
import { openRolloutStream } from "./stream.ts";

const collection = "/apis/lighthouse.dev/v1/namespaces/default/applications";
const web = `${collection}/web`;
const stream = `${web}/rollout`;

const application = {
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name: "web" },
  spec: { replicas: 2, template: { spec: { containers: [{ name: "web", image: "web:v1" }] } } },
};

const time = (second: number): string => `2026-01-01T00:00:0${second}.000000Z`;

type Change = { readonly phase: string; readonly steps: readonly RolloutStep[] };

/** Writes `status.rollout` as the controller does. */
async function report({ send }: TestApp, { phase, steps }: Change, observed = 1): Promise<void> {
  const rollout = {
    phase,
    revision: "web-1",
    startedAt: time(0),
    phaseStartedAt: time(5),
    message: "web-1 runs in every slot",
    instances: ["node-a", "node-b"],
    steps,
  };
  const patch = { status: { observedGeneration: observed, rollout } };
  const { code, text } = await send("PATCH", `${web}/status`, patch, {
    type: "application/merge-patch+json",
  });
  expect(code, text).toBe(200);
}

const prepare = { name: "prepare", action: "Prepare", title: "Preparing web-1", total: 2 };
const begun: RolloutStep = { ...prepare, startedAt: time(0) };
const half: RolloutStep = { ...begun, passed: [{ items: "1", time: time(1) }] };
const whole: RolloutStep = {
  ...half,
  results: [{ slot: "0", item: 0, status: "Warning", message: "late", time: time(2) }],
  completedAt: time(2),
};

async function readable(): Promise<TestApp> {
  const app = await openTestApp();
  await app.send("POST", collection, application);
  return app;
}

function linesOf(text: string): readonly RolloutLine[] {
  expect(text === "" || text.endsWith("\n")).toBe(true);
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as RolloutLine);
}

const all = (frames: readonly unknown[]): readonly RolloutLine[] => frames as RolloutLine[];

test("the stream has no line before there is a rollout", async () => {
  await using app = await readable();
  const { code, text, headers } = await app.send("GET", stream);
  expect([code, text]).toEqual([200, ""]);
  expect(headers["content-type"]).toBe("application/json");
});

test("the stream tells what there is and ends", async () => {
  await using app = await readable();
  await report(app, { phase: "Preparing", steps: [half] });
  const { text } = await app.send("GET", stream);
  expect(text.split("\n").slice(0, 2)).toEqual([
    `{"Status":"Starting","Method":"Prepare","Endpoint":"prepare","Message":"Preparing web-1","Code":0,"Instance":"","Item":0,"Total":2,"Operation":"web-1@${time(0)}","Time":"${time(0)}"}`,
    `{"Status":"OK","Method":"Prepare","Endpoint":"prepare","Message":"","Code":200,"Instance":"node-b","Item":1,"Total":2,"Operation":"web-1@${time(0)}","Time":"${time(1)}"}`,
  ]);
  expect(linesOf(text)).toHaveLength(2);
});

test("the stream is the same for readers from the start, from the middle, and on another server", async () => {
  await using store = memoryStore();
  await using app = await openTestApp({ store });
  await app.send("POST", collection, application);
  await using first = await app.stream(`${stream}?follow=true`);
  await report(app, { phase: "Preparing", steps: [begun] });
  expect(all(await first.take(1))).toMatchObject([{ Status: "Starting" }]);
  await report(app, { phase: "Preparing", steps: [half] });
  await using second = await app.stream(`${stream}?follow=true`);
  await report(app, { phase: "Completed", steps: [whole] });
  const early = all(await first.rest());
  const late = all(await second.rest());
  expect(late.slice(1)).toEqual(early);
  expect(late.at(-1)).toMatchObject({ Status: "Finalized", Verdict: "Succeeded" });
  checkGrammar(late);
  await using restarted = await openTestApp({ store });
  const { text } = await restarted.send("GET", stream);
  expect(linesOf(text)).toEqual(late);
});

test("a server that stops ends the stream without a verdict", async () => {
  const app = await readable();
  await report(app, { phase: "Preparing", steps: [half] });
  await using open = await app.stream(`${stream}?follow=true`);
  await open.take(2);
  const rest = open.rest();
  await app[Symbol.asyncDispose]();
  expect(await rest).toEqual([]);
});

test("the stream of an Application that is deleted ends in good order", async () => {
  await using app = await readable();
  await report(app, { phase: "Preparing", steps: [half] });
  await using open = await app.stream(`${stream}?follow=true`);
  const before = all(await open.take(2));
  await app.send("DELETE", web);
  const after = all(await open.rest());
  checkGrammar([...before, ...after]);
  expect(after.map(({ Status }) => Status)).toEqual(["Warning", "Complete", "Finalized"]);
  expect(after.at(-1)).toMatchObject({ Verdict: "Deleted" });
});

test("a follower waits until the controller has seen the newest change", async () => {
  await using app = await readable();
  await report(app, { phase: "Completed", steps: [whole] });
  const change = { spec: { replicas: 1 } };
  await app.send("PATCH", web, change, { type: "application/merge-patch+json" });
  await using open = await app.stream(`${stream}?follow=true`);
  await report(app, { phase: "Completed", steps: [begun, whole].slice(1) }, 2);
  expect(await open.rest()).toHaveLength(5);
});

test.each([
  ["there is no such Application", "GET", `${collection}/other/rollout`, 404],
  ["it is asked for what is neither true nor false", "GET", `${stream}?follow=maybe`, 400],
  ["it is written to", "POST", stream, 405],
] as const)("the stream is refused when %s", async (_name, method, url, want) => {
  await using app = await readable();
  const { code, body } = await app.send(method, url, method === "POST" ? {} : undefined);
  expect([code, body["kind"]]).toEqual([want, "Status"]);
});

test("the stream has a right of its own, which viewers have", async () => {
  await using app = await openTestApp({ guarded: true });
  const admin = { headers: asUser("root", "system:masters") };
  await app.send("POST", collection, application, admin);
  const bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
  const binding = {
    metadata: { name: "ann" },
    roleRef: { kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "User", name: "ann" }],
  };
  const ann = { headers: asUser("ann") };
  const refused = await app.send("GET", stream, undefined, ann);
  expect(refused.code).toBe(403);
  expect(refused.body["message"]).toContain('cannot get resource "applications/rollout"');
  await app.send("POST", bindings, binding, admin);
  await expect.poll(async () => (await app.send("GET", stream, undefined, ann)).code).toBe(200);
});

test("progress is told to who asks for it, and the classic lines stay as they are", async () => {
  await using app = await readable();
  await report(app, { phase: "Preparing", steps: [half] });
  const pods = "/api/v1/namespaces/default/pods";
  const labels = {
    "lighthouse.dev/application": "web",
    "lighthouse.dev/revision": "web-1",
    "lighthouse.dev/slot": "0",
  };
  const { spec } = application.spec.template;
  await using classic = await app.stream(`${stream}?follow=true`);
  await using open = await app.stream(`${stream}?follow=true&progress=true`);
  expect(all(await open.take(2)).map(({ Status }) => Status)).toEqual(["Starting", "OK"]);
  const metadata = { name: "web-1-0", labels };
  const made = await app.send("POST", pods, { metadata, spec: { ...spec, nodeName: "node-a" } });
  expect(made.code, made.text).toBe(201);
  const waiting = { reason: "ContainerCreating", message: "Pulling 10 % (1 of 9 MiB)" };
  const one = { name: "web", image: "web:v1", imageID: "", ready: false, restartCount: 0 };
  const status = { containerStatuses: [{ ...one, state: { waiting } }] };
  await app.send(
    "PATCH",
    `${pods}/web-1-0/status`,
    { status },
    {
      type: "application/merge-patch+json",
    },
  );
  expect(all(await open.take(1))).toMatchObject([
    { Status: "Progress", Method: "Pull", Message: "web: Pulling 10 % (1 of 9 MiB)", Item: 0 },
  ]);
  await report(app, { phase: "Completed", steps: [whole] });
  expect(all(await open.rest()).at(-1)).toMatchObject({ Verdict: "Succeeded" });
  checkGrammar(all(await classic.rest()));
});

test("a reader that takes nothing is sent nothing more, and later gets every line once", async () => {
  await using app = await readable();
  const kind = app.scope.kinds.find("lighthouse.dev", "v1", "applications");
  const call = { ...app.scope, kind, namespace: "default", name: "web" } as unknown as Call;
  let taken: (() => void) | undefined;
  const written: string[] = [];
  const sink: WatchSink = {
    write: (lines) => void written.push(lines.toString()),
    get backlogBytes() {
      return taken === undefined ? 1 << 20 : 0;
    },
    drained: () => new Promise<void>((resolve) => (taken = resolve)),
    end: () => {},
    cut: () => written.push("cut"),
  };
  await report(app, { phase: "Preparing", steps: [half] });
  const asked = { follow: true, progress: false };
  const stop = new AbortController();
  const run = openRolloutStream(call, asked, new FanOut()).run(sink, stop);
  await expect.poll(() => taken).toBeDefined();
  const before = written.length;
  await report(app, { phase: "Preparing", steps: [whole] });
  await report(app, { phase: "Completed", steps: [whole] });
  await using other = await app.stream(`${stream}?follow=true`);
  const all = await other.rest();
  expect(written).toHaveLength(before);
  taken?.();
  await run;
  expect(linesOf(written.join(""))).toEqual(all);
});
