import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { isNotFound } from "../api/machinery/errors.ts";
import { type Node, nodes } from "../api/machinery/resources.ts";
import type { Log, Recorder } from "../controllers/runtime/reconciler.ts";
import { beaconReason, nodeReason } from "../crds/conditions.ts";
import { annotation } from "../crds/labels.ts";
import { type Bell, createBell } from "./discovery/bell.ts";
import type { NodeRegistry } from "./node-registry.ts";
import { pause } from "./persist.ts";
import { type KnownNode, planVanished, type Seen } from "./vanished-plan.ts";

/** What the watch over vanished hosts needs. */
export type VanishedDeps = {
  readonly client: Client;
  readonly registry: NodeRegistry;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells people of something about the hosts of this beacon, as an Event. */
  warn(reason: string, message: string): void;
  /** What is shown and run now; `undefined` while discovery has not told a whole set. */
  sight(): Omit<Seen, "nodes"> | undefined;
};

/** Watches over Nodes whose host discovery shows no more. */
export interface VanishedWatch {
  /** Something changed that may matter. */
  wake(): void;
  run(signal: AbortSignal): Promise<void>;
}

const retryMs = 5_000;
/** Hundreds of hosts settle together at the start: one look at all Nodes does for many of them. */
const calmMs = 200;

function knownNode({ metadata, status }: Node): KnownNode {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const endpoint = metadata.annotations?.[annotation.endpoint];
  return {
    name: metadata.name,
    ...(endpoint === undefined ? {} : { endpoint }),
    isTold: ready?.status === "Unknown" && ready.reason === nodeReason.hostVanished,
    sinceMs: Date.parse(ready?.lastTransitionTime ?? metadata.creationTimestamp),
  };
}

class Watch implements VanishedWatch {
  readonly #deps: VanishedDeps;
  readonly #bell: Bell = createBell();

  constructor(deps: VanishedDeps) {
    this.#deps = deps;
  }

  wake(): void {
    this.#bell.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    while (!signal.aborted) {
      const againMs = await this.#pass().catch((err: unknown) => {
        if (!signal.aborted) log.warn({ err }, "cannot see to Nodes of vanished hosts");
        return retryMs;
      });
      await this.#rest(againMs, { clock, signal });
      await pause(calmMs, { clock, signal });
    }
  }

  async #rest(ms: number | undefined, wait: { clock: Clock; signal: AbortSignal }): Promise<void> {
    const end = new AbortController();
    const signal = AbortSignal.any([wait.signal, end.signal]);
    const slept = ms === undefined ? undefined : pause(ms, { ...wait, signal });
    const rung = this.#bell.wait(signal);
    await (slept === undefined ? rung : Promise.race([slept, rung]));
    end.abort();
    await slept;
  }

  async #pass(): Promise<number | undefined> {
    const { clock, registry } = this.#deps;
    if (this.#deps.sight() === undefined) return undefined;
    const own = await registry.own();
    const sighted = this.#deps.sight(); // as it is after the read: a host may have come meanwhile
    if (sighted === undefined) return undefined;
    const plan = planVanished({ ...sighted, nodes: own.map(knownNode) }, clock.nowMs());
    const named = (names: readonly string[]): readonly Node[] =>
      own.filter(({ metadata }) => names.includes(metadata.name));
    for (const node of named(plan.tell)) await this.#tell(node);
    for (const node of named(plan.remove)) await this.#remove(node);
    if (plan.tell.length > 0) this.wake(); // the time until their removal begins now
    return plan.againMs;
  }

  async #tell(node: Node): Promise<void> {
    const { log, recorder, registry } = this.#deps;
    const { name, annotations = {} } = node.metadata;
    const message = `Discovery no longer shows the host at ${annotations[annotation.endpoint] ?? ""}`;
    if (!(await registry.reportVanished(node, message))) return;
    log.warn({ node: name }, "a host has vanished");
    recorder.event(node, { type: "Warning", reason: nodeReason.hostVanished, message });
  }

  async #remove(node: Node): Promise<void> {
    const { client, log } = this.#deps;
    const { name, uid } = node.metadata;
    try {
      await client.delete(nodes, { name }, { preconditions: { uid } });
    } catch (err) {
      if (!isNotFound(err)) throw err;
      return;
    }
    const message = `Deleted Node ${name}: its host has vanished for longer than spec.vanished.after of its Beacon`;
    log.info({ node: name }, "deleted the Node of a vanished host");
    this.#deps.warn(beaconReason.nodeDeleted, message); // its Node cannot carry it any more
  }
}

/** A watch that is yet to run. */
export function createVanishedWatch(deps: VanishedDeps): VanishedWatch {
  return new Watch(deps);
}
