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

/** One informer per kind, however many controllers read it. */
export interface SharedCaches {
  /** A view for one controller, which remembers what that one reads. */
  scope(): ScopedCaches;
  /** Hears of every change of a kind; before `run` only. */
  onChange(type: Resource<KubeObject>, handler: (change: Change<KubeObject>) => void): void;
  /** Runs all informers until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

type Options = {
  readonly client: Pick<Client, "list" | "watch">;
  readonly clock: Clock;
  readonly log: Log;
};

/** No informers yet: each kind gets one when it is first asked for. */
export function createSharedCaches(options: Options): SharedCaches {
  const informers = new Map<string, SharedInformer<KubeObject>>();
  let running = false;
  const informerOf = <T extends KubeObject>(type: Resource<T>): SharedInformer<T> => {
    const id = `${resourceText(type)}/${type.version}`;
    const known = informers.get(id);
    // Sound: all that is ever put under this id are objects of this type.
    if (known !== undefined) return known as unknown as SharedInformer<T>;
    if (running) throw new Error(`Cannot read ${id}: caches are asked for before the manager runs`);
    const informer = createInformer<T>({ ...options, type });
    informers.set(id, informer);
    return informer;
  };
  return {
    scope() {
      const used = new Set<Promise<void>>();
      return {
        of<T extends KubeObject>(type: Resource<T>, indexes: Indexes<T> = {}): Cache<T> {
          const informer = informerOf(type);
          informer.index(indexes);
          used.add(informer.synced);
          return informer.cache;
        },
        async synced() {
          await Promise.all(used);
        },
      };
    },
    onChange: (type, handler) => informerOf(type).onChange(handler),
    async run(signal) {
      running = true;
      await Promise.all(Array.from(informers.values(), (informer) => informer.run(signal)));
    },
  };
}
