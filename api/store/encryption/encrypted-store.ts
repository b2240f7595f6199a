import { setImmediate as nextTurn } from "node:timers/promises";
import { expired, internal } from "../../machinery/errors.ts";
import { parseStoreKey } from "../keys.ts";
import type { Batch, Entry, Guard, Page, Range, Revision, Store, StoreEvent } from "../store.ts";
import { isSealed, seal, SealError, unseal } from "./envelope.ts";
import { findKey, isProtected, type KeyRing } from "./key-ring.ts";

/** What the decorator needs beside the store. */
export type EncryptedStoreOptions = {
  /** The keys as they are now. */
  readonly ring: () => KeyRing;
  /** Told of each value that cannot be opened, once per key and revision. */
  readonly onUnreadable?: (key: string, at: Revision, err: SealError) => void;
};

/** A store whose values under some prefixes are encrypted beneath it. */
export interface EncryptedStore extends Store {
  /** Ends all watches with `Expired`, so that readers list again: values became readable. */
  refresh(): void;
}

/** Opened values that are kept for the next `get`, the newest ones. */
const kept = { entries: 2_000, bytes: 4 << 20 };

/** Values opened between two turns of the event loop: a few milliseconds' work. */
const stride = 256;

/**
 * Seals values under the ring's prefixes on their way into the store, and opens whatever is sealed
 * on its way out; values from before that are plain are read as they are. Everything above sees
 * plain values.
 *
 * Keeps the contract of `Store`, and adds for values that cannot be opened: `get` says so by name,
 * `list` and `watch` leave the object out (one broken Secret must not hide all others), and it can
 * be overwritten and deleted by its revision.
 *
 * Leaves the store open: it is its owner's.
 */
export function encryptedStore(store: Store, options: EncryptedStoreOptions): EncryptedStore {
  return new Encrypted(store, options);
}

/** The answer to a read of a value that cannot be opened. */
function unreadable(key: string, cause: SealError): Error {
  return internal(`Cannot read ${key}: ${cause.message}`, { cause });
}

class Encrypted implements EncryptedStore {
  readonly #store: Store;
  readonly #options: EncryptedStoreOptions;
  /** Newest revision per key that was told of. Bounded by the number of broken values. */
  readonly #told = new Map<string, Revision>();
  /** What `get` opened lately: good while the entry is at the same revision, and the keys are the same. */
  readonly #lately = new Map<string, Entry>();
  #latelyBytes = 0;
  #latelyBy: KeyRing["keys"] = [];
  #generation = new AbortController();

  constructor(store: Store, options: EncryptedStoreOptions) {
    this.#store = store;
    this.#options = options;
  }

  async get(key: string): Promise<Entry | undefined> {
    const entry = await this.#store.get(key);
    if (entry === undefined || !isSealed(entry.value)) return entry;
    const before = this.#latelyOpened().get(key);
    if (before?.at === entry.at) return before;
    const value = this.#open(key, entry.value, entry.at);
    if (value instanceof SealError) throw unreadable(key, value);
    const opened = { ...entry, value };
    this.#keep(opened, before);
    return opened;
  }

  async list(range: Range): Promise<Page> {
    for (let { after } = range; ;) {
      const page = await this.#store.list({ ...range, ...(after === undefined ? {} : { after }) });
      const entries = await this.#opened(page.entries, range.complete === true);
      const last = page.entries.at(-1);
      // A page of nothing but broken values would look like the end.
      if (entries.length > 0 || last === undefined || page.remaining === 0) {
        return { ...page, entries };
      }
      after = last.key;
    }
  }

  put(key: string, value: Uint8Array, expected: Revision, guard?: Guard): Promise<Revision> {
    return this.#store.put(key, this.#sealed(key, value), expected, guard);
  }

  delete(key: string, expected: Revision, guard?: Guard): Promise<Revision> {
    return this.#store.delete(key, expected, guard);
  }

