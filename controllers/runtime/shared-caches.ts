import type { Cache, Change, Indexes } from "../../api/client/informer.ts";
import type { Client } from "../../api/client/client.ts";
import { createInformer, type SharedInformer } from "../../api/client/shared-informer.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { resourceText } from "../../api/machinery/gvk.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import type { Resource } from "../../api/machinery/resources.ts";
import type { Caches, Log } from "./reconciler.ts";

/** The caches that one controller asked for. */
export interface ScopedCaches extends Caches {
  /** Resolves when all of them are filled; rejects when the informers stop before. */
  synced(): Promise<void>;
}

/** A kind that somebody reads. */
export type Reading<T extends KubeObject> = {
  readonly cache: Cache<T>;
  readonly isSynced: () => boolean;
  /** Ends this reading; the informer ends with its last one. */
  readonly stop: () => void;
};

/** One informer per kind, however many controllers read it. */
export interface SharedCaches {
  /** A view for one controller, which remembers what that one reads. */
  scope(): ScopedCaches;
  /** Reads a kind and hears of its later changes, also while running. */
  read(
    type: Resource<KubeObject>,
    handler: (change: Change<KubeObject>) => void,
    indexes?: Indexes<KubeObject>,
  ): Reading<KubeObject>;
  /** Runs all informers until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

type Options = {
  readonly client: Pick<Client, "list" | "watch">;
  readonly clock: Clock;
  readonly log: Log;
};

type Handler = (change: Change<KubeObject>) => void;

/** The informer of one kind with its readers. */
class Shared {
  readonly informer: SharedInformer<KubeObject>;
  readonly handlers = new Set<Handler>();
  readonly #stop = new AbortController();
  isSynced = false;

  constructor(options: Options, type: Resource<KubeObject>) {
    this.informer = createInformer({ ...options, type });
    this.informer.onChange((change) => {
      for (const handler of this.handlers) this.#tell(handler, change, options.log);
    });
    this.informer.synced.then(
      () => (this.isSynced = true),
      () => undefined, // stopped before
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#stop.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    await this.informer.run(this.#stop.signal);
    signal.removeEventListener("abort", onAbort);
  }

  #tell(handler: Handler, change: Change<KubeObject>, log: Log): void {
    try {
      handler(change);
    } catch (err) {
      log.error({ err }, "handler of a change failed");
    }
  }

  stop(): void {
    this.#stop.abort(new Error("Nobody reads this kind any more"));
  }
}

class InformerPool implements SharedCaches {
  readonly #options: Options;
  readonly #shared = new Map<string, Shared>();
  readonly #running = new Set<Promise<void>>();
  #signal: AbortSignal | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  scope(): ScopedCaches {
    const used = new Set<Promise<void>>();
    return {
      of: <T extends KubeObject>(type: Resource<T>, indexes: Indexes<T> = {}): Cache<T> => {
        // Sound: all that is ever put under this kind's id are objects of this type.
        const { informer, handlers } = this.#sharedOf(type as unknown as Resource<KubeObject>);
        informer.index(indexes as unknown as Indexes<KubeObject>);
        handlers.add(() => undefined); // holds the informer, whoever else stops reading
        used.add(informer.synced);
        return informer.cache as Cache<T>;
      },
      synced: async () => {
        await Promise.all(used);
      },
    };
  }

  read(
    type: Resource<KubeObject>,
    handler: (change: Change<KubeObject>) => void,
    indexes: Indexes<KubeObject> = {},
  ): Reading<KubeObject> {
    const shared = this.#sharedOf(type);
    shared.informer.index(indexes);
    shared.handlers.add(handler);
    return {
      cache: shared.informer.cache,
      isSynced: () => shared.isSynced,
      stop: () => {
        shared.handlers.delete(handler);
        if (shared.handlers.size > 0) return;
        shared.stop();
        this.#shared.delete(idOf(type));
      },
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const shared of this.#shared.values()) this.#start(shared, signal);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.all(this.#running);
  }

  #sharedOf(type: Resource<KubeObject>): Shared {
    const id = idOf(type);
    const known = this.#shared.get(id);
    if (known !== undefined) return known;
    const shared = new Shared(this.#options, type);
    this.#shared.set(id, shared);
    if (this.#signal !== undefined) this.#start(shared, this.#signal);
    return shared;
  }

  #start(shared: Shared, signal: AbortSignal): void {
    const running = shared.run(signal).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}

const idOf = (type: Resource<KubeObject>): string =>
  `${resourceText(type)}/${type.version}${type.metadataOnly === true ? " metadata" : ""}`;

/** No informers yet: each kind gets one when it is first asked for. */
export function createSharedCaches(options: Options): SharedCaches {
  return new InformerPool(options);
}
