import {
  checkReadable,
  checkWatchable,
  compactedError,
  compactionTarget,
  type Extent,
} from "./history-errors.ts";
import { closedError, type Feed, type FeedLimits, follow, openFeed } from "./feed.ts";
import { checkKey } from "./keys.ts";
import { type Commits, startCommits } from "./lmdb-commits.ts";
import { markRestored, prepareRestoreDir } from "./lmdb-dir.ts";
import { translate, translateWrite } from "./lmdb-errors.ts";
import { eventsSince, readEntry, scan } from "./lmdb-history.ts";
import { planSweep } from "./lmdb-sweep.ts";
import {
  beginAt,
  closeTables,
  openTables,
  positionEntry,
  type Positions,
  readPositions,
  type Tables,
} from "./lmdb-tables.ts";
import type { StoreRestore } from "./store-restore.ts";
import type { Batch, Entry, Guard, Page, Range, Revision, Store } from "./store.ts";

/** Older events are read from the log on disk. */
const recent: FeedLimits = { maxEvents: 10_000, maxBytes: 8 << 20 };

/**
 * Opens the embedded store in a directory of its own, and keeps other processes out of it.
 * @throws StatusError that names the directory and the way out: locked, foreign, damaged, not
 * writable or full.
 */
export async function openLmdbStore(dir: string): Promise<Store> {
  const tables = await openTables(dir);
  try {
    return new LmdbStore(tables, readPositions(tables));
  } catch (err) {
    await closeTables(tables);
    throw translate(err, "open", dir);
  }
}

/**
 * Opens an empty directory, or what an interrupted restore left there, for a restore: its history
 * begins behind `start`. `openLmdbStore` refuses the directory until `finish` has resolved.
 * @throws StatusError if it holds anything else, or another process has it open
 */
export async function restoreLmdbStore(dir: string, start: Revision): Promise<StoreRestore> {
  const tables = await openTables(dir, prepareRestoreDir);
  try {
    await beginAt(tables, start);
    const store = new LmdbStore(tables, readPositions(tables));
    return {
      store,
      async finish() {
        await store[Symbol.asyncDispose]();
        await markRestored(dir);
      },
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  } catch (err) {
    await closeTables(tables);
    throw await translateWrite(err, "restore", dir);
  }
}

class LmdbStore implements Store {
  readonly #tables: Tables;
  readonly #feed: Feed;
  readonly #commits: Commits;
  #compacted: Revision;
  #swept: Revision;
  #sweeping: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(tables: Tables, { revision, compacted, swept }: Positions) {
    this.#tables = tables;
    this.#feed = openFeed(revision, recent);
    this.#commits = startCommits(tables, revision, (events, at) => {
      this.#feed.publish(events, at);
    });
    this.#compacted = compacted;
    this.#swept = swept;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#check(key);
    return this.#read(() => readEntry(this.#tables, key));
  }

  async list({ prefix, after = "", limit = Infinity, at, counted }: Range): Promise<Page> {
    this.#check();
    const revision = at ?? this.#feed.revision;
    checkReadable(revision, this.#extent());
    const range = { prefix, after, limit, revision, counted: counted !== false };
    const page = await this.#read(() =>
      scan(this.#tables, range, () => {
        this.#check();
        checkReadable(revision, this.#extent());
      }),
    );
    return { ...page, revision };
  }

  async put(key: string, value: Uint8Array, expected: Revision, guard?: Guard): Promise<Revision> {
    this.#check(key);
    return this.#commits.write({ type: "put", key, value, expected, guard });
  }

  async delete(key: string, expected: Revision, guard?: Guard): Promise<Revision> {
    this.#check(key);
    return this.#commits.write({ type: "delete", key, value: new Uint8Array(), expected, guard });
  }

  async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void> {
    checkWatchable(since, this.#extent());
    yield* follow(
      this.#feed,
      (request) =>
        eventsSince(this.#tables, request, (at) => {
          this.#check();
          if (at < this.#compacted) throw compactedError(at, this.#compacted);
        }),
      { prefix, since, signal },
    );
  }

  async head(): Promise<Extent> {
    this.#check();
    return this.#extent();
  }

  async compact(upTo: Revision): Promise<void> {
    this.#check();
    const target = compactionTarget(upTo, this.#extent());
    if (target > this.#compacted) {
      await this.#commits.change(() => ({
        apply({ meta }) {
          void meta.put(...positionEntry("compacted", target)); // resolves with the whole batch
        },
      }));
      this.#compacted = Math.max(this.#compacted, target);
    }
    // One sweep at a time; each goes as far as `compacted` has come by then.
    this.#sweeping = this.#sweeping.then(
      () => this.#sweep(),
      () => this.#sweep(),
    );
    await this.#sweeping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#feed.fail(closedError());
    await this.#commits.close();
    await closeTables(this.#tables);
  }

  // In steps, between which others write; a step that was cut short is repeated after a restart.
  async #sweep(): Promise<void> {
    while (this.#swept < this.#compacted && !this.#closed) {
      let swept = this.#swept;
      await this.#commits.change(() => {
        const step = planSweep(this.#tables, this.#swept, this.#compacted);
        swept = step.swept;
        return step;
      });
      this.#swept = swept;
    }
  }

  #extent(): Extent {
    return { revision: this.#feed.revision, compacted: this.#compacted };
  }

  #check(key?: string): void {
    if (this.#closed) throw closedError();
    if (key !== undefined) checkKey(key);
  }

  async #read<T>(read: () => T | Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (err) {
      throw translate(err, "read", this.#tables.dir);
    }
  }
}
