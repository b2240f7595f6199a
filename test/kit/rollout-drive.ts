import { planApplication } from "../../controllers/application/plan.ts";
import type { Order, Plan, Step } from "../../controllers/application/step.ts";
import type { Strategy } from "../../controllers/application/seen.ts";
import { RolloutWorld, type Wish } from "./rollout-world.ts";

const orderText = ({ pod, to, replaces }: Order): string =>
  replaces === undefined ? `${pod}=${to}` : `${pod}=${to}(for ${replaces})`;

function stepText(step: Step): string {
  switch (step.kind) {
    case "createRevision":
      return `new ${step.name}`;
    case "markRevision":
      return `mark ${step.name} ${step.mark.phase}`;
    case "createPod": {
      const replaces = step.replaces === undefined ? "" : ` for ${step.replaces}`;
      return `create ${step.name} ${step.desired}${replaces}`;
    }
    case "order":
      return step.orders.map(orderText).join(" then ");
    case "deletePod":
    case "deleteRevision":
      return `delete ${step.name}`;
  }
}

/** A plan in words: the phase, then the steps on pods, e.g. `Rolling: web-2-0=Running(for web-1-0)`. */
export function planText({ memory, steps }: Plan): string {
  const onPods = steps.filter(({ kind }) => kind !== "markRevision" && kind !== "createRevision");
  return `${memory.rollout?.phase ?? "none"}: ${onPods.map(stepText).join(", ")}`;
}

/** One whole pass of the controller. */
export function passOver(world: RolloutWorld): Plan {
  const plan = planApplication(world.seen(), world.nowMs);
  for (const act of world.actsOf(plan)) world.apply(act);
  world.memory = plan.memory;
  return plan;
}

/** The phase that is remembered. */
export const phaseOf = (world: RolloutWorld): string | undefined => world.memory.rollout?.phase;

/** Passes, agents and time go on until the phase is reached. @throws Error when it is not. */
export function driveTo(world: RolloutWorld, phase: string): void {
  for (let round = 0; round < 200; round += 1) {
    if (phaseOf(world) === phase) return;
    world.settleAgents();
    const before = JSON.stringify(world.memory);
    const { steps, requeueAfterMs } = passOver(world);
    if (steps.length > 0 || before !== JSON.stringify(world.memory)) continue;
    world.nowMs += requeueAfterMs ?? 1_000;
  }
  throw new Error(`Cannot reach ${phase}: ${JSON.stringify(world.memory.rollout)}`);
}

/** {@link driveTo}, and then until nothing is left to do. */
export function driveThrough(world: RolloutWorld, phase: string): void {
  driveTo(world, phase);
  for (let round = 0; round < 20; round += 1) {
    world.settleAgents();
    if (passOver(world).steps.length === 0) return;
  }
}

/** What the controller would do now, in words; nothing is done. */
export const next = (world: RolloutWorld): string =>
  planText(planApplication(world.seen(), world.nowMs));

/** `web-1` runs in every slot and is the last good Revision. */
export function completed(
  wish: Partial<Wish> = {},
  strategy: Partial<Strategy> = {},
): RolloutWorld {
  const world = new RolloutWorld(wish, strategy);
  driveThrough(world, "Completed");
  return world;
}

/** A second template was asked for, and its rollout has begun. */
export function updating(strategy: Partial<Strategy> = {}, wish: Partial<Wish> = {}): RolloutWorld {
  const world = completed(wish, strategy);
  world.wish.hash = "v2";
  passOver(world);
  return world;
}
