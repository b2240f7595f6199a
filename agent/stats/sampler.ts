import type { Clock } from "../../api/machinery/clock.ts";
import { unavailable } from "../../api/machinery/errors.ts";
import { containerLabel } from "../../crds/labels.ts";
import { createGate } from "../engine/gate.ts";
import type { ContainerDetail, ContainerSummary, Engine, EngineEvent } from "../engine/engine.ts";
import { within } from "../engine/within.ts";
import { ownerOf } from "../pods/inventory.ts";
import { type HostMeter, hostMeterOf } from "./host-meter.ts";
import { type Mark, markOf, type MeasuredContainer, type PodPart, type Sample } from "./sample.ts";

/** What is measured, and with what. */
export type SamplerOptions = {
  readonly engine: Pick<Engine, "containers" | "io" | "info" | "endpoint">;
  /** metadata.uid of the Namespace kube-system: containers of others are foreign. */
  readonly cluster: string;
  readonly clock: Clock;
  /** Aborts when the host is no longer served. */
  readonly signal: AbortSignal;
  /** Default: finds out whether the engine's machine is this one. */
  readonly meterOf?: () => Promise<HostMeter | undefined>;
};

/** A sample, and an earlier mark to tell rates by. */
export type Measured = { readonly sample: Sample; readonly mark: Mark };

/**
 * Measures one host when somebody looks, and never else: whoever looks while or soon after another
 * did shares the same reading of the engine.
 */
export interface Sampler {
  /** A sample that is at most {@link freshMs} old.
   * @throws StatusError `ServiceUnavailable` when the engine does not answer */
  sample(signal: AbortSignal): Promise<Sample>;
  /** The same with rates; takes a second longer when nobody looked of late. */
  measure(signal: AbortSignal): Promise<Measured>;
  /** Takes a change of the engine in: restarts, new limits, processes killed for want of memory. */
  take(event: EngineEvent): void;
}

/** How long a sample answers everybody. Milliseconds. */
export const freshMs = 5_000;
/** The shortest window of a rate, and the longest that still tells of now. Milliseconds. */
const windowMs = { shortest: 1_000, longest: 30_000 } as const;
/** Containers that do not tell in this time are left out. Milliseconds. */
const roundMs = 10_000;
/** Engines before 25.0 read all that are asked for in one tick, a second apart: so ask many at once. */
const readsAtOnce = 128;
const inspectsAtOnce = 8;

type Detail = Pick<MeasuredContainer, "startedAtMs" | "limits" | "ownNetwork">;

function toDetail({ state, limits, networkMode }: ContainerDetail): Detail {
  return {
    startedAtMs: state.startedAtMs ?? 0,
    limits,
    ownNetwork: !networkMode.startsWith("container:"),
  };
}

function partOf({ labels }: ContainerSummary, cluster: string): PodPart | undefined {
  const owner = ownerOf(labels, cluster);
  if (owner === undefined) return undefined;
  const { namespace = "", name } = owner.key;
  const container = labels[containerLabel.container] ?? "";
  return { namespace, pod: name, uid: owner.uid, container };
}

const running: ReadonlySet<string> = new Set(["running", "paused"]);
/** After these a container may have another start or other limits. */
const telling: ReadonlySet<string> = new Set(["start", "restart", "update", "destroy"]);

class EngineSampler implements Sampler {
  readonly #options: SamplerOptions;
  readonly #reads = createGate(readsAtOnce);
  readonly #inspects = createGate(inspectsAtOnce);
  readonly #details = new Map<string, Detail>();
  readonly #oomEvents = new Map<string, number>();
  #meter: Promise<HostMeter | undefined> | undefined;
  #latest: Sample | undefined;
  /** Oldest first. */
  #marks: readonly Mark[] = [];
  #round: Promise<Sample> | undefined;
  #pair: Promise<Measured> | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  sample(signal: AbortSignal): Promise<Sample> {
    const latest = this.#latest;
    const ageMs = this.#options.clock.nowMs() - (latest?.atMs ?? 0);
    if (latest !== undefined && ageMs >= 0 && ageMs <= freshMs) return Promise.resolve(latest);
    return within(this.#shared(), signal);
  }