  async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void> {
    const generation = this.#generation.signal;
    const either = AbortSignal.any([signal, generation]);
    for await (const { events, revision } of this.#store.watch(prefix, since, either)) {
      const opened = events.flatMap((event) => this.#openedEvent(event));
      yield { events: opened, revision };
    }
    if (generation.aborted && !signal.aborted) {
      throw expired("Cannot watch on: values that could not be read before now can");
    }
  }

  head(): ReturnType<Store["head"]> {
    return this.#store.head();
  }

  compact(upTo: Revision): Promise<void> {
    return this.#store.compact(upTo);
  }

  refresh(): void {
    this.#told.clear();
    this.#generation.abort();
    this.#generation = new AbortController();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#generation.abort();
  }

  #sealed(key: string, value: Uint8Array): Uint8Array {
    const ring = this.#options.ring();
    if (!isProtected(ring, key)) return value;
    const writing = findKey(ring, ring.writing);
    if (writing === undefined) throw internal(`Cannot write ${key}: no encryption key writes`);
    return seal(writing, key, value);
  }

  /** The plain value, or why there is none. */
  #open(key: string, value: Uint8Array, at: Revision): Uint8Array | SealError {
    if (!isSealed(value)) return value;
    try {
      return unseal(this.#options.ring(), key, value);
    } catch (err) {
      if (!(err instanceof SealError)) throw err;
      if ((this.#told.get(key) ?? 0) < at) {
        this.#told.set(key, at);
        this.#options.onUnreadable?.(key, at, err);
      }
      return err;
    }
  }

  #latelyOpened(): ReadonlyMap<string, Entry> {
    const { keys } = this.#options.ring();
    if (keys !== this.#latelyBy) {
      this.#latelyBy = keys;
      this.#lately.clear();
      this.#latelyBytes = 0;
    }
    return this.#lately;
  }

  #keep(entry: Entry, before: Entry | undefined): void {
    if (before !== undefined) this.#forget(before);
    this.#lately.set(entry.key, entry);
    this.#latelyBytes += entry.value.byteLength;
    for (const oldest of this.#lately.values()) {
      if (this.#lately.size <= kept.entries && this.#latelyBytes <= kept.bytes) return;
      this.#forget(oldest);
    }
  }

  #forget(entry: Entry): void {
    this.#lately.delete(entry.key);
    this.#latelyBytes -= entry.value.byteLength;
  }

  async #opened(entries: readonly Entry[], complete: boolean): Promise<readonly Entry[]> {
    if (!entries.some(({ value }) => isSealed(value))) return entries;
    const opened: Entry[] = [];
    for (const [i, entry] of entries.entries()) {
      const value = this.#open(entry.key, entry.value, entry.at);
      if (!(value instanceof SealError)) opened.push({ ...entry, value });
      else if (complete) throw unreadable(entry.key, value);
      if (i % stride === stride - 1) await nextTurn();
    }
    return opened;
  }

  #openedEvent(event: StoreEvent): StoreEvent[] {
    const { key, at, previous } = event;
    if (!isSealed(event.value) && (previous === undefined || !isSealed(previous))) return [event];
    const value = this.#open(key, event.value, at);
    const before = previous === undefined ? undefined : this.#open(key, previous, at - 1);
    const readableBefore = before === undefined || before instanceof SealError ? {} : { before };
    if (event.type === "delete") {
      return [{ type: "delete", key, at, value: value instanceof SealError ? bare(key) : value }];
    }
    if (!(value instanceof SealError)) {
      const { before: shown } = readableBefore;
      return [{ type: "put", key, at, value, ...(shown === undefined ? {} : { previous: shown }) }];
    }
    // What was readable before is so no longer: to readers it is gone.
    const { before: last } = readableBefore;
    return last === undefined ? [] : [{ type: "delete", key, at, value: last }];
  }
}

/** What remains to be said of an object whose last state cannot be read. */
function bare(key: string): Uint8Array {
  const { name = "", namespace } = parseStoreKey(key)?.key ?? {};
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return Buffer.from(JSON.stringify({ metadata }));
}
