import { expired, internal, StatusError } from "../../machinery/errors.ts";
import { toStatus } from "../../machinery/status.ts";
import { type EventType, frameOf, type Item, type ItemEvent } from "../../store/item.ts";
import type { Revision } from "../../store/store.ts";
import type { Call } from "./call.ts";
import type { Outlet, WatchSink } from "./fan-out.ts";
import { narrowPrefixOf, reach } from "./list.ts";
import { readWatchOptions, type Selection, type WatchOptions } from "./list-options.ts";
import { type EventRenderer, eventRenderer } from "./render.ts";
import { beginSlice, turnOf } from "./slices.ts";
import { readObjectOf } from "./versions.ts";
import type { Watches } from "./watches.ts";

/** A watch that is ready to be sent: everything that can be refused was checked. */
export interface OpenWatch {
  /** Sends events until the client goes, the time is over or somebody aborts `stop`, by a StatusError
   * if that is how it shall end; it may abort that itself. */
  run(sink: WatchSink, stop: AbortController): Promise<void>;
}

/** Old state and old events are not sent faster than the client takes them, in bytes. */
const maxAheadBytes = 1 << 20;
const patienceMs = 3_000;
/** Watches without a timeout end at a random time, so that clients do not come back at once. */
const minLifeSeconds = 1_800;

/**
 * Prepares a watch of a collection, or of the one object that the call names.
 * @throws StatusError `BadRequest`, `Invalid`, `ServiceUnavailable`
 */
export async function openWatch(call: Call, watches: Watches): Promise<OpenWatch> {
  const options = readWatchOptions(call);
  const renderer = eventRenderer(call);
  const { revision } = options;
  if (revision === undefined) await reach(call, undefined);
  else if (options.initialEvents === true) await reach(call, revision);
  return {
    run: (sink, stop) => new Watch({ call, options, renderer, watches }, sink, stop).run(),
  };
}

/** How long a watch lives, in milliseconds. `random` is from 0 to 1. */
export function lifeMs(timeoutSeconds: number | undefined, random: number): number {
  const seconds = timeoutSeconds ?? minLifeSeconds * (1 + random);
  return Math.min(seconds * 1_000, 2 ** 31 - 1);
}

type Parts = {
  readonly call: Call;
  readonly options: WatchOptions;
  readonly renderer: EventRenderer;
  readonly watches: Watches;
};

class Watch {
  readonly #parts: Parts;
  readonly #sink: WatchSink;
  readonly #outlet: Outlet;
  readonly #stop: AbortController;
  /** Everything up to here was queued. */
  #at: Revision = 0;
  /** Everything that the cache has told of was queued. */
  #current = false;

  constructor(parts: Parts, sink: WatchSink, stop: AbortController) {
    this.#parts = parts;
    this.#sink = sink;
    this.#stop = stop;
    this.#outlet = parts.watches.fanOut.outlet(sink, () => stop.abort());
  }

