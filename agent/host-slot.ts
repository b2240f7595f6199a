import { isConflict, isForbidden } from "../api/machinery/errors.ts";
import { beaconReason, nodeReason } from "../crds/conditions.ts";
import type { EngineInfo } from "./engine/engine.ts";
import { silenceOf } from "./engine/trouble.ts";
import { type FoundHost, type HostDeps, type RunningHost, startHost } from "./host.ts";
import type { Silence } from "./node.ts";
import { pause, persist } from "./persist.ts";

/** One found host over all its lives: away, there, replaced by another engine, there again. */
export interface HostSlot {
  /** Its Node, or its endpoint while there is none. */
  readonly name: string;
  readonly isLive: boolean;
  /** Why it is not there; empty when it is. */
  readonly why: string;
  /** Names the host whose engine has the same ID, if it is not used for that. */
  readonly duplicate: string | undefined;
  /** Whether its engine has answered, or failed to, at least once. */
  readonly isSettled: boolean;
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
  /** Whether discovery shows a host at that endpoint. */
  isShown(endpoint: string): boolean;
  /** Tells people of something about the hosts of this beacon, as an Event. */
  warn(reason: string, message: string): void;
};

const retryMs = 2_000;
const twinMs = 10_000;
/** How long the host that had a Node before may keep another with its Engine ID waiting. */
const courtesyMs = 5_000;
const courtesyStepMs = 100;

function sameEngine(twin: string, id: string): string {
  return (
    `it is the same engine as ${twin} by its ID ${id}; if these are two machines, one is a clone: ` +
    `remove /etc/docker/key.json and /var/lib/docker/engine-id there and restart Docker`
  );
}

class Slot implements HostSlot {
  readonly #found: FoundHost;
  readonly #deps: SlotDeps;
  #running: RunningHost | undefined;
  #silence: Silence | undefined = {
    reason: nodeReason.engineUnreachable,
    message: "not yet asked",
  };
  #isSettled = false;
  #duplicate: string | undefined;

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
    return this.#silence?.message ?? "";
  }

  get duplicate(): string | undefined {
    return this.#duplicate;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  refresh(): void {
    this.#running?.refresh();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { engines, clock } = this.#deps;
    const { endpoint } = this.#found.engine;
    while (!signal.aborted) {
      const info = await this.#connect(signal);
      if (info === undefined) return;
      await this.#giveWay(info, signal);
      const twin = engines.get(info.id);
      if (twin !== undefined) {
        this.#meetTwin(twin, info);
        await pause(twinMs, { clock, signal });
        continue;
      }
      this.#duplicate = undefined;
      engines.set(info.id, endpoint);
      await this.#runOnce(info, signal);
      engines.delete(info.id);
    }
  }

  /** Of two hosts with one Engine ID, the one that had the Node keeps it over a restart of ours. */
  async #giveWay({ id }: EngineInfo, signal: AbortSignal): Promise<void> {
    const { clock, engines, log, registry } = this.#deps;
    const { endpoint } = this.#found.engine;
    try {
      const holder = await registry.endpointOf(id);
      const isOther = holder !== undefined && holder !== endpoint && this.#deps.isShown(holder);
      if (!isOther) return;
      const untilMs = clock.nowMs() + courtesyMs;
      while (!engines.has(id) && clock.nowMs() < untilMs && !signal.aborted)
        await pause(courtesyStepMs, { clock, signal });
    } catch (err) {
      if (!signal.aborted) log.warn({ err, endpoint }, "cannot read who had the Node");
    }
  }

  #meetTwin(twin: string, { id }: EngineInfo): void {
    const deps = this.#deps;
    const { endpoint } = this.#found.engine;
    const message = sameEngine(twin, id);
    this.#silence = { reason: nodeReason.engineUnreachable, message };
    this.#isSettled = true;
    const told = `Docker engine at ${endpoint} is not used: ${message}`;
    if (this.#duplicate === told) return;
    this.#duplicate = told;
    deps.log.warn({ endpoint, twin }, "the engine is run by another endpoint");
    deps.warn(beaconReason.sameEngineId, told);
    deps.onLiveness();
  }

  async #runOnce(info: EngineInfo, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#deps;
    const { endpoint } = this.#found.engine;
    try {
      this.#running = await startHost(this.#found, this.#deps, info, signal);
      this.#silence = undefined;
      this.#isSettled = true;
      log.info({ node: this.#running.nodeName, endpoint }, "running a Docker host");
      await this.#running.done;
    } catch (err) {
      if (signal.aborted) return;
      this.#silence = silenceOf(err);
      this.#isSettled = true;
      const isRefused = isConflict(err) || isForbidden(err);
      if (isRefused) this.#deps.warn(beaconReason.hostRefused, this.#silence.message);
      log.warn({ err, endpoint }, "cannot run host; trying again");
      await pause(isRefused ? twinMs : retryMs, { clock, signal });
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
        this.#silence = silenceOf(err);
        this.#isSettled = true;
        this.#deps.onLiveness();
        await this.#tellLost(this.#silence, signal);
        throw err;
      }
    });
  }

  async #tellLost(silence: Silence, signal: AbortSignal): Promise<void> {
    const { endpoint } = this.#found.engine;
    const { log, registry } = this.#deps;
    try {
      const name = await registry.knownAt(endpoint, signal);
      if (name !== undefined) await registry.reportLost(name, silence, signal);
    } catch (err) {
      if (!signal.aborted) log.warn({ err, endpoint }, "cannot report a lost engine");
    }
  }
}

/** A host that is yet to run. */
export function createHostSlot(found: FoundHost, deps: SlotDeps): HostSlot {
  return new Slot(found, deps);
}
