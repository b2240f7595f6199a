import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { equalJson } from "../../api/machinery/equality.ts";
import { annotation } from "../../crds/labels.ts";
import type { Beacon } from "../../crds/types.gen.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { pause } from "../persist.ts";
import { createBell } from "./bell.ts";
import { choose, follow, type Sighting, type Trouble } from "./follow.ts";
import type { DockerHost, Provider } from "./provider.ts";
import {
  type Credentials,
  type DiscoverySpec,
  discoverySpecOf,
  durationMs,
  readCredentials,
} from "./settings.ts";

/** Opens the drivers that a Beacon asks for, best first; of several, the first that is at home here. */
export type OpenDrivers = (
  spec: DiscoverySpec,
  credentials: (signal: AbortSignal) => Promise<Credentials>,
) => readonly Provider[];

/** What is known of the hosts now. */
export type DiscoveryState = {
  /** Names of the providers in use. */
  readonly providers: readonly string[];
  readonly hosts: readonly DockerHost[];
  /** Whether every provider has told a whole set: what is missing from `hosts` is gone then. */
  readonly isWhole: boolean;
  /** Why the last looks failed; what was found before stays. */
  readonly troubles: readonly Trouble[];
};

/** What discovery needs of the world. */
export type DiscoveryOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** Those that flags name: they count instead of what the Beacon says. May be empty. */
  readonly fixed: readonly Provider[];
  /** Default: none, and then `fixed` must not be empty. */
  readonly drivers?: OpenDrivers | undefined;
  onState(state: DiscoveryState): void;
};

/** Finds hosts as a Beacon says, and goes over to what it says next without a restart. */
export interface Discovery {
  /** The Beacon as it is now. */
  take(beacon: Beacon): void;
  run(signal: AbortSignal): Promise<void>;
}

const defaultIntervalMs = 60_000;

class SpecDiscovery implements Discovery {
  readonly #options: DiscoveryOptions;
  readonly #changed = createBell();
  #spec: DiscoverySpec | undefined;
  #refresh: string | undefined;
  #session = new AbortController();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    if (options.fixed.length > 0) this.#spec = {};
  }

  take(beacon: Beacon): void {
    const refresh = beacon.metadata.annotations?.[annotation.refresh];
    const spec = discoverySpecOf(beacon.spec);
    // A refresh begins anew, too: a cloud may be at home by now.
    const isSame = equalJson(spec, this.#spec) && refresh === this.#refresh;
    [this.#spec, this.#refresh] = [spec, refresh];
    if (isSame) return;
    this.#session.abort();
    this.#changed.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#spec === undefined) await this.#changed.wait(signal);
      if (signal.aborted || this.#spec === undefined) continue;
      this.#session = new AbortController();
      await this.#follow(this.#spec, AbortSignal.any([signal, this.#session.signal]));
    }
  }

  async #providers(spec: DiscoverySpec, signal: AbortSignal): Promise<readonly Provider[]> {
    const { client, drivers, fixed, log } = this.#options;
    if (fixed.length > 0) return fixed;
    const read = (until: AbortSignal): Promise<Credentials> => readCredentials(client, spec, until);
    const chosen = await choose(drivers?.(spec, read) ?? [], signal);
    if (chosen !== undefined) log.info({ provider: chosen.name }, "finding hosts");
    return chosen === undefined ? [] : [chosen];
  }

  async #follow(spec: DiscoverySpec, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const providers = await this.#providers(spec, signal);
    const sightings = new Map<string, Sighting>();
    const sets = new Map<string, readonly DockerHost[]>();
    const intervalMs = durationMs(spec.interval, defaultIntervalMs);
    const one = async (provider: Provider): Promise<void> => {
      const bell = createBell();
      for await (const sighting of follow(provider, { clock, intervalMs, bell, signal })) {
        sightings.set(provider.name, sighting);
        if (sighting.hosts !== undefined) sets.set(provider.name, sighting.hosts);
        else log.warn({ provider: provider.name, ...sighting.trouble }, "cannot find hosts");
        this.#tell(providers, sightings, sets);
      }
    };
    await Promise.all([
      ...providers.map(one),
      ...(providers.length === 0 ? [pause(defaultIntervalMs, { clock, signal })] : []),
    ]);
  }

  #tell(
    providers: readonly Provider[],
    sightings: ReadonlyMap<string, Sighting>,
    sets: ReadonlyMap<string, readonly DockerHost[]>,
  ): void {
    this.#options.onState({
      providers: providers.map(({ name }) => name),
      hosts: [...sets.values()].flat(),
      isWhole: providers.every(({ name }) => sets.has(name)),
      troubles: [...sightings.values()].flatMap(({ trouble }) => trouble ?? []),
    });
  }
}

/** Discovery that is yet to run. */
export function createDiscovery(options: DiscoveryOptions): Discovery {
  return new SpecDiscovery(options);
}
