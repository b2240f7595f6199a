import type { Client } from "../api/client/client.ts";
import { createInformer } from "../api/client/shared-informer.ts";
import type { Cache, Change } from "../api/client/informer.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { type Pod, pods } from "../api/machinery/resources.ts";
import { keyOf } from "../api/machinery/object.ts";
import { runController } from "../controllers/runtime/controller.ts";
import type { Metrics } from "../controllers/runtime/metrics.ts";
import { createQueue, type Queue } from "../controllers/runtime/queue.ts";
import type { Log, Recorder } from "../controllers/runtime/reconciler.ts";
import type { DockerHost } from "./discovery/provider.ts";
import type { Engine, EngineEvent, EngineInfo } from "./engine/engine.ts";
import { isEngineRefusal } from "./engine/errors.ts";
import { silenceOf } from "./engine/trouble.ts";
import { reachesOf } from "./far/reaches.ts";
import { beat } from "./heartbeat.ts";
import { hostPlace } from "./host-address.ts";
import { engineDiskBytes, hostFacts } from "./host-facts.ts";
import { createHostLimits, type HostLimits } from "./limits/host-limits.ts";
import type { Offers } from "./limits/offer.ts";
import type { HostFacts, Silence } from "./node.ts";
import type { NodeRegistry } from "./node-registry.ts";
import { hostNetworks } from "./networks/host-networks.ts";
import type { PodNetworks } from "./networks/pod-networks.ts";
import { followPulse } from "./pulse.ts";
import type { ServedHost } from "./served-host.ts";
import { createImageStore, type ImageStore } from "./pods/image-store.ts";
import { createInventory, type Inventory } from "./pods/inventory.ts";
import {
  concernedKeys,
  createPodRuntime,
  replacesIndex,
  replacesValues,
} from "./pods/pod-runtime.ts";
import { createProber } from "./pods/prober.ts";
import type { Reacher } from "./pods/reach.ts";

/** A Docker host that discovery found. */
export type FoundHost = {
  readonly engine: Engine;
  /** As discovery shows it now: its labels and taints may change while it runs. */
  shown(): DockerHost;
};

/** What the hosts of one agent share. */
export type HostDeps = {
  readonly client: Client;
  readonly registry: NodeRegistry;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly metrics: Metrics;
  readonly beacon: string;
  readonly version: string;
  /** metadata.uid of the Namespace kube-system. */
  readonly cluster: string;
  /** Labels of the Beacon's spec.nodeLabels. */
  nodeLabels(): Readonly<Record<string, string>>;
  /** The Beacon's spec.offer, spec.offers and spec.storage. */
  offers(): Offers;
  /** The Beacon's spec.networkRange. */
  networkRange(): string | undefined;
  /** The Beacon's spec.paused. */
  isPaused(): boolean;
  /** Puts the host's streams on offer, until the returned function is called. */
  serve(nodeName: string, host: ServedHost): () => void;
  /** A static busybox for engines elsewhere; default `/bin/busybox`. */
  readonly relayProgram?: string | undefined;
  /** The host's engine began or ceased to answer. */
  onLiveness(): void;
  /** How often an engine is asked for a sign of life. Milliseconds, default 10 s. */
  readonly pulseMs?: number | undefined;
};

/** One engine while it has the identity that it was found with. */
export type RunningHost = {
  readonly nodeName: string;
  /** Whether its engine answers now. */
  isLive(): boolean;
  /** Something beside pods changed, such as labels: write the Node anew. */
  refresh(): void;
  /** Resolves when the signal aborted, or when another engine answers at the endpoint. */
  readonly done: Promise<void>;
};

const uidIndex = "uid";
const defaultPulseMs = 10_000;
const resyncMs = 300_000;
const retryMs = 2_000;
const infoTimeoutMs = 5_000;
/** One pod's slow stop must not keep another from its start; the engine's own gate bounds the work. */
const workers = 128;

class Host {
  readonly nodeName: string;
  readonly #found: FoundHost;
  readonly #deps: HostDeps;
  readonly #engineId: string;
  readonly #queue: Queue;
  readonly #inventory: Inventory;
  readonly #images: ImageStore;
  readonly #networks: PodNetworks;
  readonly #limits: HostLimits;
  readonly #reacher: Reacher;
  readonly #end: AbortController;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #informer;
  #info: EngineInfo;
  #diskBytes: number | undefined;
  // Kept: to ask a machine with hundreds of containers for its addresses takes milliseconds.
  #address: string;
  #answers = false;
  #liveSinceMs = 0;
  #lostAtMs: number | undefined;
  #synced = false;

