import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { compileStructural } from "../api/server/schema/structural.ts";
import { crds } from "./crds.ts";

const [crd] = crds;
const schema = compileStructural(crd?.spec.versions[0]?.schema.openAPIV3Schema ?? {});
const file = path.join(import.meta.dirname, "testdata", "application-full.yaml");
const full = (): unknown => parse(readFileSync(file, "utf8"));

/** The smallest Application, with `change` applied to its spec. */
function application(change: (spec: Spec) => void = () => {}): Record<string, unknown> {
  const container = { name: "web", image: "registry.example/web:1" };
  const spec: Spec = { replicas: 2, template: { spec: { containers: [container] } } };
  change(spec);
  return { apiVersion: "lighthouse.dev/v1", kind: "Application", metadata: { name: "web" }, spec };
}

// Tests break the object in every way, so no type can describe it.
type Loose = { [field: string]: unknown };
type Spec = Loose & { template: Loose & { spec: Loose & { containers: [Loose, ...Loose[]] } } };

function breaches(object: unknown): string[] {
  const unknown = schema.prune(object).map((field) => `${field}: unknown`);
  schema.setDefaults(object);
  return [
    ...unknown,
    ...schema.validate(object).map(({ field, message }) => `${field}: ${message}`),
  ];
}

test("an Application that uses every field is accepted as it is", () => {
  const object = full();
  expect(breaches(object)).toEqual([]);
  expect(object).toMatchObject(full() as object);
});

test("the smallest Application gets the defaults of the design", () => {
  const object = application();
  expect(breaches(object)).toEqual([]);
  expect(object["spec"]).toEqual({
    replicas: 2,
    placement: {
      perNode: false,
      nodes: [],
      nodeSelector: {},
      spreadBy: ["lighthouse.dev/beacon", "kubernetes.io/hostname"],
      maxPerNode: 0,
    },
    runState: "Running",
    paused: false,
    revisionHistoryLimit: 10,
    strategy: {
      batch: "25%",
      canary: { count: 0, approve: "Automatic" },
      prepare: true,
      minReadySeconds: 5,
      monitorSeconds: 30,
      pauseBetweenBatchesSeconds: 0,
      progressDeadlineSeconds: 600,
      tolerateFailures: 0,
      onFailure: "Rollback",
      offlineNodes: "Skip",
    },
    template: {
      spec: {
        containers: [{ name: "web", image: "registry.example/web:1" }],
        restartPolicy: "Always",
        terminationGracePeriodSeconds: 30,
      },
    },
  });
});

const accepted: [why: string, change: (spec: Spec) => void][] = [
  ["no slot at all, as kubectl scale asks for", (spec) => (spec["replicas"] = 0)],
  [
    "one slot on every Node",
    (spec) => {
      delete spec["replicas"];
      spec["placement"] = { perNode: true };
    },
  ],
  [
    "slots on named Nodes",
    (spec) => {
      delete spec["replicas"];
      spec["placement"] = { nodes: ["a", "b.example"] };
    },
  ],
  ["a batch of one", (spec) => (spec["strategy"] = { batch: 1 })],
  ["StartFirst without host ports", (spec) => (spec["strategy"] = { order: "StartFirst" })],
  [
    "a canary that waits for a person",
    (spec) => (spec["strategy"] = { canary: { count: 1, approve: "Manual" } }),
  ],
  ["every failure tolerated", (spec) => (spec["strategy"] = { tolerateFailures: "100%" })],
];

test.each(accepted)("an Application may have %s", (_why, change) => {
  expect(breaches(application(change))).toEqual([]);
});

const onlyOne =
  'spec: Invalid value: "object": exactly one of spec.replicas, spec.placement.perNode: true and spec.placement.nodes must be set';
const first = ({ template }: Spec): Loose => template.spec.containers[0];
const at = "spec.template.spec.containers[0]";
const object = 'Invalid value: "object"';

