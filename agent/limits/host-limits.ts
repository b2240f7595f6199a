import type { Client } from "../../api/client/client.ts";
import type { Cache } from "../../api/client/informer.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { parseQuantity, wholeUnits } from "../../api/machinery/quantity.ts";
import type { Log, Recorder } from "../../controllers/runtime/reconciler.ts";
import { podReason } from "../../crds/conditions.ts";
import { annotation, containerLabel } from "../../crds/labels.ts";
import type { Offer } from "../../crds/types.gen.ts";
import type { Engine, EngineEvent } from "../engine/engine.ts";
import { hostPlace } from "../host-address.ts";
import { type HostFacts, nodeAllocatable, nodeOffer, type NodeReport } from "../node.ts";
import { pause } from "../persist.ts";
import type { OnPulled } from "../pods/image-store.ts";
import type { Inventory } from "../pods/inventory.ts";
import { type CpuKeeper, createCpuKeeper } from "./cpu-keeper.ts";
import { plainCpus } from "./cpu-plan.ts";
import { readTopology } from "./cpu-topology.ts";
import { canLimitDisk, readMounts } from "./disk-quota.ts";
import { createEvictions, type Evictions } from "./evictions.ts";
import { createMachineWatch, type MachineWatch } from "./machine-watch.ts";
import { createShaper, type Shaper } from "./shaper.ts";
import { surplusPods } from "./shortage.ts";
import type { StartLimits } from "./start-limits.ts";
import { createStorageWatch, type StorageWatch } from "./storage-watch.ts";

/** Everything that keeps the pods of one host within what they, and its owner, asked for. */
export interface HostLimits extends StartLimits {
  readonly evictions: Evictions;
  /** Takes a change of the engine in. */
  take(event: EngineEvent): void;
  /** A pull of ours ended. */
  readonly onPulled: OnPulled;
  /** What its Node is to say of the machine; `undefined` before the first look. */
  report(): NodeReport | undefined;
  /** Watches until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** What the limits of one host need. */
export type HostLimitsOptions = {
  readonly engine: Engine;
  readonly client: Client;
  readonly inventory: Inventory;
  /** metadata.uid of the Namespace kube-system. */
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly nodeName: string;
  /** The pods of the host. */
  readonly cache: Cache<Pod>;
  /** What its Node is registered with. */
  facts(): HostFacts;
  /** Whether its engine answers. */
  isLive(): boolean;
  /** Whether people asked for no changes on it. */
  isPaused(): boolean;
  /** The report has changed: write the Node anew. */
  onReport(): void;
  /** A pod was told to go: work on it. */
  onEvict(pod: Pod): void;
};

const defaultCheckSeconds = 30;
const longestPauseMs = 5_000;

class Limits implements HostLimits {
  readonly evictions: Evictions;
  readonly #options: HostLimitsOptions;
  readonly #isLocal: boolean;
  readonly #cpus: CpuKeeper;
  readonly #watch: StorageWatch;
  readonly #shaper: Shaper;
  readonly #machine: MachineWatch;
  readonly onPulled: OnPulled;
  /** Up to a fifth less, so that the hosts of one agent do not all walk their disks at once. */
  readonly #jitter = 1 - Math.random() / 5;
  #hasDiskQuota = false;
  #signal = AbortSignal.abort();

