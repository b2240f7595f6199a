import { expect, test } from "vitest";
import type { ObjectMeta } from "../../api/machinery/object.ts";
import type { Pod, PodSpec } from "../../api/machinery/resources.ts";
import { podFacts } from "./pod-facts.ts";

const pod = (spec: Partial<PodSpec>, metadata: Partial<ObjectMeta> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "web",
    namespace: "shop",
    uid: "u1",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
    ...metadata,
  },
  spec: { containers: [], ...spec },
});
const container = (memory: string, over: object = {}) => ({
  name: memory,
  resources: { requests: { memory } },
  ...over,
});
const sidecar = { restartPolicy: "Always" };

test.each<[string, Partial<PodSpec>, string]>([
  ["adds its containers up", { containers: [container("1"), container("2")] }, "3"],
  [
    "takes the largest init container when that needs more",
    { containers: [container("1")], initContainers: [container("5"), container("4")] },
    "5",
  ],
  [
    "adds sidecars to the containers",
    { containers: [container("1")], initContainers: [container("2", sidecar)] },
    "3",
  ],
  [
    "adds earlier sidecars to an init container",
    { containers: [container("1")], initContainers: [container("2", sidecar), container("5")] },
    "7",
  ],
  [
    "takes a limit for a request",
    { containers: [{ name: "c", resources: { limits: { memory: "4" } } }] },
    "4",
  ],
  ["adds the overhead", { containers: [container("1")], overhead: { memory: "2" } }, "3"],
  ["needs nothing of what it does not ask for", { containers: [{ name: "c" }] }, "none"],
  ["leaves out what is no quantity", { containers: [container("lots")] }, "none"],
])("podFacts() %s", (_why, spec, memory) => {
  const { requests } = podFacts(pod(spec));
  const found = requests.get("memory");
  expect(found === undefined ? "none" : String(found / 1_000_000_000n)).toBe(memory);
  expect(requests.get("pods")).toBe(1_000_000_000n);
});

test("podFacts() reads host ports, with hostNetwork every port", () => {
  const ports = [
    { containerPort: 80, hostPort: 8080, hostIP: "10.0.0.1" },
    { containerPort: 53, hostPort: 53, protocol: "UDP" },
    { containerPort: 9000 },
  ];
  const containers = [{ name: "c", ports }];
  const initContainers = [
    { name: "s", restartPolicy: "Always", ports: [{ containerPort: 1, hostPort: 1 }] },
    { name: "i", ports: [{ containerPort: 2, hostPort: 2 }] },
  ];
  const shown = (spec: Partial<PodSpec>): string =>
    podFacts(pod(spec))
      .ports.map(({ ip, port, protocol }) => `${ip}:${port}/${protocol}`)
      .join(" ");
  expect(shown({ containers, initContainers })).toBe(":1/TCP 10.0.0.1:8080/TCP :53/UDP");
  expect(shown({ containers, hostNetwork: true })).toBe("10.0.0.1:80/TCP :53/UDP :9000/TCP");
});

test("podFacts() groups the pods of a slot", () => {
  const labels = { "lighthouse.dev/application": "web", "lighthouse.dev/slot": "3" };
  expect(podFacts(pod({}, { labels }))).toMatchObject({
    application: "shop/web",
    group: "shop/web/3",
    runs: true,
  });
  const annotations = { "lighthouse.dev/desired-state": "Prepared" };
  expect(podFacts(pod({}, { annotations }))).toMatchObject({ group: "u1", runs: false });
  const { "lighthouse.dev/slot": _slot, ...noSlot } = labels;
  expect(podFacts(pod({}, { labels: noSlot })).group).toBe("u1");
  const deletionTimestamp = "2026-01-01T00:00:00Z";
  expect(podFacts(pod({ nodeName: "a" }, { deletionTimestamp }))).toMatchObject({
    node: "a",
    runs: false,
  });
});

test("podFacts() reads required node affinity", () => {
  const nodeSelectorTerms = [
    { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] },
    { matchFields: [{ key: "metadata.name", operator: "In", values: ["a"] }] },
    { matchExpressions: [{ key: "gpu", operator: "Exists" }] },
  ];
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  const { constraints } = podFacts(pod({ affinity: { nodeAffinity: required } }));
  expect(constraints.terms).toEqual([
    { labels: [{ key: "disk", operator: "In", values: ["ssd"] }], fields: [] },
    { labels: [], fields: [{ key: "metadata.name", operator: "In", values: ["a"] }] },
    { labels: [{ key: "gpu", operator: "Exists", values: [] }], fields: [] },
  ]);
});

test("podFacts() reads what a pod would like its Node to be", () => {
  const field = (key: string, operator: string, values: readonly string[]) => ({
    weight: 1,
    preference: { matchFields: [{ key, operator, values }] },
  });
  const preferredDuringSchedulingIgnoredDuringExecution = [
    field("metadata.name", "In", ["a", "b"]),
    field("metadata.name", "NotIn", ["c"]),
    { weight: 1, preference: { matchExpressions: [{ key: "disk", operator: "Exists" }] } },
  ];
  const nodeAffinity = { preferredDuringSchedulingIgnoredDuringExecution };
  const affinity = { nodeAffinity } as unknown as NonNullable<PodSpec["affinity"]>;
  const term = (labels: readonly object[], fields: readonly object[]) => ({
    weight: 1,
    term: { labels, fields },
  });
  expect(podFacts(pod({ affinity })).wishes).toEqual([
    term([], [{ key: "metadata.name", operator: "In", values: ["a", "b"] }]),
    term([], [{ key: "metadata.name", operator: "NotIn", values: ["c"] }]),
    term([{ key: "disk", operator: "Exists", values: [] }], []),
  ]);
  expect(podFacts(pod({}))).not.toHaveProperty("wishes");
});
