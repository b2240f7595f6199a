import type { Context } from "./context.ts";
import type { View } from "./slots.ts";

/** How long a switch under way on a host that went away keeps the next slots from theirs. Milliseconds. */
export const inFlightForMs = 60_000;

/** Whether the host was told to swap the slot's pods and went away before it told how that came out. */
function isInFlight({ offline, goal, others }: View): boolean {
  if (!offline || goal?.desired !== "Running" || goal.ready) return false;
  return others.some(({ name, node }) => name === goal.replaces && node === goal.node);
}

/** Slots that count as unavailable by our hand, and the time at which they cease to. */
export type InFlight = { readonly slots: number; readonly wakeAtMs: readonly number[] };

/**
 * Slots that may be down although their hosts cannot be asked: a host that comes back carries out what
 * it was told, whatever else is switched by then. They are waited for, and not for long: a host that
 * stays away must not hold the others.
 */
export function inFlight(views: readonly View[], { rollout, seen, nowMs }: Context): InFlight {
  const { order, deadlineMs } = seen.strategy;
  const slots = order === "StopFirst" ? views.filter(isInFlight).length : 0;
  const beganMs = Math.max(rollout.progressedAtMs, rollout.phaseStartedAtMs);
  const endMs = beganMs + Math.min(inFlightForMs, deadlineMs / 2);
  return slots === 0 || endMs <= nowMs ? { slots: 0, wakeAtMs: [] } : { slots, wakeAtMs: [endMs] };
}
