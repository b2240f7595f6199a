import type { Client } from "../api/client/client.ts";
import { createInformer } from "../api/client/shared-informer.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { beacons, namespaces, type Node, nodes } from "../api/machinery/resources.ts";
import type { NodeHandler } from "../api/tunnel/node-link.ts";
import { label } from "../crds/labels.ts";
import type { Beacon } from "../crds/types.gen.ts";
import { createMetrics, type Metrics } from "../controllers/runtime/metrics.ts";
import type { Log } from "../controllers/runtime/reconciler.ts";
import { createRecorder, type EventRecorder } from "../controllers/runtime/recorder.ts";
import { type BeaconFacts, ensureBeacon, reportBeacon } from "./beacon.ts";
import {
  createDiscovery,
  type Discovery,
  type DiscoveryState,
  type OpenDrivers,
} from "./discovery/discovery.ts";
import type { DockerHost, Provider } from "./discovery/provider.ts";
import { durationMs } from "./discovery/settings.ts";
import { openEngine } from "./engine/dockerode.ts";
import type { Engine } from "./engine/engine.ts";
import { createHostSet, type HostSet } from "./host-set.ts";
import type { SlotDeps } from "./host-slot.ts";
import { createNodeRegistry } from "./node-registry.ts";
import { createNodeHandler } from "./node-routes.ts";
import { persist } from "./persist.ts";
import { createStreams, type Streams } from "./serve.ts";
import { createVanishedWatch, type VanishedWatch } from "./vanished.ts";

/** What the agent is told and given. */
export type AgentOptions = {
  readonly client: Client;
  /** metadata.name of the Beacon that it speaks for. */
  readonly beacon: string;
  /** Version of the program, e.g. `0.1.0`. */
  readonly version: string;
  /**
   * Who finds the Docker hosts whatever the Beacon says; a host that several find counts once. May
   * be empty: then `drivers` open what the Beacon asks for.
   */
  readonly providers: readonly Provider[];
  readonly drivers?: OpenDrivers;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Default: over the Docker API. */
  readonly open?: (host: DockerHost) => Engine;
  /** How often an engine is asked for a sign of life. Milliseconds, default 10 s. */
  readonly pulseMs?: number;
  /** A static busybox on this machine, for engines elsewhere. Default `/bin/busybox`. */
  readonly relayProgram?: string | undefined;
  /** Puts a Node on offer, until the returned function is called. */
  readonly register?: (nodeName: string, streams: Streams, handler: NodeHandler) => () => void;
};

function openHost(host: DockerHost): Engine {
  return openEngine(host.url, host);
}

const defaultVanishedMs = 600_000;

class Agent {
  readonly #options: AgentOptions;
  readonly #signal: AbortSignal;
  readonly #metrics: Metrics;
  readonly #recorder: EventRecorder;
  readonly #discovery: Discovery;
  #hosts: HostSet | undefined;
  #vanished: VanishedWatch | undefined;
  #state: DiscoveryState | undefined;
  /** Engine ID to endpoint, shared by all slots. */
  readonly #engines = new Map<string, string>();
  #beacon: Beacon | undefined;
  #reporting: Promise<void> = Promise.resolve();

