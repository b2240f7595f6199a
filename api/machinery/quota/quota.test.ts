import { describe, expect, test } from "vitest";
import type { KubeObject } from "../object.ts";
import type { Pod } from "../resources.ts";
import { countedType, usageFor } from "./object-usage.ts";
import { isCounted, podAmounts, podUsage, unspecified } from "./pod-usage.ts";
import {
  readReservations,
  reservationMs,
  withoutExpired,
  writeReservations,
} from "./reservations.ts";
import { isInScope, type Scoped } from "./scopes.ts";
import { larger, readUsage, usageText, writeUsage } from "./usage.ts";

const amounts = (cpu: string): object => ({ resources: { requests: { cpu } } });

function pod(spec: object, rest: object = {}, meta: object = {}): Pod {
  const metadata = { name: "p", namespace: "shop", uid: "u", ...meta };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { containers: [], ...spec },
    ...rest,
  } as never;
}

const plain = pod({ containers: [{ name: "a", ...amounts("1") }] });

describe("podAmounts()", () => {
  test.each([
    ["sums containers", { containers: [amounts("1"), amounts("500m")] }, "1500m"],
    [
      "takes the largest init container",
      { containers: [amounts("1")], initContainers: [amounts("3"), amounts("2")] },
      "3",
    ],
    [
      "adds sidecars to both",
      {
        containers: [amounts("1")],
        initContainers: [{ ...amounts("2"), restartPolicy: "Always" }, amounts("2")],
      },
      "4",
    ],
    ["adds the overhead", { containers: [amounts("1")], overhead: { cpu: "250m" } }, "1250m"],
    ["takes a limit for a request", { containers: [{ resources: { limits: { cpu: "2" } } }] }, "2"],
    ["leaves out what is no quantity", { containers: [amounts("lots"), amounts("1")] }, "1"],
  ])("%s", (_name, spec, cpu) => {
    expect(writeUsage(podAmounts(pod(spec).spec, "requests"))["cpu"]).toBe(cpu);
  });
});

test("podUsage() names amounts as quotas do", () => {
  const resources = {
    requests: { cpu: "1", "x.dev/gpu": "2" },
    limits: { memory: "1Gi", "x.dev/gpu": "2" },
  };
  expect(writeUsage(podUsage(pod({ containers: [{ name: "a", resources }] })))).toEqual({
    "count/pods": "1",
    cpu: "1",
    "limits.memory": "1Gi",
    memory: "1Gi",
    pods: "1",
    "requests.cpu": "1",
    "requests.memory": "1Gi",
    "requests.x.dev/gpu": "2",
  });
});

test.each([
  ["Running", undefined, true],
  ["Succeeded", undefined, false],
  ["Failed", undefined, false],
  ["Running", "2026-11-21T00:00:10Z", true],
  ["Running", "2026-11-20T00:00:00Z", false],
  ["Running", "whenever", true],
])("isCounted() of a %s pod with deletionTimestamp %s: %s", (phase, deletionTimestamp, want) => {
  const meta = deletionTimestamp === undefined ? {} : { deletionTimestamp };
  const nowMs = Date.UTC(2026, 10, 21);
  expect(isCounted(pod({}, { status: { phase } }, meta), nowMs)).toBe(want);
});

test("unspecified() names the containers that say nothing", () => {
  const spec = {
    containers: [{ name: "b" }, { name: "a" }, { name: "c", ...amounts("1") }],
    initContainers: [{ name: "i" }],
  };
  const hard = ["limits.ephemeral-storage", "requests.cpu", "pods", "cpu", "requests.x.dev/gpu"];
  expect(unspecified(pod(spec), hard)).toEqual(["cpu for: a,b,i", "requests.cpu for: a,b,i"]);
  expect(unspecified(plain, ["cpu"])).toEqual([]);
});

