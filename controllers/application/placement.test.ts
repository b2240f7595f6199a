import { expect, test } from "vitest";
import type { Node, Pod } from "../../api/machinery/resources.ts";
import type { Application, Placement, Toleration } from "../../crds/types.gen.ts";
import { isStranded, nodeFacts, slotsOf } from "./placement.ts";

const meta = (name: string) => ({ name, uid: name, resourceVersion: "1", creationTimestamp: "" });

const node = (name: string, over: Partial<Node["spec"]> = {}, labels = {}): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { ...meta(name), labels },
  spec: over,
  status: { conditions: [{ type: "Ready", status: "True" }] },
});

function application(
  placement: Partial<Placement>,
  replicas?: number,
  tolerations: readonly Toleration[] = [],
): Application {
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: meta("web"),
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      placement: {
        perNode: false,
        nodes: [],
        nodeSelector: {},
        spreadBy: [],
        maxPerNode: 0,
        ...placement,
      },
      template: { spec: { containers: [], tolerations } },
    },
  } as unknown as Application;
}

const ids = (of: Application, nodes: readonly Node[], occupied: readonly string[] = []) =>
  slotsOf(of, nodes, new Set(occupied)).map(({ id }) => id);

const tainted = node("t", { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] });

test.each([
  ["ordinals for replicas", application({}, 3), [], ["0", "1", "2"]],
  ["none for no replicas", application({}, 0), [], []],
  [
    "the listed Nodes in their order, known or not",
    application({ nodes: ["b", "a"] }),
    [],
    ["b", "a"],
  ],
  [
    "one for each Node, by name",
    application({ perNode: true }),
    [node("b"), node("a")],
    ["a", "b"],
  ],
  [
    "Nodes that the selector takes",
    application({ perNode: true, nodeSelector: { disk: "ssd" } }),
    [node("a", {}, { disk: "ssd" }), node("b")],
    ["a"],
  ],
  ["no Node whose taint is not borne", application({ perNode: true }), [tainted], []],
  [
    "a Node whose taint is borne",
    application({ perNode: true }, undefined, [{ key: "gpu", operator: "Exists" }]),
    [tainted],
    ["t"],
  ],
  [
    "a Node whose taint is borne by value",
    application({ perNode: true }, undefined, [{ key: "gpu", value: "yes", effect: "NoSchedule" }]),
    [tainted],
    ["t"],
  ],
  [
    "no Node whose taint has another effect or value than is borne",
    application({ perNode: true }, undefined, [
      { key: "gpu", value: "no" },
      { key: "gpu", operator: "Exists", effect: "NoExecute" },
      { key: "other", operator: "Exists" },
      { operator: "Equal" },
    ]),
    [tainted],
    [],
  ],
  [
    "a Node that is away for a while, or merely disliked",
    application({ perNode: true }),
    [
      node("a", { taints: [{ key: "node.kubernetes.io/unreachable", effect: "NoExecute" }] }),
      node("b", { taints: [{ key: "noisy", effect: "PreferNoSchedule" }] }),
    ],
    ["a", "b"],
  ],
] as const)("slotsOf() gives %s", (_what, of, nodes, want) => {
  expect(ids(of, nodes)).toEqual(want);
});

test("slotsOf() leaves a cordoned Node the slot it has, and gives it none", () => {
  const cordoned = node("a", { unschedulable: true });
  expect(ids(application({ perNode: true }), [cordoned])).toEqual([]);
  expect(ids(application({ perNode: true }), [cordoned], ["a"])).toEqual(["a"]);
});

const pod = (nodeName?: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: meta("web-1-0"),
  spec: { containers: [], ...(nodeName === undefined ? {} : { nodeName }) },
});
const of = application({ nodeSelector: { disk: "ssd" } }, 1);
const own = of.spec.template;

test.each([
  [
    "nothing before it is bound",
    pod(),
    undefined,
    { offline: false, misplaced: false, fits: true },
  ],
  ["that its Node is gone", pod("a"), undefined, { misplaced: true, fits: false }],
  ["that its Node is no longer allowed", pod("a"), node("a"), { misplaced: true, fits: false }],
  [
    "that all is well",
    pod("a"),
    node("a", {}, { disk: "ssd" }),
    { offline: false, misplaced: false, fits: true },
  ],
  [
    "that its Node does not answer",
    pod("a"),
    { ...node("a", {}, { disk: "ssd" }), status: {} },
    { offline: true, misplaced: false, fits: true },
  ],
] as const)("nodeFacts() tells of a pod %s", (_what, pod, node, want) => {
  expect(nodeFacts(pod, node, of, own)).toMatchObject(want);
});

test("nodeFacts() tells since when the Node answers", () => {
  const conditions = [
    { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:05Z" },
  ];
  const found = { ...node("a"), status: { conditions } } as unknown as Parameters<
    typeof nodeFacts
  >[1];
  expect(nodeFacts(pod("a"), found, of, own)).toMatchObject({
    answeringSinceMs: Date.UTC(2026, 0, 1, 0, 0, 5),
  });
});

test("isStranded() finds pods that wait for a Node which is gone, and may be elsewhere", () => {
  const pinned = (over: object = {}, annotations: Record<string, string> = {}): Pod => {
    const matchFields = [{ key: "metadata.name", operator: "In", values: ["a"] }];
    const required = { nodeSelectorTerms: [{ matchFields }] };
    const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: required };
    const { metadata, spec, ...rest } = pod();
    const affinity = { nodeAffinity };
    const changed = {
      metadata: { ...metadata, annotations },
      spec: { ...spec, affinity, ...over },
    };
    return { ...rest, ...changed };
  };
  expect(isStranded(pinned(), new Map())).toBe(true);
  expect(isStranded(pinned(), new Map([["a", node("a")]]))).toBe(false);
  expect(isStranded(pinned({ nodeName: "a" }), new Map())).toBe(false);
  expect(isStranded(pinned({}, { "lighthouse.dev/slot-node": "a" }), new Map())).toBe(false);
  expect(isStranded(pod(), new Map())).toBe(false);
});
