import { expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";

type Spec = { [field: string]: unknown; template?: object };

const namespace = "/apis/lighthouse.dev/v1/namespaces/default";
const collection = `${namespace}/applications`;
const merge = { type: "application/merge-patch+json" };

const listening = (port: object): object => ({
  spec: { containers: [{ name: "web", image: "web:v1", ports: [port] }] },
});

function application(name: string, spec: Spec): object {
  const template = { spec: { containers: [{ name: "web", image: "web:v1" }] } };
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name },
    spec: { template, ...spec },
  };
}

async function fleet(...labels: readonly Readonly<Record<string, string>>[]): Promise<TestApp> {
  const app = await openTestApp();
  const open = { metadata: { annotations: { "lighthouse.dev/host-ports": "8080" } } };
  expect((await app.send("PATCH", "/api/v1/namespaces/default", open, merge)).code).toBe(200);
  for (const [index, own] of labels.entries()) {
    const node = { metadata: { name: `n${index}`, labels: own } };
    expect((await app.send("POST", "/api/v1/nodes", node)).code).toBe(201);
  }
  return app;
}

type Cause = { readonly field: string; readonly message: string };

/** The fields that a refusal names, and its words; empty when the write was taken. */
async function causesOf({ send }: TestApp, spec: Spec, name = "web"): Promise<readonly Cause[]> {
  const { code, body, text } = await send("POST", collection, application(name, spec));
  expect([201, 422], text).toContain(code);
  const details = body["details"] as { readonly causes?: readonly Cause[] } | undefined;
  return code === 201 ? [] : (details?.causes ?? []);
}

const http = listening({ containerPort: 80, hostPort: 8080 });
const probe = { httpGet: { port: 80 }, initialDelaySeconds: 60 };
const slow = {
  spec: { containers: [{ name: "web", image: "web:v1", readinessProbe: probe }] },
};

const bounded = (resources: object, annotations = {}): object => ({
  metadata: { annotations },
  spec: { containers: [{ name: "web", image: "web:v1", resources }] },
});

test.each<readonly [string, Spec, string, string]>([
  [
    "a request above its limit",
    { replicas: 1, template: bounded({ requests: { cpu: "2" }, limits: { cpu: "1" } }) },
    "spec.template.spec.containers[0].resources.requests",
    "must be less than or equal to cpu limit of 1",
  ],
  [
    "a bandwidth that is none",
    { replicas: 1, template: bounded({}, { "kubernetes.io/egress-bandwidth": "fast" }) },
    "spec.template.metadata.annotations[kubernetes.io/egress-bandwidth]",
    "must be a quantity of bits per second, e.g. 10M",
  ],
  [
    "more slots than maxPerNode has room for",
    { replicas: 3, placement: { maxPerNode: 1 } },
    "spec.replicas",
    "must be no more than 2: 2 nodes fit and each holds 1 (spec.placement.maxPerNode); raise maxPerNode",
  ],
  [
    "more slots with a host port than Nodes",
    { replicas: 3, template: http },
    "spec.replicas",
    "2 nodes fit and each holds host port 8080 once; leave the hostPort out",
  ],
  [
    "more slots than the Nodes of a selector hold",
    { replicas: 2, placement: { maxPerNode: 1, nodeSelector: { disk: "ssd" } } },
    "spec.replicas",
    "must be no more than 1: 1 node fits",
  ],
  [
    "failures of all slots tolerated",
    { replicas: 3, strategy: { tolerateFailures: 3 } },
    "spec.strategy.tolerateFailures",
    "must be less than the 3 slots there are",
  ],
  [
    "failures of all slots tolerated in percent",
    { placement: { nodes: ["n0", "n1"] }, strategy: { tolerateFailures: "100%" } },
    "spec.strategy.tolerateFailures",
    "must be less than the 2 slots there are",
  ],
  [
    "a canary larger than everything",
    { placement: { perNode: true }, strategy: { canary: { count: 3 } } },
    "spec.strategy.canary.count",
    "must be no more than the 2 slots there are",
  ],
  [
    "a deadline before the first probe",
    { replicas: 1, template: slow, strategy: { progressDeadlineSeconds: 60 } },
    "spec.strategy.progressDeadlineSeconds",
    "must be greater than 65: no slot is good before 60 s of initialDelaySeconds",
  ],
  [
    "a batch of nothing",
    { replicas: 1, strategy: { batch: "0%" } },
    "spec.strategy.batch",
    "should match",
  ],
  [
    "a Node that is named twice",
    { placement: { nodes: ["n0", "n0"] } },
    "spec.placement.nodes[1]",
    "Duplicate value",
  ],
  [
    "StartFirst with a host port",
    { replicas: 1, template: http, strategy: { order: "StartFirst" } },
    "spec",
    "use StopFirst",
  ],
  ["no way to count slots", {}, "spec", "exactly one of spec.replicas"],
  [
    "two ways to count slots",
    { replicas: 1, placement: { perNode: true } },
    "spec",
    "exactly one of spec.replicas",
  ],
])("an Application is refused with %s", async (_name, spec, field, message) => {
  await using app = await fleet({ disk: "ssd" }, {});
  const causes = await causesOf(app, spec);
  expect(causes.map((cause) => cause.field)).toEqual([field]);
  expect(causes[0]?.message).toContain(message);
});