  async run(): Promise<void> {
    const { options, watches } = this.#parts;
    const timer = setTimeout(
      () => this.#stop.abort(),
      lifeMs(options.timeoutSeconds, Math.random()),
    );
    let forget: (() => void) | undefined;
    try {
      await this.#follow(await this.#start());
      if (options.bookmarks) {
        forget = watches.addBookmarks(() => this.#bookmark(this.#position(), false));
      }
      await aborted(this.#stop.signal);
      const { reason } = this.#stop.signal;
      if (reason instanceof StatusError) throw reason; // the right to it was taken away
      // The next watch begins where this one ended, however quiet it was.
      if (options.bookmarks && this.#at > 0) this.#bookmark(this.#position(), false);
    } catch (err) {
      this.#fail(err);
    } finally {
      clearTimeout(timer);
      forget?.();
      this.#stop.abort();
      this.#outlet.flush();
      this.#sink.end();
    }
  }

  /** Sends the initial state, if it is wanted, and returns the revision to go on from. */
  async #start(): Promise<Revision> {
    const { call, options } = this.#parts;
    const { revision, initialEvents } = options;
    const { cache } = call.storage;
    if (initialEvents ?? (revision === undefined || revision === 0)) {
      // State and revision are read in one turn; sending them may take many.
      const at = cache.revision;
      await this.#sendInitial(cache.list(narrowPrefixOf(call)));
      if (this.#stop.signal.aborted) return at;
      if (initialEvents === true && options.bookmarks) this.#bookmark(at, true);
      this.#at = at;
      return at;
    }
    const since = revision === undefined || revision === 0 ? cache.revision : revision;
    if (since > cache.revision) await this.#await(since);
    this.#at = since;
    return since;
  }

  /** A revision that is not in the history is one of a lost history: the client lists again. */
  async #await(since: Revision): Promise<void> {
    const { store, cache } = this.#parts.call.storage;
    const { revision } = await store.head();
    const comes = since <= revision && (await cache.reach(since, patienceMs));
    if (!comes) throw expired(`too new resource version: ${since} (${revision})`);
  }

  async #sendInitial(items: readonly Item[]): Promise<void> {
    const { options, renderer, call } = this.#parts;
    const { selects } = options;
    const slice = beginSlice();
    let lines: Buffer[] = [];
    for (const item of items) {
      if (selects === undefined || selects(readObjectOf(call.kind, item)))
        lines.push(renderer.initial(item));
      if (!slice.spent()) continue;
      this.#queue(lines);
      lines = [];
      await this.#ready();
      if (this.#stop.signal.aborted) return;
      slice.restart();
    }
    this.#queue(lines);
  }

  /** Gives others their turn, and waits for a client that is behind. */
  async #ready(): Promise<void> {
    await turnOf();
    while (this.#outlet.backlogBytes > maxAheadBytes && !this.#stop.signal.aborted) {
      this.#outlet.flush();
      await this.#sink.drained();
    }
  }

  async #follow(since: Revision): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { call, options } = this.#parts;
    const { topic } = options;
    const listener = {
      ...(topic === undefined ? {} : { topic }),
      onEvents: (events: readonly ItemEvent[]) => this.#onEvents(events),
      onReset: () => {
        this.#current = false;
        this.#stop.abort();
      },
      ready: () => this.#ready(),
    };
    const { signal } = this.#stop;
    await call.storage.cache.follow(narrowPrefixOf(call), since, listener, signal);
    this.#current = !signal.aborted;
  }

  #onEvents(events: readonly ItemEvent[]): void {
    const { options, renderer } = this.#parts;
    const { selects } = options;
    const lines: Buffer[] = [];
    for (const event of events) {
      const type = seenAs(event, selects);
      if (type !== undefined) lines.push(renderer.event(event, type));
      this.#at = event.item.at;
    }
    this.#queue(lines);
  }

  /** How far the client has come once it took what is queued. */
  #position(): Revision {
    const { cache } = this.#parts.call.storage;
    return this.#current ? Math.max(this.#at, cache.revision) : this.#at;
  }

  #bookmark(at: Revision, initialEventsEnd: boolean): void {
    this.#outlet.push([this.#parts.renderer.bookmark(at, initialEventsEnd)]);
  }

  #queue(lines: readonly Buffer[]): void {
    if (lines.length === 0) return;
    const { call, watches } = this.#parts;
    watches.onEvents(call.kind, lines.length);
    this.#outlet.push(lines);
  }

  #fail(err: unknown): void {
    const known = err instanceof StatusError ? err : internal("Cannot go on with the watch");
    this.#outlet.push([frameOf("ERROR", JSON.stringify(toStatus(known)))]);
  }
}

/** What an event looks like through a selector; `undefined`: nothing at all. */
export function seenAs(event: ItemEvent, selects: Selection): EventType | undefined {
  if (selects === undefined) return event.type;
  const { type, item, previous } = event;
  const before = previous !== undefined && selects(previous.object);
  if (type === "DELETED") return before || selects(item.object) ? "DELETED" : undefined;
  const now = selects(item.object);
  if (now) return before ? "MODIFIED" : "ADDED";
  return before ? "DELETED" : undefined;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
