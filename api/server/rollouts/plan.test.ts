import { expect, test } from "vitest";
import { templateHash as hashOf } from "../../../controllers/application/hash.ts";
import type { RolloutPlan } from "../../../crds/rollout-plan.ts";
import { asUser, metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";

const collection = "/apis/lighthouse.dev/v1/namespaces/default/applications";
const web = `${collection}/web`;
const plan = `${web}/plan`;
const merge = "application/merge-patch+json";

type Spec = Readonly<Record<string, unknown>>;

const container = { name: "web", image: "web:v1" };

const application = (spec: Spec = {}, image = "web:v1") => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name: "web" },
  spec: { replicas: 2, template: { spec: { containers: [{ ...container, image }] } }, ...spec },
});

async function addNode({ send }: TestApp, name: string, more: object = {}): Promise<void> {
  await send("POST", "/api/v1/nodes", { metadata: { name } });
  const status = {
    allocatable: { cpu: "2", memory: "1Gi", pods: "10" },
    conditions: [{ type: "Ready", status: "True" }],
    ...more,
  };
  const { code, text } = await send(
    "PATCH",
    `/api/v1/nodes/${name}/status`,
    { status },
    {
      type: merge,
    },
  );
  expect(code, text).toBe(200);
}

async function withNodes(...names: readonly string[]): Promise<TestApp> {
  const app = await openTestApp();
  for (const name of names) await addNode(app, name);
  return app;
}

async function planOf({ send }: TestApp, body: object): Promise<RolloutPlan> {
  const { code, text } = await send("POST", plan, body);
  expect(code, text).toBe(200);
  return JSON.parse(text) as RolloutPlan;
}

/** Stores the Application and its pods as if web-1 had been rolled out. */
async function running(app: TestApp, spec: Spec = {}, nodes = ["a", "b"]): Promise<void> {
  const stored = await app.send("POST", collection, application(spec));
  const { uid } = metaOf(stored.body);
  const first = await planOf(app, application(spec));
  const owner = { apiVersion: "lighthouse.dev/v1", kind: "Application", name: "web", uid };
  const ownerReferences = [{ ...owner, controller: true, blockOwnerDeletion: true }];
  const { template } = stored.body["spec"] as ReturnType<typeof application>["spec"];
  const templateHash = hashOf(template as never);
  const made = await app.send("POST", "/apis/lighthouse.dev/v1/namespaces/default/revisions", {
    apiVersion: "lighthouse.dev/v1",
    kind: "Revision",
    metadata: { name: "web-1", ownerReferences },
    spec: { application: { name: "web", uid }, number: 1, templateHash, template },
  });
  expect(made.code, made.text).toBe(201);
  for (const [index, { slot, pod = "" }] of first.slots.entries()) {
    const labels = {
      "lighthouse.dev/application": "web",
      "lighthouse.dev/revision": "web-1",
      "lighthouse.dev/slot": slot,
    };
    const node = nodes[index % nodes.length] ?? "";
    await app.send("POST", "/api/v1/namespaces/default/pods", {
      metadata: { name: pod, labels, ownerReferences },
      spec: { ...template.spec, nodeName: node },
    });
    const ready = { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" };
    const imageID = "web@sha256:1";
    const state = { running: { startedAt: "2026-01-01T00:00:00Z" } };
    const one = { name: "web", image: "web:v1", imageID, ready: true, restartCount: 0, state };
    const status = { phase: "Running", conditions: [ready], containerStatuses: [one] };
    const url = `/api/v1/namespaces/default/pods/${pod}/status`;
    const { code, text } = await app.send("PATCH", url, { status }, { type: merge });
    expect(code, text).toBe(200);
  }
  const rollout = { phase: "Completed", revision: "web-1", templateHash };
  const status = { observedGeneration: 1, currentRevision: "web-1", rollout };
  await app.send("PATCH", `${web}/status`, { status }, { type: merge });
}

test("a plan of a new Application places its slots and stores nothing", async () => {
  await using app = await withNodes("a", "b");
  expect(await planOf(app, application())).toEqual({
    kind: "RolloutPlan",
    apiVersion: "lighthouse.dev/v1",
    metadata: { name: "web", namespace: "default" },
    summary: ["web-1 is the first one, on 2 slots", "web:v1 may have to be pulled on 2 nodes"],
    action: "Rollout",
    revision: "web-1",
    isNewRevision: true,
    order: "StartFirst",
    isOrderDerived: true,
    slots: [
      { slot: "0", item: 0, batch: 1, pod: "web-1-0", placement: "New", node: "a" },
      { slot: "1", item: 1, batch: 1, pod: "web-1-1", placement: "New", node: "b" },
    ],
    batches: [{ number: 1, slots: ["0", "1"], isCanary: false, waitsForApproval: false }],
    images: [{ image: "web:v1", present: [], pull: [], unknown: ["a", "b"] }],
    refusals: [],
  });
  expect((await app.send("GET", web)).code).toBe(404);
});

test("a plan of an update names batches, the canary, and where slots stay", async () => {
  await using app = await withNodes("a", "b");
  const spec = { strategy: { batch: 1, canary: { count: 1, approve: "Manual" } } };
  await running(app, spec);
  const update = await planOf(app, application({ ...spec, replicas: 2 }, "web:v2"));
  expect(update).toMatchObject({
    action: "Rollout",
    revision: "web-2",
    isNewRevision: true,
    fromRevision: "web-1",
    batches: [
      { number: 1, slots: ["0"], isCanary: true, waitsForApproval: true },
      { number: 2, slots: ["1"], isCanary: false, waitsForApproval: false },
    ],
    refusals: [],
  });
  expect(update.slots.map(({ placement, node, batch }) => [placement, node, batch])).toEqual([
    ["Kept", "a", 1],
    ["Kept", "b", 2],
  ]);
  expect(update.summary[0]).toBe(
    "web-2 replaces web-1 on 2 slots in 2 batches (1, 1), StartFirst (derived), the first waits for an approval",
  );
});

test("a plan says what would be refused in the words of the scheduler", async () => {
  await using app = await withNodes("a");
  const resources = { requests: { memory: "800Mi" } };
  const body = application();
  const template = { spec: { containers: [{ ...container, resources }] } };
  const { refusals, slots, summary } = await planOf(app, {
    ...body,
    spec: { ...body.spec, template },
  });
  const message = "0/1 nodes are available: 1 Insufficient memory.";
  expect(refusals).toEqual([{ slot: "1", reason: "Unschedulable", message }]);
  expect(slots[1]).toMatchObject({ placement: "None", message });
  expect(summary).toContain(`1 slot would get no node: ${message}`);
});

test("a plan knows images that Nodes tell of, and those that are always asked for", async () => {
  await using app = await openTestApp();
  await addNode(app, "a", { images: [{ names: ["web:v2"], sizeBytes: 1 }] });
  await addNode(app, "b", { images: [{ names: ["db:v1"], sizeBytes: 1 }] });
  const { images } = await planOf(app, application({}, "web:v2"));
  expect(images).toEqual([{ image: "web:v2", present: ["a"], pull: ["b"], unknown: [] }]);
  const latest = await planOf(app, application({}, "web"));
  expect(latest.images).toEqual([{ image: "web", present: [], pull: ["a", "b"], unknown: [] }]);
});

test("a plan of what is refused is refused in the same words", async () => {
  await using app = await withNodes("a");
  const bad = application({ strategy: { batch: "0%" } });
  const planned = await app.send("POST", plan, bad);
  const created = await app.send("POST", collection, bad);
  expect([planned.code, planned.body]).toEqual([created.code, created.body]);
  expect(planned.code).toBe(422);
});

test("a plan needs a right of its own: viewers read it, writers ask", async () => {
  await using app = await openTestApp({ guarded: true });
  const admin = { headers: asUser("root", "system:masters") };
  await app.send("POST", collection, application(), admin);
  const bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
  const binding = {
    metadata: { name: "ann" },
    roleRef: { kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "User", name: "ann" }],
  };
  await app.send("POST", bindings, binding, admin);
  const ann = { headers: asUser("ann") };
  await expect.poll(async () => (await app.send("GET", plan, undefined, ann)).code).toBe(200);
  expect((await app.send("POST", plan, application(), ann)).code).toBe(403);
});

