import { expired, guardConflict, isConflict, revisionConflict } from "../machinery/errors.ts";
import { closedError, type Feed, follow, openFeed, type WatchRequest } from "./feed.ts";
import { checkReadable, checkWatchable, compactedError } from "./history-errors.ts";
import { compareKeys } from "./keys.ts";
import type { Batch, Entry, Guard, Page, Range, Revision, Store, StoreEvent } from "./store.ts";

/**
 * How many volatile writes fit between two durable ones. Revisions of the combined history are
 * those of the durable one times this, plus a count: integers up to 2^53 leave 2^37 durable writes.
 */
export const volatileSteps = 2 ** 16;
const room = volatileSteps;

/** Its only purpose is to move the durable history on; nobody sees it. */
const epochKey = "/lighthouse-epoch";

/** Replaced states that are kept at least, for pages of a list that were begun before. Integer. */
const maxReplaced = 4_000;

const feedLimits = { maxEvents: 10_000, maxBytes: 16 << 20 };

/**
 * Keeps what lies under some prefixes in memory only, for writes that come often and mean
 * nothing after a restart: heartbeats. All other keys are those of `store`.
 *
 * The combined store keeps the contract of `Store` with one exception: volatile keys are gone
 * when it is opened again, and have no history beyond the newest events. A watch that covers one
 * and comes from an earlier life answers `Expired`, as each life begins with a durable write.
 *
 * Only for a store that nobody else writes to: a second server would not see the volatile keys.
 */
export async function withVolatile(store: Store, prefixes: readonly string[]): Promise<Store> {
  const combined = new CombinedStore(store, prefixes);
  await combined.start();
  return combined;
}

/** What a volatile write replaced: with it, lists can show the state before. */
type Replaced = { readonly at: Revision; readonly key: string; readonly before: Entry | undefined };

class CombinedStore implements Store {
  readonly #store: Store;
  readonly #prefixes: readonly string[];
  readonly #entries = new Map<string, Entry>();
  #replaced: Replaced[] = [];
  /** States from before this revision cannot be shown any more. */
  #replacedFloor: Revision = 0;
  readonly #stop = new AbortController();
  #feed: Feed = openFeed(0);
  #pump: Promise<void> | undefined;

  constructor(store: Store, prefixes: readonly string[]) {
    this.#store = store;
    this.#prefixes = prefixes;
  }

