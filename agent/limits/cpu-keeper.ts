import type { Clock } from "../../api/machinery/clock.ts";
import { podReason } from "../../crds/conditions.ts";
import { containerLabel } from "../../crds/labels.ts";
import type { Engine, EngineEvent } from "../engine/engine.ts";
import { StepFailure } from "../pods/trouble.ts";
import { formatCpus, parseCpus } from "./cpu-list.ts";
import { type Cpu, grantCpus, type Holder, sharedCpus } from "./cpu-plan.ts";

/** A container that is about to start. */
export type Starter = {
  readonly id: string;
  /** Name in the pod's spec. */
  readonly name: string;
};

/** One that may have CPUs for itself, or surely has none: then nobody needs to be asked about it. */
export type CpuStarter = Starter & { readonly mayHave: boolean };

/**
 * Keeps CPUs that containers have for themselves apart, and everybody else of ours on the rest. Who
 * has what is read from the containers themselves, so that an agent that was restarted, or a second
 * one, sees the same. Foreign containers are never touched: they run where they like.
 */
export interface CpuKeeper {
  /** Gives a container its CPUs before its start; the function that it resolves to is to be called
   * once the start was tried. @throws StepFailure with the numbers when too few are free. */
  admit(starter: CpuStarter, signal: AbortSignal): Promise<() => void>;
  /** Looks at everybody anew: after a gap, or when the offer changed. */
  settle(signal: AbortSignal): Promise<void>;
  /** Whether a change calls for `settle`: somebody who held CPUs is gone. */
  isNews(event: EngineEvent): boolean;
}

/** What a keeper needs of one host. */
export type CpuKeeperOptions = {
  readonly engine: Engine;
  /** metadata.uid of the Namespace kube-system. */
  readonly cluster: string;
  readonly clock: Clock;
  topology(): Promise<readonly Cpu[]>;
  /** How many CPUs stay with those who share. Integer, 1 or more. */
  shared(): number;
};

type Grant = Holder & { readonly sinceMs: number };

/** What the engine shows of ours now. */
type View = { readonly holders: readonly Holder[]; readonly sharers: readonly string[] };

/** A grant whose container is not seen running by then is void. */
const startMs = 120_000;

class EngineCpuKeeper implements CpuKeeper {
  readonly #options: CpuKeeperOptions;
  #turn: Promise<unknown> = Promise.resolve();
  #cpus: Promise<readonly Cpu[]> | undefined;
  /** Given, and not yet seen running. */
  readonly #grants = new Map<string, Grant>();
  /** Sharers that are being started. */
  readonly #starting = new Set<string>();
  /** What sharers were kept to last; absent: nobody was ever kept off anything. */
  readonly #pinned = new Map<string, string>();
  #holders: ReadonlySet<string> = new Set();
  #isKnown = false;
  #isRecalled = false;

  constructor(options: CpuKeeperOptions) {
    this.#options = options;
  }

  async admit(starter: CpuStarter, signal: AbortSignal): Promise<() => void> {
    // Between the stop of a predecessor and this start every question costs its users time.
    const isFree = this.#isKnown && this.#holders.size === 0 && this.#pinned.size === 0;
    if (isFree && !starter.mayHave) return () => undefined;
    return this.#inTurn(() => this.#admit(starter, signal));
  }

