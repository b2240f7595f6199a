import type { Clock } from "../machinery/clock.ts";
import { isExpired, isTooManyRequests, isUnavailable } from "../machinery/errors.ts";
import { resourceText } from "../machinery/gvk.ts";
import { keyOf, type KubeObject } from "../machinery/object.ts";
import type { Resource } from "../machinery/resources.ts";
import { type Backoff, backoffMs } from "./backoff.ts";
import { createCache, type WritableCache } from "./cache.ts";
import type { Client, ListOptions } from "./client.ts";
import type { Change, Indexes, Informer } from "./informer.ts";
import { type ReflectorEvent, type ReflectorInput, startListing, step } from "./reflector.ts";

/** What an informer watches, and what it needs of the world. */
export type InformerOptions<T extends KubeObject> = {
  readonly client: Pick<Client, "list" | "watch">;
  readonly type: Resource<T>;
  /** Which objects of the kind; default all. */
  readonly select?: ListOptions;
  readonly indexes?: Indexes<T>;
  readonly clock: Clock;
  readonly log: {
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
};

/** An informer that further readers may join before it runs. */
export interface SharedInformer<T extends KubeObject> extends Informer<T> {
  /** Files the objects under further indexes. @throws Error when the name is taken. */
  index(indexes: Indexes<T>): void;
}

const retries: Backoff = { baseMs: 200, maxMs: 15_000 };

const whyFailed = (err: unknown): "expired" | "lost" | "refused" => {
  if (isExpired(err)) return "expired";
  return isUnavailable(err) || isTooManyRequests(err) ? "lost" : "refused";
};

function perform<T extends KubeObject>(
  cache: WritableCache<T>,
  event: ReflectorEvent<T>,
): readonly Change<T>[] {
  switch (event.type) {
    case "replace":
      return cache.replace(event.objects);
    case "put":
      return cache.put(event.object);
    case "remove":
      return cache.remove(keyOf(event.object));
  }
}

class ReflectingInformer<T extends KubeObject> implements SharedInformer<T> {
  readonly cache: WritableCache<T>;
  readonly synced: Promise<void>;
  readonly #options: InformerOptions<T>;
  readonly #sync = Promise.withResolvers<void>();
  readonly #handlers: ((change: Change<T>) => void)[] = [];
  #state = startListing;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.cache = createCache(options.indexes);
    this.synced = this.#sync.promise;
    this.synced.catch(() => undefined); // nobody may be waiting when the informer is stopped early
  }

  index(indexes: Indexes<T>): void {
    this.cache.index(indexes);
  }

  onChange(handler: (change: Change<T>) => void): void {
    this.#handlers.push(handler);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    while (!signal.aborted) {
      try {
        const { wait, failures, phase } = this.#state;
        if (wait) await clock.sleep(backoffMs(retries, failures, random()), signal);
        await (phase === "listing" ? this.#list(signal) : this.#watch(signal));
      } catch (err) {
        if (!signal.aborted) this.#onFailure(err);
      }
    }
    this.#sync.reject(signal.reason as Error);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, type, select } = this.#options;
    this.#step({ type: "listed", list: await client.list(type, select, signal) });
    this.#sync.resolve();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, type, select, clock } = this.#options;
    const openedMs = clock.nowMs();
    const from = { ...select, resourceVersion: this.#state.resourceVersion };
    for await (const frame of client.watch(type, from, signal))
      this.#step({ type: "frame", frame });
    this.#step({ type: "closed", openMs: clock.nowMs() - openedMs });
  }

  #onFailure(err: unknown): void {
    const { type, log } = this.#options;
    const why = whyFailed(err);
    const { phase } = this.#state;
    this.#step({ type: "failed", why });
    // Ageing out of the history is part of a normal life.
    if (why !== "expired") log.warn({ err, resource: resourceText(type), phase }, "lost the watch");
  }

  #step(input: ReflectorInput<T>): void {
    const [events, state] = step(this.#state, input);
    this.#state = state;
    for (const event of events) {
      for (const change of perform(this.cache, event)) this.#tell(change);
    }
  }

  #tell(change: Change<T>): void {
    for (const handler of this.#handlers) {
      try {
        handler(change);
      } catch (err) {
        const resource = resourceText(this.#options.type);
        this.#options.log.error({ err, resource }, "handler of a change failed");
      }
    }
  }
}

/**
 * An informer that is yet to run. Handlers see the changes after their registration only, so
 * register them before.
 */
export function createInformer<T extends KubeObject>(
  options: InformerOptions<T>,
): SharedInformer<T> {
  return new ReflectingInformer(options);
}
