import { isExpired, unavailable } from "../machinery/errors.ts";
import { Collection, type WindowLimits } from "./cached-collection.ts";
import { eventOf, type Item, type ItemEvent, itemOf, keptItemOf } from "./item.ts";
import type { Listener } from "./listeners.ts";
import type { Batch, Revision, Store, StoreEvent } from "./store.ts";

/** The answer to a subscription: `unsubscribe` may be called any number of times. */
export type Subscription = { readonly unsubscribe: () => void };

/** How the cache lives: defaults suit the product, tests shrink them. */
export type WatchCacheOptions = {
  readonly limits?: WindowLimits;
  /** Told of every failure of the store; the cache itself goes on. */
  readonly onError?: (err: unknown) => void;
  /** Between two attempts after a failure, in milliseconds. Default 500. */
  readonly retryMs?: number;
};

/**
 * All objects of a store in memory, and the newest events of every collection.
 *
 * One watch of the whole store feeds all collections, so that a quiet collection knows how far
 * the history has come. Guarantees: `list` and `subscribe` are synchronous and see the state at
 * `revision`; each event is delivered once, in order. Not promised: that `revision` is the
 * newest, see `reach`.
 */
export interface WatchCache extends AsyncDisposable {
  /** Everything up to and including this revision is in the cache. */
  readonly revision: Revision;
  get(key: string): Item | undefined;
  /** The newest state known here: what was `wrote` counts also before the store tells of it. */
  newest(key: string): Item | undefined;
  /** Notes a state that the store has just committed. */
  wrote(item: Item): void;
  /** The items whose key starts with `prefix`, in key order. */
  list(prefix: string): readonly Item[];
  /** How many `list` would give, without the work. */
  count(prefix: string): number;
  /** Whether the cache has come to `revision` within `timeoutMs`. */
  reach(revision: Revision, timeoutMs: number): Promise<boolean>;
  /** Events of the prefix after `since`; those in the window are delivered before it returns.
   * `undefined`: `since` is older than the window. */
  subscribe(prefix: string, since: Revision, listener: Listener): Subscription | undefined;
  /** The same, from any `since` that the store remembers, until the signal aborts.
   * @throws StatusError `Expired` if it does not. */
  follow(prefix: string, since: Revision, listener: Listener, signal: AbortSignal): Promise<void>;
}

const root = "/registry/";
const pageSize = 5_000;
const defaultLimits: WindowLimits = { maxEvents: 2_000, maxBytes: 4 << 20 };

/** Fills a cache from the store and keeps it current until it is disposed of.
 * @throws what the store throws when the first list fails. */
export async function openWatchCache(
  store: Store,
  options: WatchCacheOptions = {},
): Promise<WatchCache> {
  const cache = new StoreCache(store, options);
  await cache.start();
  return cache;
}

/** `/registry/core/pods/` of `/registry/core/pods/shop/web-0`. */
function collectionOf(key: string): string {
  const group = key.indexOf("/", root.length);
  return key.slice(0, key.indexOf("/", group + 1) + 1);
}

class StoreCache implements WatchCache {
  revision: Revision = 0;
  readonly #store: Store;
  readonly #options: WatchCacheOptions;
  readonly #limits: WindowLimits;
  readonly #stop = new AbortController();
  #collections = new Map<string, Collection>();
  #waiting: { readonly revision: Revision; readonly wake: () => void }[] = [];
  /** Written, and not yet told of. */
  readonly #ahead = new Map<string, Item>();
  #loaded: Revision = 0;
  #running: Promise<void> | undefined;

  constructor(store: Store, options: WatchCacheOptions) {
    this.#store = store;
    this.#options = options;
    this.#limits = options.limits ?? defaultLimits;
  }

  async start(): Promise<void> {
    await this.#load();
    this.#running = this.#run();
  }

  get(key: string): Item | undefined {
    return this.#collections.get(collectionOf(key))?.get(key);
  }

  newest(key: string): Item | undefined {
    return this.#ahead.get(key) ?? this.get(key);
  }

  wrote(item: Item): void {
    if (item.at > this.revision) this.#ahead.set(item.key, item);
  }

  list(prefix: string): readonly Item[] {
    return this.#collections.get(collectionOf(prefix))?.list(prefix) ?? [];
  }

  count(prefix: string): number {
    return this.#collections.get(collectionOf(prefix))?.count(prefix) ?? 0;
  }

