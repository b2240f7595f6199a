import type { Pod } from "../../api/machinery/resources.ts";
import type { Log, Recorder } from "../../controllers/runtime/reconciler.ts";
import type { Engine, EngineEvent } from "../engine/engine.ts";
import { networkRoot } from "../pods/containers.ts";
import type { Inventory } from "../pods/inventory.ts";
import { NotShapeable, shapeContainer } from "./bandwidth.ts";
import { type Shape, shapeOf } from "./bandwidth-plan.ts";
import type { Starter } from "./cpu-keeper.ts";

/** Limits the traffic of pods that ask for it, and says at the pod where that is not possible. */
export interface Shaper {
  /** After the start of a container. Never rejects. */
  shape(pod: Pod, starter: Starter, signal: AbortSignal): Promise<void>;
  /** Every pod anew: after a gap in which containers may have been started by others. */
  shapeAll(pods: readonly Pod[], signal: AbortSignal): Promise<void>;
  /** Takes in that a run is over: the next one has a cable of its own. */
  take(event: EngineEvent): void;
}

/** What a shaper needs of one host. */
export type ShaperOptions = {
  readonly engine: Engine;
  readonly inventory: Inventory;
  readonly recorder: Recorder;
  readonly log: Log;
  /** Whether the agent is on the engine's machine. */
  readonly isLocal: boolean;
  isSimulated(): boolean;
};

class HostShaper implements Shaper {
  readonly #options: ShaperOptions;
  /** Containers whose present run is limited, or was found not to be limitable. */
  readonly #done = new Set<string>();

  constructor(options: ShaperOptions) {
    this.#options = options;
  }

  async shape(pod: Pod, { id, name }: Starter, signal: AbortSignal): Promise<void> {
    const shape = shapeOf(pod);
    // The other containers share the network of the first one that stays.
    if (shape === undefined || name !== networkRoot(pod.spec) || this.#done.has(id)) return;
    this.#done.add(id);
    try {
      if ("problem" in shape) throw new NotShapeable(shape.problem);
      await this.#apply(pod, id, shape, signal);
    } catch (err) {
      if (signal.aborted) return;
      const { recorder, log } = this.#options;
      if (!(err instanceof NotShapeable))
        log.warn({ err, container: id }, "cannot limit bandwidth");
      const why = err instanceof Error ? err.message : String(err);
      const message = `Cannot limit the bandwidth of container ${name}: ${why}`;
      recorder.event(pod, { type: "Warning", reason: "BandwidthNotLimited", message });
    }
  }

  async #apply(pod: Pod, id: string, shape: Shape, signal: AbortSignal): Promise<void> {
    const { engine, isLocal } = this.#options;
    if (pod.spec.hostNetwork === true)
      throw new NotShapeable("the pod is on the network of its host");
    if (this.#options.isSimulated()) throw new NotShapeable("the engine is a simulated one");
    if (!isLocal) throw new NotShapeable("the agent is not on the machine of the engine");
    await shapeContainer(engine.upkeep, id, shape, signal);
  }

  async shapeAll(pods: readonly Pod[], signal: AbortSignal): Promise<void> {
    for (const pod of pods) {
      if (shapeOf(pod) === undefined) continue;
      const facts = await this.#options.inventory.of(pod.metadata.uid, signal);
      const running = facts.filter(({ state }) => state === "running");
      for (const { id, name } of running) await this.shape(pod, { id, name }, signal);
    }
  }

  take(event: EngineEvent): void {
    if (event.type === "resync") this.#done.clear();
    if (event.type === "container" && (event.action === "die" || event.action === "destroy"))
      this.#done.delete(event.id);
  }
}

/** The shaper of one host. */
export function createShaper(options: ShaperOptions): Shaper {
  return new HostShaper(options);
}