  async measure(signal: AbortSignal): Promise<Measured> {
    const sample = await this.sample(signal);
    const mark = this.#markBefore(sample);
    if (mark !== undefined) return { sample, mark };
    this.#pair ??= this.#second().finally(() => {
      this.#pair = undefined;
    });
    return within(this.#pair, signal);
  }

  take(event: EngineEvent): void {
    if (event.type === "resync") this.#details.clear();
    if (event.type !== "container") return;
    if (telling.has(event.action)) this.#details.delete(event.id);
    if (event.action === "destroy") this.#oomEvents.delete(event.id);
    if (event.action === "oom")
      this.#oomEvents.set(event.id, (this.#oomEvents.get(event.id) ?? 0) + 1);
  }

  #shared(): Promise<Sample> {
    this.#round ??= this.#read().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  /** A second look for those that have nothing to compare with. */
  async #second(): Promise<Measured> {
    const { clock, signal } = this.#options;
    await clock.sleep(windowMs.shortest, signal);
    const sample = await this.#shared();
    const mark = this.#markBefore(sample);
    if (mark === undefined) throw unavailable("Cannot tell rates: the clock was set back");
    return { sample, mark };
  }

  #markBefore({ atMs }: Sample): Mark | undefined {
    return this.#marks.find(
      (mark) => atMs - mark.atMs >= windowMs.shortest && atMs - mark.atMs <= windowMs.longest,
    );
  }

  async #read(): Promise<Sample> {
    const { clock, signal } = this.#options;
    const [late, done] = [new AbortController(), new AbortController()];
    const timer = clock.sleep(roundMs, AbortSignal.any([signal, done.signal])).then(
      () => late.abort(unavailable(this.#silence())),
      () => undefined, // the round ended before
    );
    try {
      const sample = await this.#readAll(AbortSignal.any([signal, late.signal]));
      const marks = this.#marks.filter(({ atMs }) => sample.atMs - atMs <= windowMs.longest);
      this.#marks = [...marks, markOf(sample)];
      this.#latest = sample;
      return sample;
    } finally {
      done.abort();
      await timer;
    }
  }

  #silence(): string {
    const { endpoint } = this.#options.engine;
    return `Cannot measure: Docker engine at ${endpoint} has not answered for ${roundMs / 1000} s`;
  }

  async #readAll(signal: AbortSignal): Promise<Sample> {
    const { engine, clock } = this.#options;
    const host = within(this.#readHost(), signal).catch(() => undefined); // containers count without it
    const rows = await within(engine.containers.list(undefined, signal), signal);
    const present = new Set(rows.map(({ id }) => id));
    for (const id of this.#details.keys()) if (!present.has(id)) this.#details.delete(id);
    const up = rows.filter(({ phase }) => running.has(phase));
    const read = await Promise.all(up.map((row) => this.#readOne(row, signal)));
    const reading = await host;
    return {
      atMs: clock.nowMs(),
      containers: read.filter((one) => typeof one === "object"),
      silent: up.flatMap(({ id }, index) => (read[index] === "silent" ? [id] : [])),
      ...(reading === undefined ? {} : { host: reading }),
    };
  }

  /** One that ended meanwhile is `gone`; one that does not tell must not keep the others back. */
  async #readOne(
    row: ContainerSummary,
    signal: AbortSignal,
  ): Promise<MeasuredContainer | "gone" | "silent"> {
    const { engine, cluster } = this.#options;
    const { id, name, image } = row;
    try {
      const both = Promise.all([
        this.#detail(id, signal),
        this.#reads.enter(() => engine.io.stats(id, signal), signal),
      ]);
      const [detail, stats] = await within(both, signal);
      if (stats === undefined || detail === undefined) return "gone";
      const part = partOf(row, cluster);
      const oomEvents = this.#oomEvents.get(id) ?? 0;
      const own = part === undefined ? {} : { part };
      return { id, name, image, ...own, ...detail, oomEvents, stats };
    } catch {
      return "silent"; // counted; why an engine does not answer is told by its Node
    }
  }

  async #detail(id: string, signal: AbortSignal): Promise<Detail | undefined> {
    const known = this.#details.get(id);
    if (known !== undefined) return known;
    const { containers } = this.#options.engine;
    const found = await this.#inspects.enter(() => containers.inspect(id, signal), signal);
    if (found === undefined) return undefined;
    const detail = toDetail(found);
    this.#details.set(id, detail);
    return detail;
  }

  async #readHost(): Promise<Sample["host"]> {
    this.#meter ??= this.#findMeter();
    const meter = await this.#meter;
    return meter?.();
  }

  async #findMeter(): Promise<HostMeter | undefined> {
    const { engine, clock, signal, meterOf } = this.#options;
    if (meterOf !== undefined) return meterOf();
    try {
      return await hostMeterOf(await engine.info(signal), () => clock.nowMs());
    } catch {
      this.#meter = undefined; // the engine was away: ask again next time
      return undefined;
    }
  }
}

/** A sampler of one host; it does nothing until somebody looks. */
export function createSampler(options: SamplerOptions): Sampler {
  return new EngineSampler(options);
}
