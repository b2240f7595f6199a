import { expect, test } from "vitest";
import { updating } from "../../../test/kit/rollout-drive.ts";
import { numberingOf } from "./block-items.ts";
import { told } from "./block-telling.ts";
import type { View } from "../slots.ts";

/** A slot whose pod does not get its image, as far as a block looks. */
function stuck(number: number): View {
  const id = String(number);
  const message = `Cannot pull image registry.example/web:v2: ${"x".repeat(200)}`;
  const trouble = { reason: "ImagePullBackOff", message };
  const goal = { name: `web-2-${id}`, node: `host-${id}`, prepared: false, trouble };
  return { slot: { id }, goal, rivals: [], others: [], leaving: [] } as unknown as View;
}

/** Fields of a value, of all depths. */
function fieldsOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, one) => sum + 1 + fieldsOf(one), 0);
}

test("told() tells of 10,000 slots that failed at once in what a stored object may hold", () => {
  const world = updating({}, { replicas: 1 });
  const { rollout } = world.memory;
  if (rollout === undefined) throw new Error("Cannot find the rollout");
  const views = Array.from({ length: 10_000 }, (_, number) => stuck(number));
  const failedSlots = views.map(({ slot }) => slot.id);
  const after = { ...rollout, phase: "RollingBack", failedSlots, steps: [] } as const;
  const moment = { after, seen: world.seen(), nowMs: world.nowMs };
  const numbering = numberingOf(views, []);
  const step = { name: "prepare", action: "Prepare", total: views.length } as const;
  const { results = [], completedAt } = told(step, views, { moment, numbering, ends: true });
  expect(completedAt).toBeDefined();
  expect(results.map(({ slot }) => slot)).toEqual(views.map(({ slot }) => slot.id));
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["Error"]));
  expect(results[999]?.message).toContain("Cannot pull image");
  expect(results[1_000]).not.toHaveProperty("message");
  const record = { results, instances: numbering.instances };
  expect(JSON.stringify(record).length).toBeLessThan(1_300_000);
  expect(fieldsOf(results) + numbering.instances.length).toBeLessThan(65_536);
});
