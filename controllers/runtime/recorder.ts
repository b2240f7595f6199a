import type { Client } from "../../api/client/client.ts";
import { type Backoff, backoffMs } from "../../api/client/backoff.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { isNotFound, isTooManyRequests, isUnavailable } from "../../api/machinery/errors.ts";
import { shortHash } from "../../api/machinery/names.ts";
import type { KubeObject, ObjectKey } from "../../api/machinery/object.ts";
import { events } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import type { Log, Recorder } from "./reconciler.ts";

/** A recorder whose writes happen in `run`. */
export interface EventRecorder extends Recorder {
  /** Writes what was recorded until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Who speaks, and what it needs of the world. */
export type RecorderOptions = {
  readonly client: Pick<Client, "create" | "patch">;
  readonly clock: Clock;
  readonly log: Log;
  /** e.g. `lighthouse-controllers`. */
  readonly component: string;
  /** Which of several, e.g. the host's name. */
  readonly instance: string;
};

type What = Parameters<Recorder["event"]>[1];
type Pending = {
  readonly about: KubeObject;
  readonly what: What;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
};
type Written = { readonly key: Required<ObjectKey>; readonly count: number };

/** Distinct events that wait to be written; more are dropped, as nobody may be blocked by telling. */
const maxPending = 1_000;
/** Distinct events whose repeats are counted; the oldest is forgotten first. */
const maxWritten = 2_000;
/** Characters of a message, as in Kubernetes. */
const maxMessage = 1_024;
const retries: Backoff = { baseMs: 500, maxMs: 15_000 };

class QueuedRecorder implements EventRecorder {
  readonly #options: RecorderOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #written = new Map<string, Written>();
  #dropped = 0;
  #wake = (): void => undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  event(about: KubeObject, what: What): void {
    const message = what.message.slice(0, maxMessage);
    const id = [about.metadata.uid, about.kind, what.type, what.reason, message].join("\n");
    const nowMs = this.#options.clock.nowMs();
    const before = this.#pending.get(id);
    if (before !== undefined) {
      this.#pending.set(id, { ...before, lastMs: nowMs, count: before.count + 1 });
    } else if (this.#pending.size < maxPending) {
      const times = { firstMs: nowMs, lastMs: nowMs, count: 1 };
      this.#pending.set(id, { about, what: { ...what, message }, ...times });
    } else {
      this.#dropped += 1;
    }
    this.#wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    let failures = 0;
    while (!signal.aborted) {
      const [next] = this.#pending;
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const done = await this.#write(...next);
      failures = done ? 0 : failures + 1;
      if (!done) await this.#pause(failures, signal);
    }
  }

  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    const ms = backoffMs(retries, failures, Math.random());
    await this.#options.clock.sleep(ms, signal).catch((err: unknown) => {
      if (!signal.aborted) throw err;
    });
  }

  /** Whether this event is settled: written, or given up. */
  async #write(id: string, pending: Pending): Promise<boolean> {
    const { log } = this.#options;
    this.#pending.delete(id); // repeats from here on are the next write's
    try {
      this.#remember(id, await this.#createOrCount(id, pending));
      if (this.#dropped > 0) log.warn({ dropped: this.#dropped }, "dropped events");
      this.#dropped = 0;
      return true;
    } catch (err) {
      if (isUnavailable(err) || isTooManyRequests(err)) {
        this.#putBack(id, pending);
        return false;
      }
      log.warn({ err, reason: pending.what.reason }, "cannot record an event");
      return true;
    }
  }

  #putBack(id: string, pending: Pending): void {
    const meanwhile = this.#pending.get(id);
    const count = pending.count + (meanwhile?.count ?? 0);
    this.#pending.set(id, { ...pending, lastMs: meanwhile?.lastMs ?? pending.lastMs, count });
  }

  #remember(id: string, written: Written): void {
    this.#written.delete(id);
    this.#written.set(id, written);
    const [oldest] = this.#written.keys();
    if (this.#written.size > maxWritten && oldest !== undefined) this.#written.delete(oldest);
  }

  async #createOrCount(id: string, pending: Pending): Promise<Written> {
    const known = this.#written.get(id);
    if (known === undefined) return this.#create(id, pending);
    const count = known.count + pending.count;
    const body = { count, lastTimestamp: formatTime(pending.lastMs) };
    try {
      await this.#options.client.patch(events, known.key, { type: "merge", body });
      return { ...known, count };
    } catch (err) {
      if (!isNotFound(err)) throw err; // its time to live is over
      return this.#create(id, pending);
    }
  }

  async #create(id: string, { about, what, ...times }: Pending): Promise<Written> {
    const { client, component, instance } = this.#options;
    const { apiVersion, kind, metadata } = about;
    const { name, uid, resourceVersion, namespace } = metadata;
    const key = {
      // Events of cluster-scoped objects live where kubectl looks for them.
      namespace: namespace ?? "default",
      name: `${name}.${shortHash(`${id}\n${times.firstMs}\n${instance}`)}`,
    };
    const scope = namespace === undefined ? {} : { namespace };
    await client.create(events, {
      apiVersion: "v1",
      kind: "Event",
      metadata: key,
      involvedObject: { apiVersion, kind, name, uid, resourceVersion, ...scope },
      ...what,
      count: times.count,
      firstTimestamp: formatTime(times.firstMs),
      lastTimestamp: formatTime(times.lastMs),
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
    });
    return { key, count: times.count };
  }
}

/**
 * Records events without ever blocking its callers: repeats are counted, in memory until written
 * and in the object afterwards, and a flood is bounded.
 */
export function createRecorder(options: RecorderOptions): EventRecorder {
  return new QueuedRecorder(options);
}