  constructor(
    found: FoundHost,
    deps: HostDeps,
    start: { nodeName: string; info: EngineInfo },
    signal: AbortSignal,
  ) {
    this.#found = found;
    this.#deps = deps;
    this.nodeName = start.nodeName;
    this.#info = start.info;
    this.#engineId = start.info.id;
    this.#address = hostPlace(found.engine.endpoint).address;
    this.#end = new AbortController();
    signal.addEventListener("abort", () => this.#end.abort(signal.reason), { once: true });
    if (signal.aborted) this.#end.abort(signal.reason);
    const { client, clock, log } = deps;
    this.#queue = createQueue({ clock, signal: this.#end.signal });
    this.#inventory = createInventory(found.engine, deps.cluster);
    this.#images = createImageStore(found.engine, clock, (...pulled) =>
      this.#limits.onPulled(...pulled),
    );
    this.#networks = hostNetworks(found.engine, deps, start.info, this.#inventory);
    this.#informer = createInformer({
      client,
      type: pods,
      select: { fieldSelector: `spec.nodeName=${this.nodeName}` },
      indexes: { [replacesIndex]: replacesValues, [uidIndex]: ({ metadata }) => [metadata.uid] },
      clock,
      log,
    });
    this.#limits = this.#createLimits();
    this.#listeners.add((event) => this.#limits.take(event));
    this.#reacher = reachesOf(found.engine, deps);
    this.#listeners.add((event) => this.#reacher.far?.take(event));
  }

  isLive(): boolean {
    return this.#answers;
  }

  refresh(): void {
    if (!this.#answers) return;
    this.#retrying("write node", (signal) => this.#register(signal));
  }

  get #cache(): Cache<Pod> {
    return this.#informer.cache;
  }

  async run(): Promise<void> {
    const { engine } = this.#found;
    const { signal } = this.#end;
    const prober = createProber({
      clock: this.#deps.clock,
      onChange: (uid) => this.#addUid(uid),
    });
    const reconciler = createPodRuntime({
      ...this.#deps,
      limits: this.#limits,
      evictions: this.#limits.evictions,
      engine,
      inventory: this.#inventory,
      images: this.#images,
      networks: this.#networks,
      prober,
      cache: this.#cache,
      reacher: this.#reacher,
      nodeName: this.nodeName,
      hostIp: () => this.#address,
      isLive: () => this.#answers && this.#synced,
      liveSinceMs: () => this.#liveSinceMs,
      lostAtMs: () => this.#lostAtMs,
    });
    const name = `pods/${this.nodeName}`;
    const controller = { name, owns: [], sources: [], reconciler, workers };
    this.#informer.onChange((change) => this.#onPod(change));
    const withdraw = this.#deps.serve(this.nodeName, {
      engine,
      inventory: this.#inventory,
      far: this.#reacher.far,
      cluster: this.#deps.cluster,
      pod: (key) => this.#cache.get(key),
      onEvent: (listener) => void this.#listeners.add(listener),
    });
    try {
      await Promise.all([
        this.#informer.run(signal),
        this.#awaitSync(),
        this.#followEvents(),
        beat(this.#deps.registry, this.nodeName, { ...this.#deps, signal }),
        this.#feelPulse(),
        this.#resyncNow(),
        this.#limits.run(signal),
        runController(controller, { ...this.#deps, queue: this.#queue }, signal),
      ]);
    } finally {
      withdraw();
      prober.close();
      this.#end.abort();
    }
  }

  #facts(): HostFacts {
    return hostFacts({ ...this.#found, ...this.#deps }, this.#info, {
      disk: this.#diskBytes,
      report: this.#limits.report(),
    });
  }

  #createLimits(): HostLimits {
    return createHostLimits({
      ...this.#deps,
      engine: this.#found.engine,
      inventory: this.#inventory,
      nodeName: this.nodeName,
      cache: this.#cache,
      facts: () => this.#facts(),
      isLive: () => this.#answers,
      onReport: () => this.refresh(),
      onEvict: (pod) => this.#queue.add(keyOf(pod)),
    });
  }

  #onPod(change: Change<Pod>): void {
    if (change.type !== "added")
      concernedKeys(change.before).forEach((key) => this.#queue.add(key));
    if (change.type !== "deleted")
      concernedKeys(change.after).forEach((key) => this.#queue.add(key));
  }

  #addUid(uid: string): void {
    for (const pod of this.#cache.by(uidIndex, uid)) this.#queue.add(keyOf(pod));
  }

  /** Every pod that is bound here, and every one that has containers here. */
  #addAll(): void {
    for (const pod of this.#cache.list()) this.#queue.add(keyOf(pod));
    for (const key of this.#inventory.keys()) this.#queue.add(key);
  }

  async #awaitSync(): Promise<void> {
    await this.#informer.synced;
    this.#synced = true;
    this.#addAll();
  }

  /** Engine events until the end; every (re)connection begins with a look at everything. */
  async #followEvents(): Promise<void> {
    for await (const event of this.#found.engine.events(this.#end.signal)) {
      this.#images.take(event);
      for (const listener of this.#listeners) listener(event);
      if (event.type === "lost") this.#onLost(event);
      else if (event.type === "resync") this.#retrying("resync", () => this.#onConnected());
      else this.#onEvent(event);
    }
  }

  #onEvent(event: EngineEvent): void {
    const owner = this.#inventory.take(event);
    if (owner !== undefined) this.#queue.add(owner.key);
  }

  async #onConnected(): Promise<void> {
    const { signal } = this.#end;
    this.#info = await this.#found.engine.info(signal);
    if (this.#info.id !== this.#engineId) {
      // Another engine took the address: another Node, which the caller starts anew.
      this.#end.abort(new Error(`another Docker engine answers at ${this.#found.engine.endpoint}`));
      return;
    }
    await this.#resync();
    if (!this.#answers) this.#inventory.noteOutage();
    this.#setAnswers(true);
    this.#addAll();
    await this.#register(signal);
  }

  #onLost({ error }: EngineEvent & { readonly type: "lost" }): void {
    if (!this.#answers) return;
    this.#retrying("report lost engine", async (signal) => {
      // A cut stream alone is no outage.
      const limited = AbortSignal.any([signal, AbortSignal.timeout(infoTimeoutMs)]);
      const why = await this.#found.engine.info(limited).then(
        () => undefined,
        (err: unknown) => silenceOf(err instanceof Error ? err : error),
      );
      if (why !== undefined && !signal.aborted) await this.#lose(why, signal);
    });
  }

  async #lose(why: Silence, signal: AbortSignal): Promise<void> {
    this.#setAnswers(false);
    await this.#deps.registry.reportLost(this.nodeName, why, signal);
  }

  /** An engine that hangs keeps its connections: only a question that stays unanswered tells. */
  async #feelPulse(): Promise<void> {
    const { clock, pulseMs = defaultPulseMs } = this.#deps;
    const { engine } = this.#found;
    await followPulse({ engine, clock, pulseMs, signal: this.#end.signal }, (why) => {
      if (why === undefined && !this.#answers) this.#retrying("resync", () => this.#onConnected());
      if (why !== undefined && this.#answers)
        this.#retrying("report hanging engine", (signal) => this.#lose(why, signal));
    });
  }

  #setAnswers(answers: boolean): void {
    if (this.#answers === answers) return;
    this.#answers = answers;
    if (answers) this.#liveSinceMs = this.#deps.clock.nowMs();
    else this.#lostAtMs = this.#deps.clock.nowMs();
    this.#deps.log.info({ node: this.nodeName, answers }, "liveness of the engine changed");
    this.#deps.onLiveness();
  }

  async #resync(): Promise<void> {
    const owners = await this.#inventory.resync(this.#end.signal);
    for (const { key } of owners) this.#queue.add(key);
    await this.#networks.sweep(this.#end.signal).catch((err: unknown) => {
      if (!isEngineRefusal(err)) throw err; // what is left over hurts nobody until the next time
    });
  }

  async #resyncNow(): Promise<void> {
    const { clock, log } = this.#deps;
    const { signal } = this.#end;
    while (!signal.aborted) {
      await clock.sleep(resyncMs, signal).catch(() => undefined); // ends the loop
      if (signal.aborted) return;
      await this.#resync().catch((err: unknown) =>
        log.warn({ err, node: this.nodeName }, "cannot resync"),
      );
    }
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { engine } = this.#found;
    this.#address = hostPlace(engine.endpoint).address;
    this.#diskBytes ??= await engineDiskBytes(engine, signal);
    await this.#deps.registry.register(this.#facts(), signal);
  }

  /** Repeats until it succeeds or the host ends; whoever calls does not wait. */
  #retrying(what: string, work: (signal: AbortSignal) => Promise<void>): void {
    const { clock, log } = this.#deps;
    const { signal } = this.#end;
    const repeat = async (): Promise<void> => {
      while (!signal.aborted) {
        try {
          await work(signal);
          return;
        } catch (err) {
          if (signal.aborted) return;
          log.warn({ err, node: this.nodeName }, `cannot ${what}`);
          await clock.sleep(retryMs, signal).catch(() => undefined); // ends the loop
        }
      }
    };
    // Never rejects: failures are logged and repeated.
    void repeat();
  }
}

/**
 * Registers the Node of an engine that answers with `info`, and runs its pods. Containers go on
 * running when it ends.
 */
export async function startHost(
  found: FoundHost,
  deps: HostDeps,
  info: EngineInfo,
  signal: AbortSignal,
): Promise<RunningHost> {
  const facts = hostFacts({ ...found, ...deps }, info);
  const nodeName = await deps.registry.register(facts, signal);
  const host = new Host(found, deps, { nodeName, info }, signal);
  return {
    nodeName,
    isLive: () => host.isLive(),
    refresh: () => host.refresh(),
    done: host.run(),
  };
}
