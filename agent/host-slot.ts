import type { EngineInfo } from "./engine/engine.ts";
import { type FoundHost, type HostDeps, type RunningHost, startHost } from "./host.ts";
import { pause, persist } from "./persist.ts";

/** One found host over all its lives: away, there, replaced by another engine, there again. */
export interface HostSlot {
  /** Its Node, or its endpoint while there is none. */
  readonly name: string;
  readonly isLive: boolean;
  /** Why it is not there; empty when it is. */
  readonly why: string;
  /** metadata.name of its Node while it runs. */
  readonly nodeName: string | undefined;
  /** Something beside pods changed, such as labels: write the Node anew. */
  refresh(): void;
  /** Runs the host again and again until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** What the slots of one agent share. */
export type SlotDeps = HostDeps & {
  /** Engine ID to endpoint: one engine is one Node, however often it is found. */
  readonly engines: Map<string, string>;
};

const retryMs = 2_000;
const twinMs = 10_000;

class Slot implements HostSlot {
  readonly #found: FoundHost;
  readonly #deps: SlotDeps;
  #running: RunningHost | undefined;
  #why = "not yet asked";

  constructor(found: FoundHost, deps: SlotDeps) {
    this.#found = found;
    this.#deps = deps;
  }

  get name(): string {
    return this.#running?.nodeName ?? this.#found.engine.endpoint;
  }

  get nodeName(): string | undefined {
    return this.#running?.nodeName;
  }

  get isLive(): boolean {
    return this.#running?.isLive() ?? false;
  }

  get why(): string {
    return this.#why;
  }

  refresh(): void {
    this.#running?.refresh();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { engines, log, clock } = this.#deps;
    const { endpoint } = this.#found.engine;
    while (!signal.aborted) {
      const info = await this.#connect(signal);
      if (info === undefined) return;
      const twin = engines.get(info.id);
      if (twin !== undefined) {
        this.#why = `it is the same engine as ${twin}`;
        log.debug({ endpoint, twin }, "the engine is run by another endpoint");
        await pause(twinMs, { clock, signal });
        continue;
      }
      engines.set(info.id, endpoint);
      await this.#runOnce(info, signal);
      engines.delete(info.id);
    }
  }

  async #runOnce(info: EngineInfo, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#deps;
    const { endpoint } = this.#found.engine;
    try {
      this.#running = await startHost(this.#found, this.#deps, info, signal);
      this.#why = "";
      log.info({ node: this.#running.nodeName, endpoint }, "running a Docker host");
      await this.#running.done;
    } catch (err) {
      if (signal.aborted) return;
      this.#why = err instanceof Error ? err.message : String(err);
      log.warn({ err, endpoint }, "cannot run host; trying again");
      await pause(retryMs, { clock, signal });
    } finally {
      this.#running = undefined;
      this.#deps.onLiveness();
    }
  }

  /** Waits for the engine, and says at its Node and Beacon that it does not answer. */
  #connect(signal: AbortSignal): Promise<EngineInfo | undefined> {
    const { engine } = this.#found;
    const persistence = { ...this.#deps, signal };
    return persist(`reach Docker engine at ${engine.endpoint}`, persistence, async () => {
      try {
        return await engine.info(signal);
      } catch (err) {
        this.#why = err instanceof Error ? err.message : String(err);
        this.#deps.onLiveness();
        await this.#tellLost(signal);
        throw err;
      }
    });
  }

  async #tellLost(signal: AbortSignal): Promise<void> {
    const { endpoint } = this.#found.engine;
    const { log, registry } = this.#deps;
    try {
      const name = await registry.knownAt(endpoint, signal);
      if (name !== undefined) await registry.reportLost(name, endpoint, this.#why, signal);
    } catch (err) {
      if (!signal.aborted) log.warn({ err, endpoint }, "cannot report a lost engine");
    }
  }
}

/** A host that is yet to run. */
export function createHostSlot(found: FoundHost, deps: SlotDeps): HostSlot {
  return new Slot(found, deps);
}