  constructor(options: AgentOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#metrics = options.metrics ?? createMetrics();
    const about = { component: "lighthouse-agent", instance: options.beacon };
    this.#recorder = createRecorder({ ...options, ...about });
    this.#discovery = createDiscovery({
      ...options,
      fixed: options.providers,
      drivers: options.drivers,
      onState: (state) => this.#onState(state),
    });
  }

  async run(): Promise<void> {
    const { client, log, beacon } = this.#options;
    const signal = this.#signal;
    const persistence = { ...this.#options, signal };
    const cluster = await persist("learn which control plane this is", persistence, async () => {
      const found = await client.get(namespaces, { name: "kube-system" }, signal);
      if (found === undefined) throw new Error("Cannot find Namespace kube-system");
      return found.metadata.uid;
    });
    if (cluster === undefined) return;
    const deps = this.#slotDeps(cluster);
    const open = this.#options.open ?? openHost;
    const hosts = createHostSet({ open, deps, signal });
    const sight = () => this.#sight(hosts);
    const vanished = createVanishedWatch({ ...deps, sight });
    this.#hosts = hosts;
    this.#vanished = vanished;
    await Promise.all([
      this.#recorder.run(signal),
      this.#watchBeacon(),
      this.#watchNodes(),
      this.#discovery.run(signal),
      vanished.run(signal),
    ]);
    await hosts.ended();
    await this.#reporting;
    log.info({ beacon }, "agent stopped; containers go on running");
  }

  #onState(state: DiscoveryState): void {
    this.#state = state;
    this.#hosts?.show(state.hosts, state.isWhole);
    this.#changed();
  }

  /** Something that the Beacon's status or the fate of vanished hosts may rest on. */
  #changed(): void {
    this.#vanished?.wake();
    this.#report();
  }

  #sight(hosts: HostSet) {
    if (this.#state?.isWhole !== true || this.#beacon === undefined) return undefined;
    const { policy, after } = this.#beacon.spec.vanished ?? {};
    const names = hosts.slots.flatMap(({ nodeName }) => nodeName ?? []);
    return {
      shown: hosts.endpoints,
      running: new Set(names),
      isSettled: hosts.slots.every(({ isSettled }) => isSettled),
      ...(policy === "Delete" ? { deleteAfterMs: durationMs(after, defaultVanishedMs) } : {}),
    };
  }

  #slotDeps(cluster: string): SlotDeps {
    const { client, clock, log, beacon, version, register, pulseMs, relayProgram } = this.#options;
    return {
      client,
      pulseMs,
      relayProgram,
      clock,
      log,
      beacon,
      version,
      cluster,
      registry: createNodeRegistry({ client, clock, beacon }),
      recorder: this.#recorder,
      metrics: this.#metrics,
      engines: this.#engines,
      isShown: (endpoint) => this.#hosts?.endpoints.has(endpoint) === true,
      warn: (reason, message) => this.#warn(reason, message),
      nodeLabels: () => this.#beacon?.spec.nodeLabels ?? {},
      offers: () => this.#beacon?.spec ?? {},
      networkRange: () => this.#beacon?.spec.networkRange,
      isPaused: () => this.#beacon?.spec.paused === true,
      serve: (nodeName, host) => {
        const end = new AbortController();
        const streams = createStreams(host, () => clock.nowMs());
        const { signal } = end;
        const told = { metrics: this.#metrics, recorder: this.#recorder };
        const world = { nodeName, host, client, clock, log, ...told, signal };
        const withdraw = register?.(nodeName, streams, createNodeHandler(world));
        return () => {
          withdraw?.();
          end.abort();
        };
      },
      onLiveness: () => this.#changed(),
    };
  }

  #warn(reason: string, message: string): void {
    if (this.#beacon === undefined) return;
    this.#recorder.event(this.#beacon, { type: "Warning", reason, message });
  }

  #facts({ providers, troubles }: DiscoveryState): BeaconFacts {
    const slots = this.#hosts?.slots ?? [];
    return {
      version: this.#options.version,
      provider: providers.join(","),
      hosts: slots.map(({ name, isLive, why }) => ({ name, live: isLive, why })),
      troubles,
      duplicates: slots.flatMap(({ duplicate }) => duplicate ?? []),
    };
  }

  /** Writes the Beacon's status, one write after the other. */
  #report(): void {
    const write = async (): Promise<void> => {
      const [beacon, state] = [this.#beacon, this.#state];
      if (beacon === undefined || state === undefined || this.#signal.aborted) return;
      await reportBeacon(this.#options, beacon, this.#facts(state));
    };
    this.#reporting = this.#reporting.then(write).catch((err: unknown) => {
      if (this.#signal.aborted) return;
      this.#options.log.warn({ err }, "cannot write the status of the beacon");
    });
  }

  /** Keeps the Beacon there and does as its spec says. */
  async #watchBeacon(): Promise<void> {
    const { client, clock, log, beacon: name } = this.#options;
    const signal = this.#signal;
    const ensure = (): Promise<unknown> =>
      persist("make the Beacon", { clock, log, signal }, () => ensureBeacon(client, name, signal));
    const select = { fieldSelector: `metadata.name=${name}` };
    const informer = createInformer({ client, type: beacons, select, clock, log });
    informer.onChange((change) => {
      if (change.type === "deleted") {
        this.#beacon = undefined;
        void ensure(); // never rejects
        return;
      }
      const specChanged = this.#beacon?.metadata.generation !== change.after.metadata.generation;
      this.#beacon = change.after;
      if (specChanged) for (const slot of this.#hosts?.slots ?? []) slot.refresh();
      this.#discovery.take(change.after);
      this.#changed();
    });
    await ensure();
    await informer.run(signal);
  }

  /**
   * A Node that somebody deletes while its host is there comes back, and one that was given up
   * while we could not be heard is declared ready again.
   */
  async #watchNodes(): Promise<void> {
    const { client, clock, log, beacon } = this.#options;
    const select = { labelSelector: `${label.beacon}=${beacon}` };
    const informer = createInformer({ client, type: nodes, select, clock, log });
    informer.onChange((change) => {
      if (change.type !== "deleted" && !isGivenUp(change.after)) return;
      const { name } = (change.type === "deleted" ? change.before : change.after).metadata;
      for (const slot of this.#hosts?.slots ?? []) if (slot.nodeName === name) slot.refresh();
    });
    await informer.run(this.#signal);
  }
}

/** Whether the node controller has turned it Unknown. */
function isGivenUp({ status }: Node): boolean {
  return status?.conditions?.find(({ type }) => type === "Ready")?.status === "Unknown";
}

/**
 * Runs an agent until the signal aborts: one Node per Docker host, its pods, and the Beacon. It
 * outlasts engines and API servers that go away and come back; containers go on running when it
 * ends.
 *
 * Providers that find nothing, or are told nonsense, are asked again; the Beacon says so meanwhile.
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const end = new AbortController();
  const agent = new Agent(options, AbortSignal.any([signal, end.signal]));
  try {
    await agent.run();
  } finally {
    end.abort(); // one part that failed must not leave the others running
  }
}