const refused: [why: string, change: (spec: Spec) => void, ...want: string[]][] = [
  ["no count of slots", (spec) => delete spec["replicas"], onlyOne],
  ["replicas and perNode", (spec) => (spec["placement"] = { perNode: true }), onlyOne],
  ["replicas and nodes", (spec) => (spec["placement"] = { nodes: ["a"] }), onlyOne],
  ["a misspelt field", (spec) => (spec["replica"] = 1), "spec.replica: unknown"],
  [
    "a field that Docker cannot honour",
    (spec) => (spec.template.spec["nodeName"] = "a"),
    "spec.template.spec.nodeName: unknown",
  ],
  [
    "a negative count",
    (spec) => (spec["replicas"] = -1),
    "spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
  ],
  [
    "a count in words",
    (spec) => (spec["replicas"] = "two"),
    'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
  ],
  [
    "an unknown run state",
    (spec) => (spec["runState"] = "Paused"),
    'spec.runState: Unsupported value: "Paused": supported values: "Running", "Stopped"',
  ],
  ["no template", (spec) => delete (spec as Loose)["template"], "spec.template: Required value"],
  [
    "no container",
    (spec) => (spec.template.spec["containers"] = [] as unknown as [Loose]),
    "spec.template.spec.containers: Invalid value: 0: spec.template.spec.containers in body should have at least 1 items",
  ],
  ["no image", (spec) => delete first(spec)["image"], `${at}.image: Required value`],
  [
    "two containers of one name",
    (spec) => spec.template.spec.containers.push({ name: "web", image: "x" }),
    'spec.template.spec.containers[1]: Duplicate value: {"name":"web"}',
  ],
  [
    "an init container with the name of a container",
    (spec) => (spec.template.spec["initContainers"] = [{ name: "web", image: "x" }]),
    `spec.template.spec: ${object}: an init container and a container must not share a name`,
  ],
  [
    "a batch of nothing",
    (spec) => (spec["strategy"] = { batch: "0%" }),
    "spec.strategy.batch: Invalid value: \"0%\": spec.strategy.batch in body should match '^(100|[1-9][0-9]?)%$'",
  ],
  [
    "a batch that is no number",
    (spec) => (spec["strategy"] = { batch: true }),
    'spec.strategy.batch: Invalid value: "boolean": spec.strategy.batch in body must be of type integer,string: "boolean"',
  ],
  [
    "StartFirst with a host port",
    (spec) => {
      spec["strategy"] = { order: "StartFirst" };
      first(spec)["ports"] = [{ containerPort: 80, hostPort: 80 }];
    },
    `spec: ${object}: strategy.order StartFirst is impossible with a hostPort: old and new cannot both hold it, use StopFirst`,
  ],
  [
    "StartFirst with a port on the network of the host",
    (spec) => {
      spec["strategy"] = { order: "StartFirst" };
      spec.template.spec["hostNetwork"] = true;
      first(spec)["ports"] = [{ containerPort: 80 }];
    },
    `spec: ${object}: strategy.order StartFirst is impossible with hostNetwork and ports: old and new cannot both hold them, use StopFirst`,
  ],
  [
    "an approval without a canary",
    (spec) => (spec["strategy"] = { canary: { approve: "Manual" } }),
    `spec.strategy: ${object}: canary.count must be 1 or more when canary.approve is Manual`,
  ],
  [
    "a deadline that cannot be met",
    (spec) => (spec["strategy"] = { progressDeadlineSeconds: 5 }),
    `spec.strategy: ${object}: progressDeadlineSeconds must be greater than minReadySeconds`,
  ],
  [
    "a label of Lighthouse",
    (spec) => (spec.template["metadata"] = { labels: { "lighthouse.dev/slot": "0" } }),
    `spec.template.metadata.labels: ${object}: labels under lighthouse.dev/ are set by Lighthouse alone`,
  ],
  [
    "a variable with two values",
    (spec) =>
      (first(spec)["env"] = [
        { name: "A", value: "b", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ]),
    `${at}.env[0]: ${object}: value and valueFrom exclude each other`,
  ],
  [
    "a variable from nowhere",
    (spec) => (first(spec)["env"] = [{ name: "A", valueFrom: {} }]),
    `${at}.env[0].valueFrom: ${object}: exactly one of configMapKeyRef, secretKeyRef and fieldRef must be set`,
  ],
  [
    "a source of variables that is two",
    (spec) =>
      (first(spec)["envFrom"] = [{ configMapRef: { name: "a" }, secretRef: { name: "b" } }]),
    `${at}.envFrom[0]: ${object}: exactly one of configMapRef and secretRef must be set`,
  ],
  [
    "a probe that does nothing",
    (spec) => (first(spec)["readinessProbe"] = {}),
    `${at}.readinessProbe: ${object}: exactly one of httpGet, tcpSocket and exec must be set`,
  ],
  [
    "a liveness probe with a success threshold",
    (spec) => (first(spec)["livenessProbe"] = { tcpSocket: { port: 1 }, successThreshold: 2 }),
    `${at}: ${object}: successThreshold of livenessProbe must be 1`,
  ],
  [
    "a port twice",
    (spec) => (first(spec)["ports"] = [{ containerPort: 1 }, { containerPort: 1 }]),
    `${at}.ports[1]: Duplicate value: {"containerPort":1,"protocol":"TCP"}`,
  ],
  [
    "a port beyond the last",
    (spec) => (first(spec)["ports"] = [{ containerPort: 65536 }]),
    `${at}.ports[0].containerPort: Invalid value: 65536: ${at}.ports[0].containerPort in body should be less than or equal to 65535`,
  ],
  [
    "a host port that differs on the network of the host",
    (spec) => {
      spec.template.spec["hostNetwork"] = true;
      first(spec)["ports"] = [{ containerPort: 80, hostPort: 81 }];
    },
    `spec.template.spec: ${object}: hostPort must equal containerPort when hostNetwork is true`,
  ],
  [
    "a mount of no volume",
    (spec) => (first(spec)["volumeMounts"] = [{ name: "data", mountPath: "/data" }]),
    `spec.template.spec: ${object}: every volumeMount of a container must name a volume of the pod`,
  ],
  [
    "a volume without a source",
    (spec) => (spec.template.spec["volumes"] = [{ name: "data" }]),
    `spec.template.spec.volumes[0]: ${object}: exactly one of emptyDir, hostPath, configMap, secret, downwardAPI, projected and persistentVolumeClaim must be set`,
  ],
  [
    "a file outside of its volume",
    (spec) =>
      (spec.template.spec["volumes"] = [
        { name: "a", configMap: { name: "a", items: [{ key: "k", path: "a/../../b" }] } },
      ]),
    `spec.template.spec.volumes[0].configMap.items[0]: ${object}: path must not contain ".."`,
  ],
  [
    "a mount outside of its volume",
    (spec) => {
      spec.template.spec["volumes"] = [{ name: "a", hostPath: { path: "/srv" } }];
      first(spec)["volumeMounts"] = [{ name: "a", mountPath: "/a", subPath: "../etc" }];
    },
    `${at}.volumeMounts[0]: ${object}: subPath must not contain ".."`,
  ],
  [
    "a part of a volume of Docker",
    (spec) => {
      spec.template.spec["volumes"] = [{ name: "a", emptyDir: {} }];
      first(spec)["volumeMounts"] = [{ name: "a", mountPath: "/a", subPath: "b" }];
    },
    `spec.template.spec: ${object}: Docker cannot mount a subPath of an emptyDir or persistentVolumeClaim`,
  ],
  [
    "the address of the pod before it has one",
    (spec) =>
      (first(spec)["env"] = [
        { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      ]),
    `spec.template.spec: ${object}: status.podIP is known before the start of a container only when hostNetwork is true`,
  ],
  [
    "a hook that does nothing",
    (spec) => (first(spec)["lifecycle"] = { preStop: {} }),
    `${at}.lifecycle.preStop: ${object}: exactly one of exec, httpGet and sleep must be set`,
  ],
  [
    "a projected source that is nothing",
    (spec) => (spec.template.spec["volumes"] = [{ name: "a", projected: { sources: [{}] } }]),
    `spec.template.spec.volumes[0].projected.sources[0]: ${object}: exactly one of configMap, secret and downwardAPI must be set`,
  ],
  [
    "a quantity of nothing known",
    (spec) => (first(spec)["resources"] = { limits: { memory: "64 MB" } }),
    `${at}.resources.limits.memory: Invalid value: "64 MB": ${at}.resources.limits.memory in body should match '^\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][-+]?[0-9]+))?$'`,
  ],
  [
    "a toleration of everything that compares",
    (spec) => (spec.template.spec["tolerations"] = [{ value: "x" }]),
    `spec.template.spec.tolerations[0]: ${object}: operator must be Exists when key is empty`,
  ],
  [
    "a Node twice",
    (spec) => {
      delete spec["replicas"];
      spec["placement"] = { nodes: ["a", "a"] };
    },
    'spec.placement.nodes[1]: Duplicate value: "a"',
  ],
];

test.each(refused)("an Application must not have %s", (_why, change, ...want) => {
  expect(breaches(application(change))).toEqual(want);
});

test.each([
  [
    "a".repeat(53),
    "metadata.name must be no more than 52 characters, so that the names of its pods fit",
  ],
  ["web.1", "metadata.name must be a DNS label, as it becomes part of host names"],
])("an Application must not be called %s", (name, message) => {
  const named = { ...application(), metadata: { name } };
  expect(breaches(named)).toEqual([`: Invalid value: "object": ${message}`]);
});