  async reach(revision: Revision, timeoutMs: number): Promise<boolean> {
    if (this.revision >= revision) return true;
    await new Promise<void>((resolve) => {
      const waiter = { revision, wake: resolve };
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        resolve();
      }, timeoutMs);
      this.#waiting.push({ revision, wake: () => (clearTimeout(timer), resolve()) });
    });
    return this.revision >= revision;
  }

  subscribe(prefix: string, since: Revision, listener: Listener): Subscription | undefined {
    const collection = this.#collection(collectionOf(prefix));
    if (since < collection.floor) return undefined;
    return { unsubscribe: collection.subscribe(prefix, since, listener) };
  }

  async follow(
    prefix: string,
    since: Revision,
    listener: Listener,
    signal: AbortSignal,
  ): Promise<void> {
    const subscription =
      this.subscribe(prefix, since, listener) ??
      (await this.#catchUp(prefix, since, listener, signal));
    if (subscription === undefined) return;
    if (signal.aborted) subscription.unsubscribe();
    else signal.addEventListener("abort", () => subscription.unsubscribe(), { once: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const { wake } of this.#waiting.splice(0)) wake();
    await this.#running;
  }

  /** Reads the store's own history until the window is reached, and goes on from there. */
  async #catchUp(
    prefix: string,
    since: Revision,
    listener: Listener,
    signal: AbortSignal,
  ): Promise<Subscription | undefined> {
    for await (const { events, revision } of this.#store.watch(prefix, since, signal)) {
      if (signal.aborted) return undefined;
      if (events.length > 0) listener.onEvents(events.map(fromHistory));
      const joined = this.subscribe(prefix, revision, listener);
      if (joined !== undefined) return joined;
      await listener.ready?.();
    }
    return undefined;
  }

  #collection(prefix: string): Collection {
    const known = this.#collections.get(prefix);
    if (known !== undefined) return known;
    const made = new Collection(this.#loaded, this.#limits);
    this.#collections.set(prefix, made);
    return made;
  }

  async #load(): Promise<void> {
    const before = this.#collections;
    let after: string | undefined;
    let at: Revision | undefined;
    const fresh = new Map<string, Collection>();
    for (;;) {
      const page = await this.#store.list({
        prefix: root,
        limit: pageSize,
        ...(after === undefined ? {} : { after }),
        ...(at === undefined ? {} : { at }),
      });
      at = page.revision;
      for (const { key, value, at: written } of page.entries) {
        const prefix = collectionOf(key);
        let collection = fresh.get(prefix);
        if (collection === undefined) {
          collection = new Collection(at, this.#limits);
          fresh.set(prefix, collection);
        }
        collection.load(keptItemOf(key, value, written));
        after = key;
      }
      if (page.remaining === 0 || page.entries.length === 0) break;
    }
    this.#collections = fresh;
    this.#loaded = at;
    this.#ahead.clear();
    // What happened between the old state and this one is unknown: watchers list again.
    for (const collection of before.values()) collection.reset();
    this.#advance(at);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const batch of this.#store.watch(root, this.revision, signal)) {
          this.#apply(batch);
        }
      } catch (err) {
        if (signal.aborted) return;
        this.#options.onError?.(err);
        await this.#recover(err);
      }
    }
  }

  async #recover(err: unknown): Promise<void> {
    try {
      if (isExpired(err)) return await this.#load();
    } catch (again) {
      this.#options.onError?.(again);
    }
    await pause(this.#options.retryMs ?? 500, this.#stop.signal);
  }

  #apply({ events, revision }: Batch): void {
    const told = new Map<Collection, ItemEvent[]>();
    for (const event of events) {
      if ((this.#ahead.get(event.key)?.at ?? 0) <= event.at) this.#ahead.delete(event.key);
      const collection = this.#collection(collectionOf(event.key));
      const made = collection.apply(event);
      if (!collection.watched) continue;
      const batch = told.get(collection);
      if (batch === undefined) told.set(collection, [made]);
      else batch.push(made);
    }
    // Before the revision moves: a bookmark names a state that every watcher was told of.
    for (const [collection, batch] of told) collection.tell(batch);
    this.#advance(revision);
  }

  #advance(revision: Revision): void {
    this.revision = revision;
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter((waiter) => waiter.revision <= revision);
    this.#waiting = this.#waiting.filter((waiter) => waiter.revision > revision);
    for (const { wake } of ready) wake();
  }
}

function fromHistory(event: StoreEvent): ItemEvent {
  const { previous, at, key } = event;
  if (event.type === "delete") return eventOf("DELETED", event, itemOf(key, event.value, at));
  if (previous === undefined) return eventOf("ADDED", event);
  return eventOf("MODIFIED", event, itemOf(key, previous, at));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}

/** The answer to a read that needs a newer state than the store delivered in time. */
export function behind(): Error {
  return unavailable("Cannot read the newest state: the store does not deliver its events");
}