  async start(): Promise<void> {
    const start = await this.#moveOn();
    this.#feed = openFeed(start * room, feedLimits);
    this.#replacedFloor = start * room;
    this.#pump = this.#run(start);
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#feed.check();
    if (this.#isVolatile(key)) return this.#entries.get(key);
    const entry = await this.#store.get(key);
    return entry === undefined ? undefined : scaled(entry);
  }

  async list(range: Range): Promise<Page> {
    this.#feed.check();
    const { at, ...rest } = range;
    if (at !== undefined) checkReadable(at, await this.head());
    const durable = this.#inVolatile(range.prefix)
      ? { entries: [], revision: (await this.#store.head()).revision, remaining: 0 }
      : await this.#store.list({
          ...rest,
          ...(at === undefined ? {} : { at: Math.floor(at / room) }),
        });
    const revision = at ?? this.#revisionOf(durable.revision);
    const page = { ...withoutEpoch(range, durable), revision };
    if (!this.#coversVolatile(range.prefix) || this.#skipsVolatile(range, page)) return page;
    return this.#merged(range, page);
  }

  async put(key: string, value: Uint8Array, expected: Revision, guard?: Guard): Promise<Revision> {
    this.#feed.check();
    if (!this.#isVolatile(key)) {
      const only = this.#durableGuard(key, guard);
      const at = await this.#durably(key, expected, (want) =>
        this.#store.put(key, value, want, only),
      );
      return at * room;
    }
    await this.#mustHold(key, guard);
    await this.#makeRoom();
    const before = this.#expect(key, expected);
    const at = this.#feed.revision + 1;
    const kept = Uint8Array.from(value);
    this.#entries.set(key, { key, value: kept, at, createdAt: before?.createdAt ?? at });
    this.#keepReplaced({ at, key, before });
    const previous = before === undefined ? {} : { previous: before.value };
    this.#feed.publish([{ type: "put", key, value: kept, at, ...previous }], at);
    return at;
  }

  async delete(key: string, expected: Revision, guard?: Guard): Promise<Revision> {
    this.#feed.check();
    if (!this.#isVolatile(key)) {
      const only = this.#durableGuard(key, guard);
      const at = await this.#durably(key, expected, (want) => this.#store.delete(key, want, only));
      return at * room;
    }
    await this.#mustHold(key, guard);
    await this.#makeRoom();
    const before = this.#expect(key, expected);
    if (before === undefined) throw revisionConflict(key, 0, expected);
    const at = this.#feed.revision + 1;
    this.#entries.delete(key);
    this.#keepReplaced({ at, key, before });
    this.#feed.publish([{ type: "delete", key, value: before.value, at }], at);
    return at;
  }

  async *watch(
    prefix: string,
    since: Revision,
    signal: AbortSignal,
  ): AsyncGenerator<Batch, void, undefined> {
    if (signal.aborted) return;
    checkWatchable(since, await this.head());
    yield* follow(this.#feed, (request) => this.#older(request), { prefix, since, signal });
  }

  async head(): Promise<{ readonly revision: Revision; readonly compacted: Revision }> {
    this.#feed.check();
    const { revision, compacted } = await this.#store.head();
    return { revision: this.#revisionOf(revision), compacted: compacted * room };
  }

  async compact(upTo: Revision): Promise<void> {
    this.#feed.check();
    await this.#store.compact(Math.floor(upTo / room));
    this.#feed.forget(upTo);
  }

  /** Leaves the durable store open: it is its owner's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#pump;
    this.#feed.fail(closedError());
  }

  /** The guard as the durable store knows it. One that is volatile is looked at before the write. */
  #durableGuard(key: string, guard: Guard | undefined): Guard | undefined {
    if (guard === undefined) return undefined;
    if (!this.#isVolatile(guard.key)) return { key: guard.key, at: guard.at / room };
    if (this.#entries.get(guard.key)?.at === guard.at) return undefined;
    throw guardConflict(key, guard.key, guard.at);
  }

  /** What is volatile means nothing after a restart: a look before the write is enough for it. */
  async #mustHold(key: string, guard: Guard | undefined): Promise<void> {
    if (guard === undefined || (await this.get(guard.key))?.at === guard.at) return;
    throw guardConflict(key, guard.key, guard.at);
  }

  #isVolatile(key: string): boolean {
    return this.#prefixes.some((prefix) => key.startsWith(prefix));
  }

  /** Whether all keys of the prefix are volatile. */
  #inVolatile(prefix: string): boolean {
    return this.#isVolatile(prefix);
  }

  /** Whether some keys of the prefix are volatile. */
  #coversVolatile(prefix: string): boolean {
    return this.#prefixes.some((one) => one.startsWith(prefix) || prefix.startsWith(one));
  }

