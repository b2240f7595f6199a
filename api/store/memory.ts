import { guardConflict, revisionConflict } from "../machinery/errors.ts";
import { closedError, type Feed, follow, openFeed } from "./feed.ts";
import {
  checkReadable,
  checkWatchable,
  compactedError,
  compactionTarget,
} from "./history-errors.ts";
import { checkKey, compareKeys } from "./keys.ts";
import type { Batch, Entry, Guard, Page, Range, Revision, Store } from "./store.ts";

/** One state of a key; without a value it was deleted. */
type Version = {
  readonly at: Revision;
  readonly createdAt: Revision;
  readonly value: Uint8Array | undefined;
};

/** A store that lives and dies with the process: for tests, and the model of the other drivers. */
export function memoryStore(): Store {
  return new MemoryStore();
}

class MemoryStore implements Store {
  /** Every retained version per key, oldest first. */
  readonly #versions = new Map<string, Version[]>();
  /** The keys of `#versions` in byte order. */
  #keys: string[] = [];
  readonly #feed: Feed = openFeed(0);
  #compacted: Revision = 0;
  #closed = false;

  async get(key: string): Promise<Entry | undefined> {
    this.#check(key);
    return entryOf(key, this.#latest(key));
  }

  async list({ prefix, after = "", limit = Infinity, at }: Range): Promise<Page> {
    this.#check();
    const extent = this.#extent();
    const revision = at ?? extent.revision;
    checkReadable(revision, extent);
    const entries: Entry[] = [];
    let remaining = 0;
    for (let i = this.#position(prefix); i < this.#keys.length; i++) {
      const key = this.#keys[i] ?? "";
      if (!key.startsWith(prefix)) break;
      if (compareKeys(key, after) <= 0) continue;
      const version = this.#versions.get(key)?.findLast((candidate) => candidate.at <= revision);
      const entry = entryOf(key, version);
      if (entry === undefined) continue;
      if (entries.length < limit) entries.push(entry);
      else remaining += 1;
    }
    return { entries, revision, remaining };
  }

  async put(key: string, value: Uint8Array, expected: Revision, guard?: Guard): Promise<Revision> {
    this.#check(key);
    const previous = this.#expect(key, expected, guard);
    const at = this.#feed.revision + 1;
    this.#append(key, { at, createdAt: previous?.createdAt ?? at, value });
    const event = { type: "put" as const, key, value, at };
    this.#feed.publish([previous ? { ...event, previous: previous.value } : event], at);
    return at;
  }

  async delete(key: string, expected: Revision, guard?: Guard): Promise<Revision> {
    this.#check(key);
    const previous = this.#expect(key, expected, guard);
    if (previous === undefined) throw revisionConflict(key, 0, expected);
    const at = this.#feed.revision + 1;
    this.#append(key, { at, createdAt: 0, value: undefined });
    this.#feed.publish([{ type: "delete", key, value: previous.value, at }], at);
    return at;
  }

  async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void> {
    checkWatchable(since, this.#extent());
    // The feed holds all history that there is: below its floor there is nothing.
    const older = (): never => {
      throw compactedError(since, this.#compacted);
    };
    yield* follow(this.#feed, older, { prefix, since, signal });
  }

  async head(): Promise<{ revision: Revision; compacted: Revision }> {
    this.#check();
    return this.#extent();
  }

  async compact(upTo: Revision): Promise<void> {
    this.#check();
    const target = compactionTarget(upTo, this.#extent());
    if (target <= this.#compacted) return;
    this.#compacted = target;
    this.#feed.forget(target);
    for (const [key, versions] of this.#versions) {
      const newest = versions.findLastIndex((version) => version.at <= target);
      const gone = versions[newest]?.value === undefined ? newest + 1 : newest;
      if (gone > 0) versions.splice(0, gone);
      if (versions.length === 0) this.#versions.delete(key);
    }
    this.#keys = this.#keys.filter((key) => this.#versions.has(key));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#feed.fail(closedError());
  }

  #check(key?: string): void {
    if (this.#closed) throw closedError();
    if (key !== undefined) checkKey(key);
  }

  #extent(): { readonly revision: Revision; readonly compacted: Revision } {
    return { revision: this.#feed.revision, compacted: this.#compacted };
  }

  #latest(key: string): Version | undefined {
    return this.#versions.get(key)?.at(-1);
  }

  /** The live entry, after comparing its revision with what the writer has seen. */
  #expect(key: string, expected: Revision, guard: Guard | undefined): Entry | undefined {
    if (guard !== undefined && entryOf(guard.key, this.#latest(guard.key))?.at !== guard.at) {
      throw guardConflict(key, guard.key, guard.at);
    }
    const live = entryOf(key, this.#latest(key));
    const have = live?.at ?? 0;
    if (have !== expected) throw revisionConflict(key, have, expected);
    return live;
  }

  #append(key: string, version: Version): void {
    const versions = this.#versions.get(key);
    if (versions !== undefined) {
      versions.push(version);
      return;
    }
    this.#versions.set(key, [version]);
    this.#keys.splice(this.#position(key), 0, key);
  }

  /** Index of the first key that is not less than `key`. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#keys[middle] ?? "", key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function entryOf(key: string, version: Version | undefined): Entry | undefined {
  if (version?.value === undefined) return undefined;
  return { key, value: version.value, at: version.at, createdAt: version.createdAt };
}