  settle(signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      await this.#spread(await this.#look(signal), signal);
    });
  }

  isNews(event: EngineEvent): boolean {
    if (event.type !== "container") return false;
    const isEnd = event.action === "die" || event.action === "destroy";
    return isEnd && this.#holders.has(event.id);
  }

  /** One decision after the other: two that look at the same world would give the same CPUs. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined); // the caller hears of it
    return result;
  }

  async #admit({ id, name }: Starter, signal: AbortSignal): Promise<() => void> {
    const { upkeep } = this.#options.engine;
    const place = await upkeep.placeOf(id, signal);
    const count = Number(place?.labels[containerLabel.exclusiveCpus] ?? "");
    if (count > 0) return this.#give({ id, name }, count, signal);
    if (!this.#isKnown) await this.#look(signal);
    if (this.#holders.size === 0 && (place?.cpus ?? "") === "") return () => undefined;
    this.#starting.add(id);
    const cpus = formatCpus(sharedCpus(await this.#world(await this.#look(signal))));
    if (place?.cpus !== cpus) await upkeep.pin(id, cpus, signal);
    this.#pinned.set(id, cpus);
    return () => this.#starting.delete(id);
  }

  async #give({ id, name }: Starter, count: number, signal: AbortSignal): Promise<() => void> {
    this.#grants.delete(id);
    const view = await this.#look(signal);
    const holders = view.holders.filter((holder) => holder.id !== id);
    const world = await this.#world({ ...view, holders });
    const grant = grantCpus(world, count);
    if (!("cpus" in grant)) {
      const { free, total, held } = grant;
      const kept = `${held} of ${total} belong to others, ${world.shared} stay shared`;
      const message = `Cannot give container ${name} ${count} CPUs of its own: ${free} are free (${kept})`;
      throw new StepFailure(name, podReason.noFreeCpus, new Error(message));
    }
    const sinceMs = this.#options.clock.nowMs();
    this.#grants.set(id, { id, cpus: grant.cpus, sinceMs });
    this.#holders = new Set([...this.#holders, id]);
    await this.#spread({ ...view, holders: [...holders, { id, cpus: grant.cpus }] }, signal);
    await this.#options.engine.upkeep.pin(id, formatCpus(grant.cpus), signal);
    return () => undefined;
  }

  async #world({ holders }: View) {
    this.#cpus ??= this.#options.topology();
    return { cpus: await this.#cpus, holders, shared: this.#options.shared() };
  }

  async #look(signal: AbortSignal): Promise<View> {
    const { engine, cluster } = this.#options;
    const ours = await engine.containers.list({ [containerLabel.cluster]: cluster }, signal);
    const up = ours.filter(({ phase }) => phase === "running" || phase === "paused");
    const owners = up.filter(
      ({ labels }) => Number(labels[containerLabel.exclusiveCpus] ?? "") > 0,
    );
    const seen = await Promise.all(owners.map(({ id }) => this.#holderOf(id, signal)));
    const running = seen.filter((holder) => holder !== undefined);
    this.#forget(new Set(running.map(({ id }) => id)), new Set(ours.map(({ id }) => id)));
    const holders = [...running, ...this.#grants.values()];
    this.#holders = new Set(holders.map(({ id }) => id));
    this.#isKnown = true;
    const sharers = up.filter((one) => !owners.includes(one)).map(({ id }) => id);
    return { holders, sharers: [...new Set([...sharers, ...this.#starting])] };
  }

  async #holderOf(id: string, signal: AbortSignal): Promise<Holder | undefined> {
    const place = await this.#options.engine.upkeep.placeOf(id, signal);
    return place === undefined ? undefined : { id, cpus: parseCpus(place.cpus) ?? [] };
  }

  /** Drops grants that are seen running, or whose container is gone or did not start for long. */
  #forget(running: ReadonlySet<string>, present: ReadonlySet<string>): void {
    const voidMs = this.#options.clock.nowMs() - startMs;
    for (const [id, { sinceMs }] of this.#grants)
      if (running.has(id) || !present.has(id) || sinceMs < voidMs) this.#grants.delete(id);
    for (const id of this.#pinned.keys()) if (!present.has(id)) this.#pinned.delete(id);
  }

  /** Moves everybody who shares to what is nobody's. */
  async #spread(view: View, signal: AbortSignal): Promise<void> {
    await this.#recall(view, signal);
    if (view.holders.length === 0 && this.#pinned.size === 0) return;
    const cpus = formatCpus(sharedCpus(await this.#world(view)));
    for (const id of view.sharers) {
      if (this.#pinned.get(id) === cpus) continue;
      // One that went away meanwhile needs no CPU.
      const place = await this.#options.engine.upkeep.placeOf(id, signal);
      if (place === undefined) continue;
      if (place.cpus !== cpus) await this.#options.engine.upkeep.pin(id, cpus, signal);
      this.#pinned.set(id, cpus);
    }
  }

  /** Learns whom an earlier agent kept off CPUs, which may be free by now. */
  async #recall({ sharers }: View, signal: AbortSignal): Promise<void> {
    if (this.#isRecalled) return;
    const places = await Promise.all(
      sharers.map(
        async (id) => [id, await this.#options.engine.upkeep.placeOf(id, signal)] as const,
      ),
    );
    for (const [id, place] of places)
      if (place !== undefined && place.cpus !== "") this.#pinned.set(id, place.cpus);
    this.#isRecalled = true;
  }
}

/** The keeper of one host's CPUs. */
export function createCpuKeeper(options: CpuKeeperOptions): CpuKeeper {
  return new EngineCpuKeeper(options);
}