  /**
   * Whether a page that counts nothing lies beside all volatile keys. Only few of their states are
   * kept: whoever reads everything at one revision must need them for the pages that show them alone.
   */
  #skipsVolatile({ after = "", counted }: Range, { entries, remaining }: Page): boolean {
    const last = remaining > 0 ? entries.at(-1)?.key : undefined;
    const begins = (prefix: string): boolean =>
      last === undefined || compareKeys(prefix, last) <= 0;
    const ends = (prefix: string): boolean =>
      !after.startsWith(prefix) && compareKeys(after, prefix) > 0;
    return counted === false && this.#prefixes.every((one) => !begins(one) || ends(one));
  }

  /** The combined revision that holds every durable write up to `durable`, and not one more. */
  #revisionOf(durable: Revision): Revision {
    const { revision } = this.#feed;
    return Math.floor(revision / room) === durable ? revision : durable * room;
  }

  #expect(key: string, expected: Revision): Entry | undefined {
    const entry = this.#entries.get(key);
    const at = entry?.at ?? 0;
    if (at !== expected) throw revisionConflict(key, at, expected);
    return entry;
  }

  async #durably(
    key: string,
    expected: Revision,
    write: (expected: Revision) => Promise<Revision>,
  ): Promise<Revision> {
    // A durable entry only ever has a whole revision.
    if (expected % room !== 0) throw revisionConflict(key, 0, expected);
    return write(expected / room);
  }

  #merged({ prefix, after = "", limit = Infinity }: Range, durable: Page): Page {
    const last = durable.entries.at(-1)?.key;
    const end = durable.remaining > 0 ? last : undefined;
    const mine = [...this.#stateAt(durable.revision)].filter(
      ({ key }) => key.startsWith(prefix) && compareKeys(key, after) > 0,
    );
    const within = mine.filter(({ key }) => end === undefined || compareKeys(key, end) < 0);
    const all = [...durable.entries, ...within].sort((a, b) => compareKeys(a.key, b.key));
    const entries = all.slice(0, limit);
    const held = all.length - entries.length + (mine.length - within.length);
    return { entries, revision: durable.revision, remaining: durable.remaining + held };
  }

  #keepReplaced(replaced: Replaced): void {
    this.#replaced.push(replaced);
    if (this.#replaced.length < 2 * maxReplaced) return;
    this.#replaced = this.#replaced.slice(maxReplaced);
    this.#replacedFloor = (this.#replaced[0]?.at ?? 1) - 1;
  }

  /** The volatile entries as of a revision. @throws StatusError `Expired` if that is too long ago */
  #stateAt(revision: Revision): Iterable<Entry> {
    if (revision >= this.#feed.revision) return this.#entries.values();
    if (revision < this.#replacedFloor) throw compactedError(revision, this.#replacedFloor);
    const state = new Map(this.#entries);
    for (let i = this.#replaced.length - 1; i >= 0; i--) {
      const replaced = this.#replaced[i];
      if (replaced === undefined || replaced.at <= revision) break;
      if (replaced.before === undefined) state.delete(replaced.key);
      else state.set(replaced.key, replaced.before);
    }
    return state.values();
  }

  /** Events of an earlier time; only the durable ones have left a trace. */
  async *#older({ prefix, since, signal }: WatchRequest): AsyncGenerator<Batch, void, undefined> {
    if (this.#coversVolatile(prefix)) {
      throw expired(`Cannot watch from revision ${since}: the newest events begin later`);
    }
    const from = Math.floor(since / room);
    for await (const { events, revision } of this.#store.watch(prefix, from, signal)) {
      yield { events: visible(events), revision: revision * room };
    }
  }

  async #run(since: Revision): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const { events, revision } of this.#store.watch("", since, signal)) {
        const at = revision * room;
        if (at > this.#feed.revision) this.#feed.publish(visible(events), at);
      }
    } catch (err) {
      this.#feed.fail(err instanceof Error ? err : new Error(String(err)));
    }
  }

  /** Writes the epoch, and returns the revision of that. */
  async #moveOn(): Promise<Revision> {
    for (;;) {
      const entry = await this.#store.get(epochKey);
      try {
        return await this.#store.put(epochKey, Buffer.from("{}"), entry?.at ?? 0);
      } catch (err) {
        if (!isConflict(err)) throw err;
      }
    }
  }

  /** Before the count runs into the next durable revision, moves that on. */
  async #makeRoom(): Promise<void> {
    while ((this.#feed.revision + 1) % room === 0) {
      const moved = (await this.#moveOn()) * room;
      await this.#reached(moved);
    }
  }

  #reached(revision: Revision): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.#feed.revision < revision) return;
        unsubscribe();
        resolve();
      };
      const unsubscribe = this.#feed.subscribe(check);
      check();
    });
  }
}

const visible = <T extends Entry | StoreEvent>(all: readonly T[]): readonly T[] =>
  all.filter(({ key }) => key !== epochKey).map((one) => scaled(one));

/** The page as if the epoch were not stored. */
function withoutEpoch({ prefix, after = "" }: Range, { entries, remaining, ...page }: Page): Page {
  const shown = visible(entries);
  const inRange = epochKey.startsWith(prefix) && compareKeys(epochKey, after) > 0;
  const last = entries.at(-1)?.key ?? after;
  const follows = inRange && remaining > 0 && compareKeys(epochKey, last) > 0;
  return { ...page, entries: shown, remaining: follows ? remaining - 1 : remaining };
}

function scaled<T extends Entry | StoreEvent>(entry: T): T {
  const { at } = entry;
  return "createdAt" in entry
    ? { ...entry, at: at * room, createdAt: entry.createdAt * room }
    : { ...entry, at: at * room };
}
