import { expect, test } from "vitest";
import type { KubeObject } from "../../api/machinery/object.ts";
import { readUsage, usageText } from "../../api/machinery/quota/usage.ts";
import { countedTypes, planQuota } from "./plan.ts";

const pods = { group: "", plural: "pods" };
const pod = (uid: string, phase = "Running"): KubeObject =>
  ({ metadata: { name: uid, uid }, spec: { containers: [] }, status: { phase } }) as never;
const held = (...entries: readonly (readonly [string, number])[]) =>
  new Map(entries.map(([uid, atMs]) => [uid, { atMs, usage: readUsage({ pods: "1", x: "1" }) }]));

const wasSeen = (uid: string): boolean => uid === "gone";

const spec = { hard: { pods: "5", secrets: "1" } };

test("planQuota() counts what is there, and what is about to be, each once", () => {
  const counted = [{ type: pods, objects: [pod("a"), pod("b", "Failed")] }];
  const { used, reservations, requeueAfterMs } = planQuota(
    { spec, counted, reservations: held(["a", 0], ["c", 10_000], ["gone", 10_000]), wasSeen },
    20_000,
  );
  expect(usageText(used)).toBe("pods=2,secrets=0");
  expect([...reservations.keys()]).toEqual(["c"]);
  expect(requeueAfterMs).toBe(50_001);
});

test("planQuota() gives back what never came, and then rests", () => {
  const { used, reservations, requeueAfterMs } = planQuota(
    { spec, counted: [], reservations: held(["c", 0]), wasSeen },
    60_000,
  );
  expect(usageText(used)).toBe("pods=0,secrets=0");
  expect([reservations.size, requeueAfterMs]).toEqual([0, undefined]);
});

test("planQuota() limits nothing without a limit", () => {
  const { used } = planQuota({ spec: {}, counted: [], reservations: held(["c", 0]), wasSeen }, 1);
  expect(used.size).toBe(0);
});

test("countedTypes() names each kind once", () => {
  const hard = { pods: "1", "requests.cpu": "1", "count/applications.lighthouse.dev": "1" };
  expect(countedTypes({ hard })).toEqual([
    pods,
    { group: "lighthouse.dev", plural: "applications" },
  ]);
  expect(countedTypes({})).toEqual([]);
});
