import { equalJson } from "../api/machinery/equality.ts";
import { beaconReason } from "../crds/conditions.ts";
import type { DockerHost } from "./discovery/provider.ts";
import type { Engine } from "./engine/engine.ts";
import { createHostSlot, type HostSlot, type SlotDeps } from "./host-slot.ts";

/** A host that discovery shows now. */
type Entry = {
  /** As it is shown now; labels and taints may differ from those it began with. */
  shown: DockerHost;
  readonly endpoint: string;
  readonly slot: HostSlot;
  readonly end: AbortController;
  readonly done: Promise<void>;
};

/** What the hosts of an agent are run with. */
export type HostSetOptions = {
  readonly open: (host: DockerHost) => Engine;
  readonly deps: SlotDeps;
  readonly signal: AbortSignal;
};

/** The hosts that an agent runs: begun and ended as discovery shows them. */
export interface HostSet {
  readonly slots: readonly HostSlot[];
  /** Where the engines of the shown hosts are reached, as Nodes carry it. */
  readonly endpoints: ReadonlySet<string>;
  /** Takes over what discovery shows; of a set that is not whole nobody is missing. */
  show(hosts: readonly DockerHost[], isWhole: boolean): void;
  /** Resolves when all have ended. */
  ended(): Promise<void>;
}

/** How an engine is reached: another way means another connection. */
function wayTo({ url, certDir, tls, ssh, provider }: DockerHost): object {
  return { url, certDir: certDir ?? "", tls: tls ?? {}, ssh: ssh ?? {}, provider };
}

class OpenHosts implements HostSet {
  readonly #options: HostSetOptions;
  /** By URL. */
  readonly #entries = new Map<string, Entry>();
  readonly #ending = new Set<Promise<void>>();

  constructor(options: HostSetOptions) {
    this.#options = options;
  }

  get slots(): readonly HostSlot[] {
    return [...this.#entries.values()].map(({ slot }) => slot);
  }

  get endpoints(): ReadonlySet<string> {
    return new Set([...this.#entries.values()].map(({ endpoint }) => endpoint));
  }

  show(hosts: readonly DockerHost[], isWhole: boolean): void {
    const urls = new Set(hosts.map(({ url }) => url));
    if (isWhole) for (const url of this.#entries.keys()) if (!urls.has(url)) void this.#end(url);
    for (const host of hosts) this.#showOne(host);
  }

  #showOne(host: DockerHost): void {
    const entry = this.#entries.get(host.url);
    if (entry === undefined) {
      this.#begin(host, Promise.resolve());
    } else if (!equalJson(wayTo(host), wayTo(entry.shown))) {
      this.#begin(host, this.#end(host.url));
    } else if (!equalJson(host, entry.shown)) {
      entry.shown = host;
      entry.slot.refresh();
    }
  }

  async #end(url: string): Promise<void> {
    const entry = this.#entries.get(url);
    if (entry === undefined) return;
    this.#entries.delete(url);
    entry.end.abort();
    this.#ending.add(entry.done);
    await entry.done;
    this.#ending.delete(entry.done);
  }

  /** Begins once `before`, an earlier connection to the same engine, has ended. */
  #begin(host: DockerHost, before: Promise<void>): void {
    const { deps, signal } = this.#options;
    const engine = this.#open(host);
    if (engine === undefined) return;
    const end = new AbortController();
    const shown = (): DockerHost => entry.shown;
    const slot = createHostSlot({ engine, shown }, deps);
    const run = async (): Promise<void> => {
      try {
        await before;
        await slot.run(AbortSignal.any([signal, end.signal]));
      } finally {
        await engine[Symbol.asyncDispose]();
      }
    };
    const entry: Entry = { shown: host, endpoint: engine.endpoint, slot, end, done: run() };
    this.#entries.set(host.url, entry);
  }

  /** One host that cannot be opened must not keep the others from running. */
  #open(host: DockerHost): Engine | undefined {
    const { deps, open } = this.#options;
    try {
      return open(host);
    } catch (err) {
      const { url } = host;
      deps.log.warn({ err, url }, "cannot open a host that discovery shows");
      deps.warn(beaconReason.configInvalid, err instanceof Error ? err.message : String(err));
      return undefined;
    }
  }

  async ended(): Promise<void> {
    const open = [...this.#entries.values()].map(({ done }) => done);
    await Promise.all([...open, ...this.#ending]);
  }
}

/** A set without hosts yet. */
export function createHostSet(options: HostSetOptions): HostSet {
  return new OpenHosts(options);
}