describe("isInScope()", () => {
  const term = (operator: string, values?: readonly string[]): Scoped => ({
    scopeSelector: {
      matchExpressions: [
        { scopeName: "PriorityClass", operator, ...(values === undefined ? {} : { values }) },
      ],
    },
  });
  const high = { priorityClassName: "high" };
  const affinity = (of: object): object => ({
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [of] } },
  });
  const preferred = (podAffinityTerm: object): object => ({
    affinity: {
      podAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm }],
      },
    },
  });
  test.each([
    [{}, {}, true],
    [{ scopes: ["Terminating"] }, { activeDeadlineSeconds: 5 }, true],
    [{ scopes: ["Terminating"] }, {}, false],
    [{ scopes: ["NotTerminating"] }, {}, true],
    [{ scopes: ["NotTerminating"] }, { activeDeadlineSeconds: 5 }, false],
    [{ scopes: ["BestEffort"] }, { containers: [{ name: "a" }] }, true],
    [{ scopes: ["BestEffort"] }, { containers: [amounts("0")] }, true],
    [{ scopes: ["BestEffort"] }, { initContainers: [amounts("1")] }, false],
    [{ scopes: ["NotBestEffort"] }, { containers: [amounts("1")] }, true],
    [{ scopes: ["NotBestEffort", "Terminating"] }, { containers: [amounts("1")] }, false],
    [{ scopes: ["PriorityClass"] }, high, true],
    [{ scopes: ["PriorityClass"] }, {}, false],
    [{ scopes: ["PriorityClass"] }, { priorityClassName: "" }, false],
    [term("DoesNotExist"), {}, true],
    [term("DoesNotExist"), high, false],
    [term("DoesNotExist"), { priorityClassName: "" }, true],
    [term("In", ["high"]), high, true],
    [term("In", ["low"]), high, false],
    [term("In"), {}, false],
    [term("NotIn", ["low"]), high, true],
    [term("NotIn", ["high"]), high, false],
    [term("NotIn"), {}, true],
    [{ scopes: ["CrossNamespacePodAffinity"] }, {}, false],
    [{ scopes: ["CrossNamespacePodAffinity"] }, affinity({ namespaces: ["x"] }), true],
    [{ scopes: ["CrossNamespacePodAffinity"] }, affinity({ topologyKey: "a" }), false],
    [{ scopes: ["CrossNamespacePodAffinity"] }, preferred({ namespaceSelector: {} }), true],
    [{ scopes: ["Unknown"] }, {}, false],
  ] as const)("of %j for %j: %s", (quota, spec, want) => {
    expect(isInScope(quota, pod(spec))).toBe(want);
  });
});

describe("usageFor()", () => {
  const object = plain as unknown as KubeObject;
  const apps = { group: "lighthouse.dev", plural: "applications" };
  const secrets = { group: "", plural: "secrets" };
  const pods = { group: "", plural: "pods" };
  test.each([
    [
      { hard: { "count/applications.lighthouse.dev": "1" } },
      apps,
      "count/applications.lighthouse.dev=1",
    ],
    [{ hard: { secrets: "1", "count/secrets": "1" } }, secrets, "count/secrets=1,secrets=1"],
    [{ hard: { secrets: "1" }, scopes: ["BestEffort"] }, secrets, ""],
    [{ hard: { applications: "1" } }, apps, ""],
    [{}, secrets, ""],
    [{ hard: { pods: "1", "requests.cpu": "1" } }, pods, "pods=1,requests.cpu=1"],
    [{ hard: { pods: "1" }, scopes: ["BestEffort"] }, pods, ""],
  ])("of %j for %j is %j", (quota, type, want) => {
    expect(usageText(usageFor(quota, type, object, 0))).toBe(want);
  });

  test("of a pod that ended is nothing", () => {
    const ended = pod({}, { status: { phase: "Failed" } }) as unknown as KubeObject;
    expect(usageFor({ hard: { pods: "1" } }, pods, ended, 0).size).toBe(0);
  });
});

test.each([
  ["secrets", { group: "", plural: "secrets" }],
  ["count/pods", { group: "", plural: "pods" }],
  ["count/applications.lighthouse.dev", { group: "lighthouse.dev", plural: "applications" }],
  ["requests.cpu", undefined],
])("countedType() of %s", (name, want) => {
  expect(countedType(name)).toEqual(want);
});

describe("reservations", () => {
  const held = new Map([["u1", { atMs: 5, usage: readUsage({ pods: "1" }) }]]);

  test("are read as they were written", () => {
    const text = writeReservations(held);
    expect(text).toBe('{"u1":{"at":5,"used":{"pods":"1"}}}');
    expect(readReservations(text)).toEqual(held);
    expect(writeReservations(new Map())).toBeUndefined();
  });

  test.each([
    undefined,
    "",
    "nonsense",
    "[]",
    '{"a":1}',
    '{"a":{"at":"x","used":{}}}',
    '{"a":{"at":1}}',
  ])("are none in %j", (text) => {
    expect(readReservations(text).size).toBe(0);
  });

  test("end after their time", () => {
    expect(withoutExpired(held, 5 + reservationMs - 1).size).toBe(1);
    expect(withoutExpired(held, 5 + reservationMs).size).toBe(0);
  });
});

test("larger() takes the larger of each", () => {
  const [left, right] = [readUsage({ a: "1", b: "2" }), readUsage({ a: "2", b: "1", c: "0" })];
  expect(usageText(larger(left, right))).toBe("a=2,b=2,c=0");
});