test("a dry run answers with the object, and tells the plan in warnings", async () => {
  await using app = await withNodes("a", "b");
  await app.send("POST", collection, application());
  const change = { spec: { template: { spec: { containers: [{ ...container, image: "w:2" }] } } } };
  const { code, body, headers } = await app.send("PATCH", `${web}?dryRun=All`, change, {
    type: merge,
  });
  expect([code, body["kind"]]).toEqual([200, "Application"]);
  expect(String(headers["warning"])).toContain("plan: web-1 is the first one, on 2 slots");
  const stored = await app.send("PATCH", web, change, { type: merge });
  expect(stored.headers["warning"]).toBeUndefined();
});

test.each<readonly [string, Spec, string, string]>([
  ["nothing differs", {}, "None", "nothing changes, web-1 stays"],
  ["a slot more is asked for", { replicas: 3 }, "Scale", "web-1 stays: adds 1 slot"],
  ["a slot less is asked for", { replicas: 1 }, "Scale", "web-1 stays: removes 1 pod"],
  ["its containers shall not run", { runState: "Stopped" }, "Stop", "its containers are stopped"],
])("a plan says what happens when %s", async (_name, spec, action, headline) => {
  await using app = await withNodes("a", "b");
  await running(app);
  const planned = await planOf(app, application(spec));
  expect([planned.action, planned.revision, planned.batches]).toEqual([action, "web-1", []]);
  expect(planned.summary[0]).toContain(headline);
});

test("a plan of a paused Application says that nothing happens for now", async () => {
  await using app = await withNodes("a", "b");
  await running(app);
  const planned = await planOf(app, application({ paused: true }, "web:v2"));
  expect([planned.action, planned.summary]).toEqual([
    "Held",
    ["nothing happens for now: spec.paused is true"],
  ]);
});

test("a plan of a template that failed before says so", async () => {
  await using app = await withNodes("a", "b");
  await running(app);
  const bad = application({}, "web:v2");
  const planned = await planOf(app, bad);
  expect(planned.action).toBe("Rollout");
  const { body } = await app.send(
    "PATCH",
    `${web}?dryRun=All`,
    { spec: bad.spec },
    { type: merge },
  );
  const { template } = body["spec"] as ReturnType<typeof application>["spec"];
  const failedRevision = {
    hash: hashOf(template as never),
    name: "web-2",
    message: "it crashes",
    failedAt: "2026-01-01T00:00:00Z",
  };
  await app.send("PATCH", `${web}/status`, { status: { failedRevision } }, { type: merge });
  expect(await planOf(app, bad)).toMatchObject({
    action: "Held",
    summary: ["nothing happens for now: web-2 has failed before: it crashes"],
  });
});
