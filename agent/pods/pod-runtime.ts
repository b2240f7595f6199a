import type { Client } from "../../api/client/client.ts";
import type { Cache } from "../../api/client/informer.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { isConflict } from "../../api/machinery/errors.ts";
import { keyOf, keyText, type ObjectKey } from "../../api/machinery/object.ts";
import { type Pod, pods } from "../../api/machinery/resources.ts";
import type { Log, Reconciler, Recorder, Result } from "../../controllers/runtime/reconciler.ts";
import type { Engine } from "../engine/engine.ts";
import type { Evictions } from "../limits/evictions.ts";
import type { StartLimits } from "../limits/start-limits.ts";
import { isEngineAway, isEngineRefusal } from "../engine/errors.ts";
import { createDataDelivery } from "../data/deliver.ts";
import type { PodNetworks } from "../networks/pod-networks.ts";
import { overdueOf } from "./deadline.ts";
import { askedState, effectiveState, replacedBy } from "./desired.ts";
import { isUp } from "./facts.ts";
import { type Hold, holdLookMs, holdOf } from "./hold.ts";
import type { ImageStore } from "./image-store.ts";
import { withLastWords } from "./last-words.ts";
import type { Inventory } from "./inventory.ts";
import { type PerformDeps, perform, removeOrphans } from "./perform.ts";
import {
  type PodMemory,
  advanceAll,
  forgetBefore,
  forgetDone,
  forgetStops,
  memoryOf,
  newerPod,
} from "./pod-memory.ts";
import { type Plan, planPod, type Rival, type Seen, type Step } from "./plan.ts";
import type { Prober } from "./prober.ts";
import { podSources } from "./pod-sources.ts";
import { type Reacher, subjectsOf } from "./reach.ts";
import { createReporter } from "./report.ts";
import { isPassing, note, StepFailure } from "./trouble.ts";

/** The index of the pod cache by the pod that they replace: `namespace/name`. */
export const replacesIndex = "replaces";

/** What running the pods of one Node needs. */
export type PodRuntimeOptions = {
  readonly engine: Engine;
  readonly inventory: Inventory;
  readonly images: ImageStore;
  readonly networks: PodNetworks;
  readonly limits: StartLimits;
  /** Which pods have to go for good. */
  readonly evictions: Evictions;
  readonly prober: Prober;
  readonly client: Client;
  /** The pods of this Node, with the index `replacesIndex`. */
  readonly cache: Cache<Pod>;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly log: Log;
  readonly cluster: string;
  readonly reacher: Reacher;
  /** metadata.name of the Node. */
  readonly nodeName: string;
  /** Address of the host, as on its Node. */
  hostIp(): string;
  /** Whether the host may be acted on: its engine answers. */
  isLive(): boolean;
  /** When its engine began to answer. Milliseconds since the Unix epoch, our clock. */
  liveSinceMs(): number;
  /** When it had ceased to answer before; absent when this agent did not see it go. */
  lostAtMs(): number | undefined;
  /** Whether people asked for no changes on these hosts. */
  isPaused(): boolean;
};

/** A pod that keeps changing under our hands gets its next turn after the others had theirs. */
const roundsPerTurn = 4;
const nextTurnMs = 200;
const engineAwayMs = 500;
const apiAwayMs = 2_000;
const tellingMs = 10_000;

/** What a pod works towards among those of its place. */
function place(
  pod: Pod,
  successors: readonly Pod[],
  containers: Seen["containers"],
  rivals: readonly Rival[],
): Pick<Seen, "desired" | "lingers"> {
  const desired = effectiveState(pod, successors);
  const yields = desired === "Stopped" && askedState(pod) === "Running";
  // Its successor stops it in the moment before its own start, so that no time is lost between.
  const lingers = yields && containers.some(isUp) && rivals.every(({ up }) => up.length === 0);
  return lingers ? { desired: "Running", lingers } : { desired, lingers };
}

