import type { Clock } from "../../api/machinery/clock.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { membersOf } from "./containers.ts";
import { runHook } from "./hooks.ts";
import type { Inventory } from "./inventory.ts";
import type { StopTarget } from "./plan.ts";
import { reachOf, type Sight } from "./reach.ts";

/** What stopping touches. */
export type StopDeps = Sight & {
  readonly inventory: Inventory;
  readonly clock: Clock;
  /** Stops under way by container id: two pods of one place may ask for the same. */
  readonly stops: Map<string, Promise<void>>;
};

/** How a container is stopped. */
export type StopContext = {
  readonly graceSeconds: number;
  readonly deps: StopDeps;
  readonly signal: AbortSignal;
};

/** Pre-stop hook, stop signal and end of the grace; who asks meanwhile waits for the same stop. */
export function stopOnce(pod: Pod, target: StopTarget, context: StopContext): Promise<void> {
  const { stops } = context.deps;
  const running = stops.get(target.id);
  if (running !== undefined) return running;
  const stop = stopOne(pod, target, context).finally(() => stops.delete(target.id));
  stops.set(target.id, stop);
  return stop;
}

/** A hook that fails or takes too long does not keep the container from being stopped. */
async function runPreStop(pod: Pod, { id, name }: StopTarget, context: StopContext) {
  const { deps, signal, graceSeconds } = context;
  const member = membersOf(pod.spec).find((one) => one.name === name);
  const hook = member?.spec.lifecycle?.preStop;
  if (hook === undefined || graceSeconds === 0) return;
  const facts = await deps.inventory.of(pod.metadata.uid, signal);
  const reach = reachOf(pod, facts, id, deps);
  await runHook(hook, { reach, limitSeconds: graceSeconds }, deps.clock, signal);
}

async function stopOne(pod: Pod, target: StopTarget, context: StopContext): Promise<void> {
  const { deps, signal, graceSeconds } = context;
  const beganMs = deps.clock.nowMs();
  await runPreStop(pod, target, context);
  const spentSeconds = Math.floor((deps.clock.nowMs() - beganMs) / 1000);
  try {
    // Two seconds at least, as in Kubernetes: a slow hook must not turn the stop into a kill.
    const left =
      graceSeconds === 0 ? 0 : Math.max(Math.min(2, graceSeconds), graceSeconds - spentSeconds);
    await deps.engine.containers.stop(target.id, left, signal);
  } finally {
    deps.inventory.touch(target.id);
  }
}
