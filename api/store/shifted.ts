import { compactedError } from "./history-errors.ts";
import type { Batch, Entry, Guard, Page, Range, Revision, Store, StoreEvent } from "./store.ts";

/**
 * The same store with all revisions greater by `by`. A storage that counts by itself, as etcd does,
 * thereby goes on behind the revisions of the store that was restored into it: who comes with one of
 * those is told to list again. Owns `store`.
 */
export function withShift(store: Store, by: Revision): Store {
  return by === 0 ? store : new ShiftedStore(store, by);
}

class ShiftedStore implements Store {
  readonly #store: Store;
  readonly #by: Revision;

  constructor(store: Store, by: Revision) {
    this.#store = store;
    this.#by = by;
  }

  async get(key: string): Promise<Entry | undefined> {
    const entry = await this.#store.get(key);
    return entry === undefined ? undefined : this.#up(entry);
  }

  async list({ at, ...range }: Range): Promise<Page> {
    const past = at === undefined ? {} : { at: this.#down(at) };
    const { entries, revision, remaining } = await this.#store.list({ ...range, ...past });
    const shifted = entries.map((entry) => this.#up(entry));
    return { entries: shifted, revision: revision + this.#by, remaining };
  }

  async put(key: string, value: Uint8Array, expected: Revision, guard?: Guard): Promise<Revision> {
    return (await this.#store.put(key, value, this.#had(expected), this.#guard(guard))) + this.#by;
  }

  async delete(key: string, expected: Revision, guard?: Guard): Promise<Revision> {
    return (await this.#store.delete(key, this.#had(expected), this.#guard(guard))) + this.#by;
  }

  async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void> {
    const batches = this.#store.watch(prefix, this.#down(since), signal);
    for await (const { events, revision } of batches) {
      yield { events: events.map((event) => this.#up(event)), revision: revision + this.#by };
    }
  }

  async head(): Promise<{ readonly revision: Revision; readonly compacted: Revision }> {
    const { revision, compacted } = await this.#store.head();
    return { revision: revision + this.#by, compacted: compacted + this.#by };
  }

  async compact(upTo: Revision): Promise<void> {
    if (upTo > this.#by) await this.#store.compact(upTo - this.#by);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  #up<T extends Entry | StoreEvent>(one: T): T {
    const at = one.at + this.#by;
    return "createdAt" in one
      ? { ...one, at, createdAt: one.createdAt + this.#by }
      : { ...one, at };
  }

  /** A revision to read from. @throws StatusError `Expired` for one of the time before */
  #down(at: Revision): Revision {
    if (at < this.#by) throw compactedError(at, this.#by);
    return at - this.#by;
  }

  /** A revision that a writer has read; one of the time before is that of no live entry. */
  #had(expected: Revision): Revision {
    if (expected === 0) return 0;
    return expected > this.#by ? expected - this.#by : Number.MAX_SAFE_INTEGER;
  }

  #guard(guard: Guard | undefined): Guard | undefined {
    return guard === undefined ? undefined : { ...guard, at: this.#had(guard.at) };
  }
}
