import type { Clock } from "../../api/machinery/clock.ts";
import { isAlreadyExists, isNotFound } from "../../api/machinery/errors.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { containerLabel } from "../../crds/labels.ts";
import type { Engine, EngineEvent } from "../engine/engine.ts";
import { within } from "../engine/within.ts";
import type { RelayImage } from "./relay-program.ts";
import { relayName, relayOf, relaySpec, type RootRun, rootOfRelay } from "./relay-spec.ts";

/**
 * Containers of ours in the networks of pods on one engine, one each, made when a port is first asked
 * for. They go with the container whose network they joined.
 */
export interface Relays {
  /** Id of the running relay of a network. The work goes on when `signal` aborts.
   * @throws Error when this engine cannot have one, or StatusError when it does not take it */
  of(pod: Pod, root: RootRun, signal: AbortSignal): Promise<string>;
  /** The relay of that network does not do: make another one. */
  forget(root: RootRun): void;
  /** Removes relays whose network is gone. */
  take(event: EngineEvent): void;
  /** Removes what a crash or a gap left behind, and knows the others again. */
  sweep(signal: AbortSignal): Promise<void>;
}

/** What relays of one engine rest on. */
export type RelaysOptions = {
  readonly engine: Engine;
  /** metadata.uid of the Namespace kube-system. */
  readonly cluster: string;
  readonly log: Log;
  readonly clock: Clock;
  /** What they run. @throws Error when there is no such program on this machine */
  image(): Promise<RelayImage>;
};

/** Longer than any engine in use takes; a relay is no reason to wait for one that hangs. */
const makeMs = 60_000;
const troubleMs = 60_000;
const retryMs = 5_000;

type Known = {
  readonly run: string;
  readonly id: Promise<string>;
  /** Until when a failure is not tried again; milliseconds since the epoch, our clock. */
  untilMs: number;
};

class EngineRelays implements Relays {
  readonly #options: RelaysOptions;
  /** By id of the container that has the network. */
  readonly #known = new Map<string, Known>();
  #image: Promise<string> | undefined;
  #imageUntilMs = 0;

  constructor(options: RelaysOptions) {
    this.#options = options;
  }

  async of(pod: Pod, root: RootRun, signal: AbortSignal): Promise<string> {
    const { clock } = this.#options;
    const known = this.#known.get(root.id);
    if (known?.run === relayOf(root) && clock.nowMs() < known.untilMs)
      return within(known.id, signal);
    const id = this.#make(pod, root, AbortSignal.timeout(makeMs));
    const mine: Known = { run: relayOf(root), id, untilMs: Number.POSITIVE_INFINITY };
    this.#known.set(root.id, mine);
    id.catch(() => {
      mine.untilMs = clock.nowMs() + retryMs;
    });
    return within(id, signal);
  }

  forget({ id }: RootRun): void {
    this.#known.delete(id);
  }

  async #make(pod: Pod, root: RootRun, signal: AbortSignal): Promise<string> {
    try {
      return await this.#start(pod, root, signal);
    } catch (err) {
      if (!isNotFound(err) && !isAlreadyExists(err)) throw err;
      // Somebody pruned the image, or a relay of an earlier run is in the way.
      this.#image = undefined;
      await this.#options.engine.containers.remove(relayName(root), { force: true }, signal);
      return this.#start(pod, root, signal);
    }
  }

  async #start(pod: Pod, root: RootRun, signal: AbortSignal): Promise<string> {
    const { engine, cluster } = this.#options;
    const image = await this.#imageHere(signal);
    const spec = relaySpec(pod, root, { image, cluster });
    const id = await engine.containers.create(relayName(root), spec, signal);
    try {
      await engine.containers.start(id, signal);
      return id;
    } catch (err) {
      await this.#remove(id, signal); // one that never ran does not remove itself
      throw err;
    }
  }

  /** The image on the engine. Why there is none is remembered for a while: probes ask each second. */
  #imageHere(signal: AbortSignal): Promise<string> {
    const { clock } = this.#options;
    if (this.#image !== undefined && clock.nowMs() < this.#imageUntilMs) return this.#image;
    const image = this.#bring(signal);
    this.#image = image;
    this.#imageUntilMs = Number.POSITIVE_INFINITY;
    image.catch(() => {
      if (this.#image === image) this.#imageUntilMs = clock.nowMs() + troubleMs;
    });
    return image;
  }

  /** Brings the image if the engine has it not. */
  async #bring(signal: AbortSignal): Promise<string> {
    const { engine } = this.#options;
    const { reference, arch, archive } = await this.#options.image();
    const info = await engine.info(signal);
    if (info.arch !== arch || info.os !== "linux")
      throw new Error(`the relay is for linux/${arch}, the engine runs ${info.os}/${info.arch}`);
    if ((await engine.images.inspect(reference, signal)) === undefined)
      await engine.images.import(reference, archive, ["ENV PATH=/bin"], signal);
    return reference;
  }

  take(event: EngineEvent): void {
    if (event.type !== "container" || !["die", "destroy"].includes(event.action)) return;
    const root = rootOfRelay(event.attributes);
    if (root !== undefined) {
      if (this.#known.get(root.id)?.run === relayOf(root)) this.#known.delete(root.id);
      return;
    }
    if (!this.#known.delete(event.id)) return;
    // Never rejects: what stays is swept.
    void this.#remove(relayName({ id: event.id }), AbortSignal.timeout(makeMs));
  }

  async #remove(name: string, signal: AbortSignal): Promise<void> {
    const { engine, log } = this.#options;
    await engine.containers
      .remove(name, { force: true }, signal)
      .catch((err: unknown) => log.warn({ err, name }, "cannot remove relay"));
  }

  async sweep(signal: AbortSignal): Promise<void> {
    const { engine, cluster } = this.#options;
    const labels = { [containerLabel.cluster]: cluster, [containerLabel.relayOf]: "" };
    for (const relay of await engine.containers.list(labels, signal)) {
      const root = rootOfRelay(relay.labels);
      if (root === undefined || this.#known.get(root.id)?.run === relayOf(root)) continue;
      const held = await engine.containers.inspect(root.id, signal);
      const isSame = held?.state.pid !== 0 && held?.state.startedAtMs === root.startedAtMs;
      if (isSame && relay.phase === "running")
        this.#known.set(root.id, {
          run: relayOf(root),
          id: Promise.resolve(relay.id),
          untilMs: Number.POSITIVE_INFINITY,
        });
      else await this.#remove(relay.id, signal);
    }
  }
}

/** The relays of one engine; none is made before it is asked for. */
export function createRelays(options: RelaysOptions): Relays {
  return new EngineRelays(options);
}