  constructor(options: HostLimitsOptions) {
    const { engine } = options;
    this.#options = options;
    this.#isLocal = hostPlace(engine.endpoint).isLocal;
    this.evictions = createEvictions((pod) => options.onEvict(pod));
    this.#cpus = createCpuKeeper({
      ...options,
      topology: async () => {
        const { cpus } = options.facts().info;
        return this.#isLocal ? readTopology(cpus) : plainCpus(cpus);
      },
      shared: () => Math.max(1, reservedCpus(this.#offer())),
    });
    this.#shaper = createShaper({
      ...options,
      isLocal: this.#isLocal,
      isSimulated: () => options.facts().info.simulated,
    });
    this.#machine = createMachineWatch({
      ...options,
      isLocal: this.#isLocal,
      pods: () => options.cache.list(),
      storage: () => options.facts().offers?.storage,
    });
    this.onPulled = (...pulled) => this.#machine.images.claim(...pulled);
    this.#watch = createStorageWatch({
      ...options,
      evictions: this.evictions,
      isLocal: this.#isLocal,
      pods: () => options.cache.list(),
    });
  }

  #offer(): Offer {
    return nodeOffer(this.#options.nodeName, this.#options.facts());
  }

  report(): NodeReport | undefined {
    return this.#machine.report();
  }

  policy(): ReturnType<StartLimits["policy"]> {
    return {
      cpus: this.#options.facts().info.cpus,
      cpuManagerPolicy: this.#offer().cpuManagerPolicy ?? "None",
      hasDiskQuota: this.#hasDiskQuota,
    };
  }

  beforeStart(
    ...[pod, starter, signal]: Parameters<StartLimits["beforeStart"]>
  ): Promise<() => void> {
    const { cpuManagerPolicy } = this.policy();
    const asks = pod.metadata.annotations?.[annotation.exclusiveCpus] === "true";
    const mayHave = asks || cpuManagerPolicy === "Static";
    return this.#cpus.admit({ ...starter, mayHave }, signal);
  }

  afterStart(...[pod, starter, signal]: Parameters<StartLimits["afterStart"]>): Promise<void> {
    return this.#shaper.shape(pod, starter, signal);
  }

  take(event: EngineEvent): void {
    this.#shaper.take(event);
    if (event.type === "resync" || isStart(event))
      this.#doing("limit bandwidth", () => this.#shapeOf(event));
    if (event.type === "resync") this.#doing("look at storage", () => this.#learnQuota());
    if (event.type === "resync" || this.#cpus.isNews(event))
      this.#doing("share out CPUs", () => this.#cpus.settle(this.#signal));
  }

  /** Ours were limited when we started them; those that somebody else started are found here. */
  async #shapeOf(event: EngineEvent): Promise<void> {
    const pods = this.#options.cache.list();
    const uid = event.type === "container" ? event.attributes[containerLabel.podUid] : undefined;
    const concerned = uid === undefined ? pods : pods.filter((pod) => pod.metadata.uid === uid);
    await this.#shaper.shapeAll(concerned, this.#signal);
  }

  /** What is not done now is done at the next event or look; whoever calls does not wait. */
  #doing(what: string, work: () => Promise<void>): void {
    const { log, nodeName: node } = this.#options;
    if (this.#options.isPaused() || this.#signal.aborted) return;
    work().catch((err: unknown) => {
      if (!this.#signal.aborted) log.warn({ err, node }, `cannot ${what}`);
    });
  }

  async #learnQuota(): Promise<void> {
    const storage = await this.#options.engine.upkeep.storage(this.#signal);
    this.#hasDiskQuota = canLimitDisk(storage, this.#isLocal ? await readMounts() : "");
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, nodeName: node } = this.#options;
    this.#signal = signal;
    this.take({ type: "resync" });
    this.#doing("look at the machine", () => this.#machine.look(signal));
    for (let lookedMs = clock.nowMs(); !signal.aborted;) {
      await pause(this.#untilLook(lookedMs), { clock, signal });
      // The offer may have been changed meanwhile: what is due is judged anew.
      if (signal.aborted || this.#untilLook(lookedMs) > 0) continue;
      lookedMs = clock.nowMs();
      if (!this.#options.isLive()) continue;
      await this.#machine.look(signal).catch((err: unknown) => {
        if (!signal.aborted) log.warn({ err, node }, "cannot look at the machine");
      });
      if (this.#options.isPaused()) continue;
      this.#endSurplus();
      await this.#watch.look(signal).catch((err: unknown) => {
        if (!signal.aborted) log.warn({ err, node }, "cannot measure what containers wrote");
      });
    }
  }

  /** Milliseconds until the next look, in steps so that another interval counts soon. */
  #untilLook(lookedMs: number): number {
    const { storage } = this.#options.facts().offers ?? {};
    const seconds = storage?.checkSeconds ?? defaultCheckSeconds;
    const dueMs = lookedMs + seconds * 1000 * this.#jitter;
    return Math.max(0, Math.min(longestPauseMs, dueMs - this.#options.clock.nowMs()));
  }

  /** Ends what does not fit any more, if the owner of the host wants it so. */
  #endSurplus(): void {
    const { cache, recorder, nodeName } = this.#options;
    if (this.#offer().onShortage !== "Evict") return;
    const allocatable = nodeAllocatable(nodeName, this.#options.facts());
    for (const { pod, resource } of surplusPods(cache.list(), allocatable)) {
      if (this.evictions.of(pod) !== undefined) continue;
      const message = `Node ${nodeName} lends out less ${resource} than its pods ask for`;
      recorder.event(pod, { type: "Warning", reason: podReason.evicted, message });
      this.evictions.evict(pod, { message });
    }
  }
}

const isStart = (event: EngineEvent): boolean =>
  event.type === "container" &&
  event.action === "start" &&
  event.attributes[containerLabel.podUid] !== undefined;

function reservedCpus({ reserved }: Offer): number {
  const parsed = parseQuantity(reserved?.cpu ?? "0");
  return parsed === undefined ? 0 : Number(wholeUnits(parsed));
}

/** The limits of one host; they hold at once, and are watched while `run` goes on. */
export function createHostLimits(options: HostLimitsOptions): HostLimits {
  return new Limits(options);
}
