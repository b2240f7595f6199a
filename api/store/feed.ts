import { unavailable } from "../machinery/errors.ts";
import type { Batch, Revision, StoreEvent } from "./store.ts";

/** How much of the newest history a feed keeps in memory; older events are evicted. */
export type FeedLimits = { readonly maxEvents: number; readonly maxBytes: number };

/** One batch never holds more, so that a slow reader costs a bounded amount of memory. */
export const batchLimits: FeedLimits = { maxEvents: 500, maxBytes: 1 << 20 };

/** What one watch asks for. */
export type WatchRequest = {
  readonly prefix: string;
  readonly since: Revision;
  readonly signal: AbortSignal;
};

/**
 * The newest events of a driver, shared by all of its watchers: each one reads at its own pace,
 * nothing is queued per watcher.
 */
export interface Feed {
  /** Every event up to and including this revision was published. */
  readonly revision: Revision;
  /** Events after this revision are in memory; before it only the driver's history helps. */
  readonly floor: Revision;
  /** Appends events in order of `at`, all greater than `revision` before, and wakes the watchers. */
  publish(events: readonly StoreEvent[], revision: Revision): void;
  /** Evicts events up to and including `upTo`. */
  forget(upTo: Revision): void;
  /** Starts anew at `revision`: watchers from before find their events gone. */
  reset(revision: Revision): void;
  /** The next events of the prefix after `since`, which must not be below `floor`. */
  read(prefix: string, since: Revision): Batch;
  /** Ends every watch, present and future, with this error. */
  fail(err: Error): void;
  /** @throws the error given to `fail` */
  check(): void;
  /** Calls `wake` after each change, until the returned function is called. */
  subscribe(wake: () => void): () => void;
}

/** Bytes that an event holds on to. */
export function eventBytes({ key, value, previous }: StoreEvent): number {
  return key.length + value.byteLength + (previous?.byteLength ?? 0);
}

/** An empty feed that continues after `start`. Without limits it keeps all until `forget`. */
export function openFeed(start: Revision, limits?: FeedLimits): Feed {
  return new WindowFeed(start, limits ?? { maxEvents: Infinity, maxBytes: Infinity });
}

class WindowFeed implements Feed {
  revision: Revision;
  floor: Revision;
  #limits: FeedLimits;
  #events: StoreEvent[] = [];
  // Evicted events stay in front of `#first` until enough of them are worth one copy.
  #first = 0;
  #bytes = 0;
  #failure: Error | undefined;
  readonly #wakes = new Set<() => void>();

  constructor(start: Revision, limits: FeedLimits) {
    this.revision = start;
    this.floor = start;
    this.#limits = limits;
  }

  publish(events: readonly StoreEvent[], revision: Revision): void {
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += eventBytes(event);
    }
    this.revision = revision;
    this.#evict();
    this.#wakeAll();
  }

  forget(upTo: Revision): void {
    if (upTo <= this.floor) return;
    while (this.#first < this.#events.length && this.#at(this.#first) <= upTo) this.#drop();
    this.floor = upTo;
    this.#wakeAll();
  }

  reset(revision: Revision): void {
    this.#events = [];
    this.#first = 0;
    this.#bytes = 0;
    this.floor = revision;
    this.revision = revision;
    this.#wakeAll();
  }

  read(prefix: string, since: Revision): Batch {
    const events: StoreEvent[] = [];
    let bytes = 0;
    let last = since;
    for (let i = this.#after(since); i < this.#events.length; i++) {
      const event = this.#events[i];
      if (event === undefined) break;
      const full = events.length >= batchLimits.maxEvents || bytes >= batchLimits.maxBytes;
      // Events of one revision stay together: a batch promises all of its revision.
      if (full && event.at !== last) return { events, revision: last };
      last = event.at;
      if (!event.key.startsWith(prefix)) continue;
      events.push(event);
      bytes += eventBytes(event);
    }
    return { events, revision: Math.max(since, this.revision) };
  }

  fail(err: Error): void {
    this.#failure ??= err;
    this.#wakeAll();
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  subscribe(wake: () => void): () => void {
    this.#wakes.add(wake);
    return () => {
      this.#wakes.delete(wake);
    };
  }

  #wakeAll(): void {
    for (const wake of this.#wakes) wake();
  }

  #evict(): void {
    const { maxEvents, maxBytes } = this.#limits;
    while (this.#events.length - this.#first > maxEvents || this.#bytes > maxBytes) {
      const at = this.#at(this.#first);
      // All of a revision or none of it: the floor lies between revisions.
      while (this.#first < this.#events.length && this.#at(this.#first) === at) this.#drop();
      this.floor = at;
    }
  }

  #drop(): void {
    const event = this.#events[this.#first];
    if (event !== undefined) this.#bytes -= eventBytes(event);
    this.#first += 1;
    if (this.#first < 1_024 || this.#first * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#first);
    this.#first = 0;
  }

  #at(index: number): Revision {
    return this.#events[index]?.at ?? Infinity;
  }

  /** Index of the first event after `since`. */
  #after(since: Revision): number {
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(middle) <= since) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Where events come from that are no longer in the feed. */
export type Older = (request: WatchRequest) => AsyncIterable<Batch>;

/**
 * One watch: older events from the driver's history, then those of the feed as they come. Ends
 * without an error when the signal aborts, and with the feed's error when the store closes.
 */
export async function* follow(
  feed: Feed,
  older: Older,
  { prefix, since, signal }: WatchRequest,
): AsyncGenerator<Batch, void, undefined> {
  let at = since;
  let started = false;
  const bell = armBell(feed, signal);
  try {
    while (!signal.aborted) {
      feed.check();
      if (at < feed.floor) {
        at = yield* catchUp(feed, older, { prefix, since: at, signal });
        started = true;
        continue;
      }
      const batch = feed.read(prefix, at);
      if (batch.revision === at && started) {
        await bell.rung();
        continue;
      }
      at = batch.revision;
      started = true;
      yield batch;
    }
  } finally {
    bell.disarm();
  }
}

/** Older events until the feed has the next ones; returns how far it came. */
async function* catchUp(
  feed: Feed,
  older: Older,
  request: WatchRequest,
): AsyncGenerator<Batch, Revision, undefined> {
  let at = request.since;
  for await (const batch of older(request)) {
    if (request.signal.aborted) break;
    at = Math.max(at, batch.revision);
    yield batch;
    if (at >= feed.floor) break;
  }
  return at;
}

/** Resolves once after each change or abort; a ring between two waits is not lost. */
function armBell(feed: Feed, signal: AbortSignal): { rung(): Promise<void>; disarm(): void } {
  let pending = false;
  let wake: (() => void) | undefined;
  const ring = (): void => {
    pending = true;
    wake?.();
  };
  const unsubscribe = feed.subscribe(ring);
  signal.addEventListener("abort", ring);
  return {
    async rung() {
      if (!pending) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      wake = undefined;
      pending = false;
    },
    disarm() {
      unsubscribe();
      signal.removeEventListener("abort", ring);
    },
  };
}

/** The error of every call on a store that was disposed of. */
export function closedError(): Error {
  return unavailable("Cannot use the store: it was closed");
}