test.each<readonly [string, readonly Readonly<Record<string, string>>[], Spec]>([
  ["no Node has joined yet", [], { replicas: 5, placement: { maxPerNode: 1 } }],
  [
    "no Node fits yet: that is a condition",
    [{}],
    { replicas: 5, placement: { maxPerNode: 1, nodeSelector: { disk: "ssd" } } },
  ],
  ["there is just enough room", [{}, {}], { replicas: 4, placement: { maxPerNode: 2 } }],
  ["no slot is asked for", [{}], { replicas: 0, strategy: { tolerateFailures: "100%" } }],
])("an Application is taken when %s", async (_name, labels, spec) => {
  await using app = await fleet(...labels);
  expect(await causesOf(app, spec)).toEqual([]);
});

test.each<readonly [string, Spec, Spec, string | undefined]>([
  [
    "on every Node",
    { placement: { perNode: true } },
    { placement: { perNode: true } },
    'is held by Application "default/first" on node "n0" and 1 more: use another port or other nodes',
  ],
  [
    "on one that both name",
    { placement: { nodes: ["n0", "n1"] } },
    { placement: { nodes: ["n1"] } },
    'is held by Application "default/first" on node "n1"',
  ],
  [
    "on Nodes of different labels",
    { placement: { perNode: true, nodeSelector: { disk: "ssd" } } },
    { placement: { nodes: ["n1"] } },
    undefined,
  ],
  ["where the scheduler may choose", { replicas: 1 }, { replicas: 1 }, undefined],
  [
    "on every Node there is, by number",
    { replicas: 2 },
    { replicas: 1 },
    'is held by Application "default/first" on node "n0" and 1 more',
  ],
  [
    "and too few Nodes are left",
    { placement: { nodes: ["n1"] } },
    { replicas: 2 },
    'is held by Application "default/first" on node "n1"',
  ],
  ["and enough Nodes are left", { placement: { nodes: ["n1"] } }, { replicas: 1 }, undefined],
  [
    "and one is stopped",
    { placement: { perNode: true }, runState: "Stopped" },
    { placement: { perNode: true } },
    undefined,
  ],
])("one host port for two Applications %s", async (_name, first, second, message) => {
  await using app = await fleet({ disk: "ssd" }, {});
  expect(await causesOf(app, { ...first, template: http }, "first")).toEqual([]);
  const causes = await causesOf(app, { ...second, template: http }, "second");
  const field = "spec.template.spec.containers[0].ports[0].hostPort";
  expect(causes.map((cause) => cause.field)).toEqual(message === undefined ? [] : [field]);
  expect(causes[0]?.message ?? "").toContain(message ?? "");
  const other = listening({ containerPort: 80, hostPort: 8080, protocol: "UDP" });
  expect(await causesOf(app, { ...second, template: other }, "third")).toEqual([]);
});

test("what became impossible by what others did does not lock an Application", async () => {
  await using app = await fleet({}, {});
  const spec = { replicas: 2, placement: { maxPerNode: 1 }, strategy: { tolerateFailures: 1 } };
  expect(await causesOf(app, spec)).toEqual([]);
  await app.send("DELETE", "/api/v1/nodes/n1");
  const change = (patch: object) => app.send("PATCH", `${collection}/web`, patch, merge);
  await expect.poll(async () => (await app.send("GET", "/api/v1/nodes/n1")).code).toBe(404);
  expect((await change({ spec: { paused: true } })).code).toBe(200);
  // An emergency is no time to be told about tolerateFailures.
  expect((await change({ spec: { replicas: 1 } })).code).toBe(200);
  expect((await change({ spec: { replicas: 3 } })).code).toBe(422);
});

test("a Node that is named and has not joined is only told of", async () => {
  await using app = await fleet({});
  const spec = { placement: { nodes: ["n0", "later"] } };
  const { code, headers } = await app.send("POST", collection, application("web", spec));
  expect(code).toBe(201);
  expect(String(headers["warning"])).toContain('node \\"later\\" has not joined');
});

test("a group whose name cannot go on record is refused, also without a change of the spec", async () => {
  await using app = await fleet({});
  const web = application("web", { replicas: 1 });
  expect((await app.send("POST", collection, web)).code).toBe(201);
  const annotations = { "lighthouse.dev/rollout-group": "ü".repeat(127) };
  const patch = { metadata: { annotations } };
  const { code, body } = await app.send("PATCH", `${collection}/web`, patch, merge);
  expect([code, body["message"]]).toEqual([
    422,
    expect.stringContaining("metadata.annotations[lighthouse.dev/rollout-group]"),
  ]);
});

test("orders by annotation that nobody can follow are told of, once", async () => {
  await using app = await fleet({});
  const web = application("web", { replicas: 1 });
  expect((await app.send("POST", collection, web)).headers["warning"]).toBeUndefined();
  const change = async (patch: object): Promise<string> => {
    const { code, headers } = await app.send("PATCH", `${collection}/web`, patch, merge);
    expect(code).toBe(200);
    return String(headers["warning"]);
  };
  const order = { metadata: { annotations: { "lighthouse.dev/rollout-order": "x" } } };
  expect(await change(order)).toContain('\\"x\\" is no whole number, 0 counts');
  const metadata = { annotations: { "lighthouse.dev/reload": "yes" } };
  const reload = await change({ spec: { template: { metadata } } });
  expect(reload).toContain('\\"yes\\" is not \\"true\\", nothing is reloaded');
  expect(reload).not.toContain("whole number");
});
