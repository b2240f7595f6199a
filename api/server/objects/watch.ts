import { expired, internal, isExpired, StatusError } from "../../machinery/errors.ts";
import { toStatus } from "../../machinery/status.ts";
import { type EventType, frameOf, type ItemEvent } from "../../store/item.ts";
import type { Revision } from "../../store/store.ts";
import type { Call } from "./call.ts";
import { narrowPrefixOf, reach } from "./list.ts";
import { readWatchOptions, type Selection, type WatchOptions } from "./list-options.ts";
import { type EventRenderer, eventRenderer } from "./render.ts";

/** The stream of one response. */
export interface WatchSink {
  /** Takes one or several lines. */
  write(lines: Buffer): void;
  /** Bytes that the client has not taken yet. */
  readonly backlogBytes: number;
  /** Ends the response; nothing is written after it. */
  end(): void;
  /** Breaks the connection off: the client must see that something is missing. */
  cut(): void;
}

/** A watch that is ready to be sent: everything that can be refused was checked. */
export interface OpenWatch {
  /** Sends events until the client goes, the time is over or the signal aborts. */
  run(sink: WatchSink, signal: AbortSignal): Promise<void>;
}

/** Sends a bookmark to all who asked for them; called about once a minute. */
export class Bookmarks {
  readonly #senders = new Set<() => void>();

  /** Calls `send` on every tick until the returned function is called. */
  add(send: () => void): () => void {
    this.#senders.add(send);
    return () => {
      this.#senders.delete(send);
    };
  }

  /** Lets everybody send. */
  tick(): void {
    for (const send of this.#senders) send();
  }
}

/** A client that is this far behind is cut off, in bytes. It resumes from its last event. */
const maxBacklogBytes = 8 << 20;
const patienceMs = 3_000;
/** Watches without a timeout end at a random time, so that clients do not come back at once. */
const minLifeSeconds = 1_800;

/**
 * Prepares a watch of a collection, or of the one object that the call names.
 * @throws StatusError `BadRequest`, `Invalid`, `ServiceUnavailable`
 */
export async function openWatch(call: Call, bookmarks: Bookmarks): Promise<OpenWatch> {
  const options = readWatchOptions(call);
  const renderer = eventRenderer(call);
  const { revision } = options;
  if (revision === undefined) await reach(call, undefined);
  else if (options.initialEvents === true) await reach(call, revision);
  return {
    async run(sink, signal) {
      const watch = new Watch(call, options, renderer, sink);
      await watch.run(bookmarks, signal);
    },
  };
}

class Watch {
  readonly #call: Call;
  readonly #options: WatchOptions;
  readonly #renderer: EventRenderer;
  readonly #sink: WatchSink;
  readonly #stop = new AbortController();
  /** Everything up to here was delivered. */
  #at: Revision = 0;

  constructor(call: Call, options: WatchOptions, renderer: EventRenderer, sink: WatchSink) {
    this.#call = call;
    this.#options = options;
    this.#renderer = renderer;
    this.#sink = sink;
  }

  async run(bookmarks: Bookmarks, outer: AbortSignal): Promise<void> {
    const { signal } = this.#stop;
    const stop = (): void => this.#stop.abort();
    const timer = setTimeout(stop, this.#lifeMs());
    outer.addEventListener("abort", stop, { once: true });
    let forget: (() => void) | undefined;
    try {
      await this.#follow(await this.#start());
      if (this.#options.bookmarks) forget = bookmarks.add(() => this.#bookmark(false));
      await aborted(signal);
      if (this.#options.bookmarks && !outer.aborted) this.#bookmark(false);
    } catch (err) {
      this.#fail(err);
    } finally {
      clearTimeout(timer);
      outer.removeEventListener("abort", stop);
      forget?.();
      this.#stop.abort();
      this.#sink.end();
    }
  }

  #lifeMs(): number {
    const seconds = this.#options.timeoutSeconds ?? minLifeSeconds * (1 + Math.random());
    return Math.min(seconds * 1_000, 2 ** 31 - 1);
  }

  /** Sends the initial state, if it is wanted, and returns the revision to go on from. */
  async #start(): Promise<Revision> {
    const { revision, initialEvents } = this.#options;
    const { cache } = this.#call.storage;
    const synthetic = initialEvents ?? (revision === undefined || revision === 0);
    if (synthetic) {
      this.#sendInitial();
      this.#at = cache.revision;
      if (initialEvents === true && this.#options.bookmarks) this.#bookmark(true);
      return this.#at;
    }
    const since = revision === undefined || revision === 0 ? cache.revision : revision;
    if (since > cache.revision) await this.#await(since);
    this.#at = since;
    return since;
  }

  /** A revision that is not in the history is one of a lost history: the client lists again. */
  async #await(since: Revision): Promise<void> {
    const { store, cache } = this.#call.storage;
    const { revision } = await store.head();
    const comes = since <= revision && (await cache.reach(since, patienceMs));
    if (!comes) throw expired(`too new resource version: ${since} (${revision})`);
  }

  #sendInitial(): void {
    const { selects } = this.#options;
    const lines: Buffer[] = [];
    for (const item of this.#call.storage.cache.list(narrowPrefixOf(this.#call))) {
      if (selects === undefined || selects(item.object)) lines.push(this.#renderer.initial(item));
    }
    this.#write(lines);
  }

  async #follow(since: Revision): Promise<void> {
    const listener = {
      onEvents: (events: readonly ItemEvent[]) => this.#onEvents(events),
      onReset: () => this.#stop.abort(),
    };
    const { cache } = this.#call.storage;
    await cache.follow(narrowPrefixOf(this.#call), since, listener, this.#stop.signal);
  }

  #onEvents(events: readonly ItemEvent[]): void {
    const { selects } = this.#options;
    const lines: Buffer[] = [];
    for (const event of events) {
      const type = seenAs(event, selects);
      if (type !== undefined) lines.push(this.#renderer.event(event, type));
      this.#at = event.item.at;
    }
    this.#write(lines);
  }

  #bookmark(initialEventsEnd: boolean): void {
    const at = Math.max(this.#at, this.#call.storage.cache.revision);
    this.#write([this.#renderer.bookmark(at, initialEventsEnd)]);
  }

  #write(lines: readonly Buffer[]): void {
    const [first] = lines;
    if (first === undefined || this.#stop.signal.aborted) return;
    this.#sink.write(lines.length === 1 ? first : Buffer.concat(lines));
    if (this.#sink.backlogBytes <= maxBacklogBytes) return;
    this.#stop.abort();
    this.#sink.cut();
  }

  #fail(err: unknown): void {
    if (this.#stop.signal.aborted && !isExpired(err)) return;
    const known = err instanceof StatusError ? err : internal("Cannot go on with the watch");
    this.#sink.write(frameOf("ERROR", JSON.stringify(toStatus(known))));
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
