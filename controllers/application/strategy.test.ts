import { expect, test } from "vitest";
import type { Application, PodTemplate } from "../../crds/types.gen.ts";
import { strategyOf } from "./strategy.ts";

type Template = PodTemplate["spec"];
const container = { name: "web", image: "web" };
const template: Template = {
  containers: [container],
  restartPolicy: "Always",
  terminationGracePeriodSeconds: 30,
};
const strategy: Application["spec"]["strategy"] = {
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
};

const withParts = (
  over: Partial<Application["spec"]["strategy"]>,
  spec: Partial<Template> = {},
): Application => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name: "web", uid: "u", resourceVersion: "1", creationTimestamp: "" },
  spec: {
    placement: { perNode: false, nodes: [], nodeSelector: {}, spreadBy: [], maxPerNode: 0 },
    runState: "Running",
    paused: false,
    revisionHistoryLimit: 10,
    strategy: { ...strategy, ...over },
    template: { spec: { ...template, ...spec } },
  },
});

test.each([
  ["rounds a batch up", { batch: "25%" }, 6, { batch: 2 }],
  ["never takes a batch of none", { batch: "25%" }, 0, { batch: 1 }],
  ["takes a number as it is", { batch: 3 }, 100, { batch: 3 }],
  ["rounds tolerated failures down", { tolerateFailures: "25%" }, 6, { tolerated: 1 }],
  ["tolerates a number", { tolerateFailures: 2 }, 1, { tolerated: 2 }],
  ["counts in milliseconds", { pauseBetweenBatchesSeconds: 2 }, 1, { pauseMs: 2000 }],
  [
    "knows a canary that waits for a person",
    { canary: { count: 1, approve: "Manual" } },
    4,
    { canary: 1, manualApproval: true },
  ],
] as const)("strategyOf() %s", (_why, over, slots, want) => {
  expect(strategyOf(withParts(over), slots)).toMatchObject(want);
});

const port = { containerPort: 80, protocol: "TCP" } as const;
const data = { name: "data", persistentVolumeClaim: { claimName: "data" } };
const mount = { name: "data", mountPath: "/data" };
test.each<readonly [string, Partial<Template>, "StopFirst" | "StartFirst"]>([
  ["without anything that both would hold", {}, "StartFirst"],
  ["with a port of the container", { containers: [{ ...container, ports: [port] }] }, "StartFirst"],
  [
    "with a port of the host",
    { containers: [{ ...container, ports: [{ ...port, hostPort: 80 }] }] },
    "StopFirst",
  ],
  [
    "with ports on the network of the host",
    { hostNetwork: true, containers: [{ ...container, ports: [port] }] },
    "StopFirst",
  ],
  [
    "with a volume that both would write",
    { volumes: [data], containers: [{ ...container, volumeMounts: [mount] }] },
    "StopFirst",
  ],
  [
    "with a volume that both read",
    {
      volumes: [data],
      containers: [{ ...container, volumeMounts: [{ ...mount, readOnly: true }] }],
    },
    "StartFirst",
  ],
  [
    "with a volume of its own",
    {
      volumes: [{ name: "data", emptyDir: {} }],
      containers: [{ ...container, volumeMounts: [mount] }],
    },
    "StartFirst",
  ],
])("strategyOf() derives the order of a template %s", (_why, spec, want) => {
  expect(strategyOf(withParts({}, spec), 1).order).toBe(want);
});

test("strategyOf() obeys an order that is given", () => {
  expect(strategyOf(withParts({ order: "StopFirst" }), 1).order).toBe("StopFirst");
});