const sooner = (result: Result, ms: number): Result => ({
  ...result,
  requeueAfterMs: Math.min(result.requeueAfterMs ?? ms, ms),
});

class PodRuntime implements Reconciler {
  readonly #options: PodRuntimeOptions;
  readonly #deps: PerformDeps;
  readonly #hold: Hold;
  readonly #report: (seen: Seen) => Promise<void>;
  readonly #memories = new Map<string, PodMemory>();
  /** Key to uid of pods that were removed from the API and are not yet gone from the cache. */
  readonly #over = new Map<string, string>();

  constructor(options: PodRuntimeOptions) {
    this.#options = options;
    const { client } = options;
    this.#hold = holdOf(options);
    const reporter = createReporter(options);
    this.#report = async (seen) => {
      const written = await reporter.report(seen);
      if (written !== undefined) this.#memory(seen.pod).written = written;
    };
    this.#deps = {
      ...options,
      ...podSources(client),
      data: createDataDelivery(options.engine.io),
      stops: new Map(),
      hostIp: () => options.hostIp(),
      finalize: async (pod) => {
        const preconditions = { uid: pod.metadata.uid };
        await client
          .delete(pods, keyOf(pod), { gracePeriodSeconds: 0, preconditions })
          .catch((err: unknown) => {
            if (!isConflict(err)) throw err; // another pod of that name: this one is gone
          });
      },
      beforeWait: (pod) => this.#tell(pod),
      onProgress: (pod) => {
        const memory = this.#memory(pod);
        // One after the other: what is told last must be the newest.
        memory.telling = Promise.resolve(memory.telling)
          .then(() => this.#tell(pod))
          .catch((err: unknown) => options.log.debug({ err }, "cannot tell how far a pull is"));
      },
    };
  }

  /** Tells where things stand while work goes on. */
  async #tell(pod: Pod): Promise<void> {
    const seen = await this.#look(pod, AbortSignal.timeout(tellingMs));
    await this.#report(seen).catch((err: unknown) => {
      if (!isPassing(err)) throw err; // telling can wait, the work need not
    });
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    if (!this.#options.isLive()) return {}; // its return adds every pod
    try {
      const pod = this.#options.cache.get(key);
      if (this.#isOver(key, pod)) return {};
      const left = await this.#removeOrphans(key, pod, signal);
      const result = pod === undefined ? {} : await this.#work(pod, signal);
      return left ? sooner(result, holdLookMs) : result;
    } catch (err) {
      if (signal.aborted || !(isPassing(err) || isEngineAway(err))) throw err;
      // No fault of the pod: what is away says so elsewhere, and the pod must not wait long for it.
      return { requeueAfterMs: isEngineAway(err) ? engineAwayMs : apiAwayMs };
    }
  }

  /** Whether it was finalized: the events of its containers come before the cache hears of its end. */
  #isOver(key: ObjectKey, pod: Pod | undefined): boolean {
    const text = keyText(key);
    const over = this.#over.get(text);
    if (over === undefined) return false;
    if (over === pod?.metadata.uid) return true;
    this.#over.delete(text);
    return false;
  }

  /** As the API has it now. A `get` of what is not there, or elsewhere, is forbidden to agents. */
  async #ownPod({ namespace, name }: ObjectKey, signal: AbortSignal): Promise<Pod | undefined> {
    const fieldSelector = `spec.nodeName=${this.#options.nodeName},metadata.name=${name}`;
    const where = { namespace: namespace ?? "default", fieldSelector };
    return (await this.#options.client.list(pods, where, signal)).items[0];
  }

  /** Containers of a pod of this name that is no more. Whether some were left for now. */
  async #removeOrphans(
    key: ObjectKey,
    pod: Pod | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { inventory, log, cache } = this.#options;
    let left = false;
    for (const uid of inventory.uidsOf(key)) {
      if (uid === pod?.metadata.uid || this.#options.isPaused()) continue;
      if (this.#hold.keptLately(uid)) {
        left = true;
        continue;
      }
      // The cache may be behind; what is removed cannot be brought back.
      const fresh = await this.#ownPod(key, signal);
      if (fresh?.metadata.uid === uid || cache.get(key)?.metadata.uid === uid) continue;
      const ids = (await inventory.of(uid, signal)).map(({ id }) => id);
      if (await this.#hold.keeps({ uid, key }, ids.length, signal)) {
        left = true;
        continue;
      }
      log.info(
        { pod: keyText(key), uid, containers: ids.length },
        "removing containers of a gone pod",
      );
      await removeOrphans({ uid, key }, ids, this.#options, signal);
      this.#forget(uid);
    }
    return left;
  }

  #forget(uid: string): void {
    this.#memories.delete(uid);
    this.#options.prober.watch(uid, []);
    this.#options.inventory.forget(uid);
  }

  #memory(pod: Pod): PodMemory {
    const { uid } = pod.metadata;
    const known = this.#memories.get(uid);
    if (known !== undefined) return known;
    const memory = memoryOf(pod);
    this.#memories.set(uid, memory);
    return memory;
  }

  async #look(cached: Pod, signal: AbortSignal): Promise<Seen> {
    const { inventory, cache, clock, prober } = this.#options;
    const memory = this.#memory(cached);
    const pod = newerPod(cached, memory.written);
    const { uid } = pod.metadata;
    const successors = cache.by(replacesIndex, keyText(keyOf(pod)));
    const containers = await inventory.of(uid, signal);
    const rivals = await this.#rivals(pod, successors, signal);
    const { desired, lingers } = place(pod, successors, containers, rivals);
    forgetBefore(memory, this.#options.liveSinceMs());
    forgetDone(memory, containers);
    forgetStops(memory, rivals);
    const histories = advanceAll(memory, pod, containers, {
      desired,
      nowMs: clock.nowMs(),
      liveSinceMs: this.#options.liveSinceMs(),
      lostAtMs: this.#options.lostAtMs(),
      fell: (id) => inventory.fell(id),
      exitCode: (container) => inventory.exitCode(uid, container),
    });
    const { io } = this.#options.engine;
    memory.histories = await withLastWords({ pod, containers, histories }, io, signal);
    prober.watch(uid, subjectsOf(pod, containers, this.#options));
    return {
      pod,
      desired,
      containers,
      rivals,
      lingers,
      histories: memory.histories,
      troubles: memory.troubles,
      unhealthy: new Set(prober.unhealthy(uid).keys()),
      portsFree: memory.portsFree,
      evicted: this.#options.evictions.of(pod) ?? overdueOf(pod, clock.nowMs()),
    };
  }

  /** The pods that share its place: the one that it replaces, and those that were to replace it. */
  async #rivals(
    pod: Pod,
    successors: readonly Pod[],
    signal: AbortSignal,
  ): Promise<readonly Rival[]> {
    const { cache, inventory } = this.#options;
    const name = replacedBy(pod);
    const old = name === undefined ? undefined : cache.get({ ...keyOf(pod), name });
    const others = old === undefined ? successors : [old, ...successors];
    const rivals = others.filter(({ metadata }) => metadata.uid !== pod.metadata.uid);
    return Promise.all(
      rivals.map(async (rival) => {
        const facts = await inventory.of(rival.metadata.uid, signal);
        return { pod: rival, up: facts.filter(isUp) };
      }),
    );
  }

  async #work(pod: Pod, signal: AbortSignal): Promise<Result> {
    const { clock } = this.#options;
    let seen = await this.#look(pod, signal);
    let plan = planPod(seen, clock.nowMs());
    for (let round = 0; round < roundsPerTurn && this.#mayAct(plan); round += 1) {
      const done = await this.#performAll(seen, plan.steps, signal);
      if (done && plan.steps.at(-1)?.kind === "finalize") {
        this.#forget(seen.pod.metadata.uid);
        this.#over.set(keyText(keyOf(pod)), pod.metadata.uid);
        return {};
      }
      const latest = this.#options.cache.get(keyOf(pod));
      if (latest?.metadata.uid !== pod.metadata.uid) return {}; // its going is a change of its own
      seen = await this.#look(latest, signal);
      plan = planPod(seen, clock.nowMs());
      if (!done) break;
    }
    await this.#memory(seen.pod).telling;
    await this.#report(seen);
    if (this.#mayAct(plan)) return { requeueAfterMs: nextTurnMs };
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
  }

  #mayAct(plan: Plan): boolean {
    return plan.steps.length > 0 && !this.#options.isPaused();
  }

  /** In order; the first failure ends the batch. Whether all succeeded. */
  async #performAll(seen: Seen, steps: readonly Step[], signal: AbortSignal): Promise<boolean> {
    for (const step of steps) {
      try {
        await perform(seen.pod, step, this.#deps, signal);
        this.#succeeded(seen, step);
      } catch (err) {
        if (!(err instanceof StepFailure)) {
          this.#complain(seen.pod, step, err);
          throw err;
        }
        this.#failed(seen.pod, step, err);
        return false;
      }
    }
    return true;
  }

  #succeeded({ pod, unhealthy }: Seen, step: Step): void {
    const { log, recorder, prober } = this.#options;
    const memory = this.#memory(pod);
    const { troubles } = memory;
    const container = "container" in step ? step.container : "";
    if (step.kind === "checkPorts") memory.portsFree = true;
    if (troubles.get(container)?.step === step.kind) troubles.delete(container);
    if (step.kind === "start") {
      troubles.delete(container);
      troubles.delete(""); // whatever was in its way is not any more
      recorder.event(pod, {
        type: "Normal",
        reason: "Started",
        message: `Started container ${container}`,
      });
    }
    if (step.kind === "stop") {
      for (const { name } of step.targets.filter((target) => unhealthy.has(target.name))) {
        const why = prober.unhealthy(pod.metadata.uid).get(name) ?? "";
        const message = `Container ${name} will be restarted: ${why}`;
        recorder.event(pod, { type: "Warning", reason: "Unhealthy", message });
      }
    }
    log.debug({ pod: keyText(keyOf(pod)), step: step.kind, container }, "performed step");
  }

  /** A container that the engine neither stops nor removes is nobody's but its pod's to tell. */
  #complain(pod: Pod, { kind }: Step, err: unknown): void {
    if (!isEngineRefusal(err) || (kind !== "stop" && kind !== "remove")) return;
    const message = err instanceof Error ? err.message : String(err);
    this.#options.recorder.event(pod, { type: "Warning", reason: "FailedKillPod", message });
  }

  #failed(pod: Pod, step: Step, failure: StepFailure): void {
    const { log, recorder, clock } = this.#options;
    const { troubles } = this.#memory(pod);
    const { container, reason, message } = failure;
    const noted = note(troubles.get(container), step.kind, failure, clock.nowMs());
    troubles.set(container, noted);
    recorder.event(pod, { type: "Warning", reason: noted.reason, message });
    const fields = { pod: keyText(keyOf(pod)), step: step.kind, container, reason, err: failure };
    log.warn(fields, "step failed");
  }
}

/**
 * Runs the pods that are bound to one Node. A key is a pod's; the queue makes sure that one pod is
 * worked on once at a time.
 */
export function createPodRuntime(options: PodRuntimeOptions): Reconciler {
  return new PodRuntime(options);
}

/** The keys that a change of a pod concerns: itself, and the one whose place it takes. */
export function concernedKeys(pod: Pod): readonly ObjectKey[] {
  const key = keyOf(pod);
  const old = replacedBy(pod);
  return old === undefined ? [key] : [key, { ...key, name: old }];
}

/** The values of `replacesIndex`. */
export function replacesValues(pod: Pod): readonly string[] {
  const name = replacedBy(pod);
  return name === undefined ? [] : [keyText({ ...keyOf(pod), name })];
}
