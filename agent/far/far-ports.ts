import type { Duplex } from "node:stream";
import type { Clock } from "../../api/machinery/clock.ts";
import { isConflict, isForbidden, isNotFound } from "../../api/machinery/errors.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import type { Engine, EngineEvent } from "../engine/engine.ts";
import { createGate } from "../engine/gate.ts";
import { within } from "../engine/within.ts";
import { type ConnectMode, nothingListens, relayCommand, toolsCommand } from "./connect-scripts.ts";
import { openExecStream } from "./exec-stream.ts";
import { defaultRelayProgram, readRelayImage } from "./relay-program.ts";
import type { Patience } from "./patience.ts";
import type { RootRun } from "./relay-spec.ts";
import { createRelays, type Relays } from "./relays.ts";

/** A port in the network of a pod. */
export type FarPort = {
  readonly pod: Pod;
  /** The run whose network it is. */
  readonly root: RootRun;
  /** Address as that network sees it. */
  readonly host: string;
  readonly port: number;
  /** What else its user could do, e.g. `use an exec probe`. */
  readonly advice: string;
};

/**
 * Ports of the containers of an engine whose networks cannot be reached from here. In this order: an SSH
 * connection forwards; else a command in a relay of ours, or, where there can be none, in the container
 * itself with what its image has. Commands cost the engine, so few begin at once.
 */
export interface FarPorts {
  /** Connects. Both signals hold until then.
   * @throws Error that says in a few words why not; StatusError of the engine */
  open(port: FarPort, patience: Patience): Promise<Duplex>;
  /** Whether it could connect, at less cost. @throws as `open` does */
  touch(port: FarPort, patience: Patience): Promise<void>;
  /** Changes of the engine: relays go with their networks. */
  take(event: EngineEvent): void;
}

/** What far ports of one engine rest on. */
export type FarPortsOptions = {
  readonly engine: Engine;
  /** metadata.uid of the Namespace kube-system. */
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A static busybox on this machine; default `/bin/busybox`. */
  readonly relayProgram?: string | undefined;
};

const commandsAtOnce = 8;
const sweepMs = 60_000;

const wordsOf = (err: unknown): string => (err instanceof Error ? err.message : String(err));

class EngineFarPorts implements FarPorts {
  readonly #options: FarPortsOptions;
  readonly #relays: Relays;
  readonly #gate = createGate(commandsAtOnce);

  constructor(options: FarPortsOptions) {
    this.#options = options;
    const { relayProgram = defaultRelayProgram } = options;
    this.#relays = createRelays({ ...options, image: () => readRelayImage(relayProgram) });
  }

  open(port: FarPort, patience: Patience): Promise<Duplex> {
    return this.#connect("open", port, patience);
  }

  async touch(port: FarPort, patience: Patience): Promise<void> {
    (await this.#connect("touch", port, patience)).destroy();
  }

  async #connect(mode: ConnectMode, port: FarPort, patience: Patience): Promise<Duplex> {
    const forwarded = await this.#forward(port, patience);
    if (forwarded !== undefined) return forwarded;
    let why: unknown;
    try {
      await this.#relays.of(port.pod, port.root, patience.signal);
    } catch (err) {
      patience.signal.throwIfAborted();
      why = err;
    }
    if (why === undefined) return this.#byRelay(mode, port, patience);
    return this.#byTools(mode, port, { ...patience, why });
  }

  /** `undefined` where nobody forwards. */
  async #forward({ host, port }: FarPort, { begin }: Patience): Promise<Duplex | undefined> {
    const forward = this.#options.engine.forward?.({ host, port });
    if (forward === undefined) return undefined;
    try {
      const connection = await within(forward, begin());
      connection.on("error", () => undefined); // also before anybody listens
      return connection;
    } catch (err) {
      if (isForbidden(err)) return undefined;
      forward.then((late) => late.destroy()).catch(() => undefined); // the error was told
      throw err;
    }
  }

  async #byRelay(mode: ConnectMode, port: FarPort, patience: Patience): Promise<Duplex> {
    const command = relayCommand(mode, port);
    const attempt = async (): Promise<Duplex> => {
      const containerId = await this.#relays.of(port.pod, port.root, patience.signal);
      return this.#run(containerId, command, patience);
    };
    try {
      return await attempt();
    } catch (err) {
      if (!isNotFound(err) && !isConflict(err)) throw err;
      this.#relays.forget(port.root); // somebody removed or stopped it
      return attempt();
    }
  }

  #run(containerId: string, command: readonly string[], patience: Patience): Promise<Duplex> {
    const { engine } = this.#options;
    const run = () => openExecStream({ engine, containerId, command }, patience.begin());
    return this.#gate.enter(run, patience.signal);
  }

  async #byTools(
    mode: ConnectMode,
    port: FarPort,
    { why, ...patience }: Patience & { readonly why: unknown },
  ): Promise<Duplex> {
    try {
      return await this.#run(port.root.id, toolsCommand(mode, port), patience);
    } catch (err) {
      const words = wordsOf(err);
      if (patience.begin().aborted || words === nothingListens) throw err;
      throw new Error(
        `the engine is on another machine and has no relay (${wordsOf(why)}), nor could the container ` +
          `connect by itself (${words}); publish the port as hostPort, or ${port.advice}`,
        { cause: err },
      );
    }
  }

  take(event: EngineEvent): void {
    this.#relays.take(event);
    if (event.type !== "resync") return;
    // What could not be swept now is swept at the next gap; nobody waits for it.
    this.#relays
      .sweep(AbortSignal.timeout(sweepMs))
      .catch((err: unknown) => this.#options.log.warn({ err }, "cannot sweep relays"));
  }
}

/** The far ports of one engine. Does nothing before it is asked. */
export function createFarPorts(options: FarPortsOptions): FarPorts {
  return new EngineFarPorts(options);
}
