import type { ContainerChange, ContainerState } from "../../agent/simulated/simulated-engine.ts";
import { applicationOf, revisionOf, slotOf } from "./container-facts.ts";

/** What a cell wants watched. */
export type Watched = {
  readonly application: string;
  readonly slots: readonly string[];
  /** How many slots may be down by our hand. */
  readonly batch: number;
  /** The Revision that must be everywhere before anything stops; absent on other ways. */
  readonly preparedFirst?: string;
  /** Whether the container's host cannot be asked for anything now. */
  readonly isAway: (slot: string) => boolean;
  /** Whether that was so at some time since the rollout began: then it went on without it. */
  readonly wasAway: (slot: string) => boolean;
  /** All containers of all hosts. */
  readonly containers: () => readonly ContainerState[];
};

/**
 * Watches the engines themselves, at every change and not by samples: what stops a container by our
 * hand is judged the moment it happens.
 */
export interface Ledger {
  /** Guarantees that were broken, in words. */
  readonly breaches: readonly string[];
  /** Containers made since {@link forgetCreates}. */
  creates(): number;
  forgetCreates(): void;
  /** Begins to watch an Application, or nothing. */
  watch(watched: Watched | undefined): void;
  take(change: ContainerChange): void;
}

class EngineLedger implements Ledger {
  readonly breaches: string[] = [];
  /** Slots that we stopped, and that nothing has taken yet. */
  readonly #down = new Set<string>();
  #watched: Watched | undefined;
  #creates = 0;
  #touched = false;

  creates(): number {
    return this.#creates;
  }

  forgetCreates(): void {
    this.#creates = 0;
  }

  watch(watched: Watched | undefined): void {
    this.#watched = watched;
    this.#down.clear();
    this.breaches.length = 0;
    this.#creates = 0;
    this.#touched = false;
  }

  take({ action, container }: ContainerChange): void {
    const watched = this.#watched;
    if (watched === undefined || applicationOf(container) !== watched.application) return;
    if (action === "create") this.#creates += 1;
    if (action === "start") this.#down.delete(slotOf(container));
    if (action === "kill") this.#onKill(container, watched);
  }

  #onKill(container: ContainerState, watched: Watched): void {
    const slot = slotOf(container);
    const others = watched
      .containers()
      .filter((one) => one.running && one.id !== container.id)
      .filter((one) => applicationOf(one) === watched.application);
    if (others.some((one) => slotOf(one) === slot)) return;
    this.#down.add(slot);
    // Whose host is away is down by the fault, whatever we did there before.
    const down = [...this.#down].filter((one) => one === slot || !watched.isAway(one));
    if (down.length > watched.batch) {
      const all = down.join(" and ");
      this.breaches.push(`G1: slots ${all} are down by our hand, ${watched.batch} may be`);
    }
    this.#checkPrepared(watched);
  }

  /** G3: everything is there everywhere before the first stop. */
  #checkPrepared({ preparedFirst, slots, containers, wasAway }: Watched): void {
    if (preparedFirst === undefined || this.#touched) return;
    this.#touched = true;
    const made = new Set(
      containers()
        .filter((one) => revisionOf(one) === preparedFirst)
        .map(slotOf),
    );
    const missing = slots.filter((slot) => !made.has(slot) && !wasAway(slot));
    if (missing.length > 0)
      this.breaches.push(
        `G3: a container stops while slots ${missing.join(", ")} are not prepared`,
      );
  }
}

/** A ledger that watches nothing yet. */
export function createLedger(): Ledger {
  return new EngineLedger();
}
