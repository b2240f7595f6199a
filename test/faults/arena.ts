import type { ContainerState } from "../../agent/simulated/simulated-engine.ts";
import type { Cell } from "./cell.ts";
import { applicationOf, slotOf } from "./container-facts.ts";
import type { Story } from "./observer.ts";
import type { Host, World } from "./stage.ts";

/** All that one cell is about. */
export type Arena = {
  readonly world: World;
  readonly cell: Cell;
  readonly story: Story;
  readonly application: string;
  /** Id of the slot that is struck. */
  readonly slot: string;
  /** Names of the pods that the slot goes to and comes from. */
  readonly target: string;
  readonly old: string;
  /** Image that is pulled for the target. */
  readonly image: string;
  /** Phases that had been seen when the cell's own rollout began. */
  readonly from: number;
  /** Hosts that cannot be asked for anything now. */
  readonly away: Set<Host>;
  /** Hosts that could not be asked at some time since the rollout began. */
  readonly missed: Set<Host>;
  readonly signal: AbortSignal;
};

/** Container of a slot that runs, with its host. @throws Error when none does */
export function runningIn(
  { world, application }: Pick<Arena, "world" | "application">,
  slot: string,
): { readonly host: Host; readonly container: ContainerState } {
  for (const host of world.hosts) {
    const container = host.engine
      .containers()
      .find((one) => one.running && applicationOf(one) === application && slotOf(one) === slot);
    if (container !== undefined) return { host, container };
  }
  throw new Error(`Nothing runs in slot ${slot} of ${application}`);
}

/** The host of a slot, by what it has of it, running or not. @throws Error when there is none */
export function hostOf(
  { world, application }: Pick<Arena, "world" | "application">,
  slot: string,
): Host {
  const host = world.hosts.find(({ engine }) =>
    engine.containers().some((one) => applicationOf(one) === application && slotOf(one) === slot),
  );
  if (host === undefined) throw new Error(`No host has slot ${slot} of ${application}`);
  return host;
}
