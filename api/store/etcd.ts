import { setTimeout as sleep } from "node:timers/promises";
import type { IEvent, IKeyValue } from "etcd3";
import { expired, isExpired, revisionConflict } from "../machinery/errors.ts";
import { connectEtcd, type EtcdClient } from "./etcd-client.ts";
import { isCompacted, isFutureRevision, translateEtcd } from "./etcd-errors.ts";
import { type EtcdKeys, etcdKeys } from "./etcd-keys.ts";
import { beginOrigin, shiftOf } from "./etcd-origin.ts";
import { probeCompacted, revisionOf, watchRange } from "./etcd-watch.ts";
import { type EtcdWrite, writeOnce } from "./etcd-writes.ts";
import {
  closedError,
  type Feed,
  type FeedLimits,
  follow,
  openFeed,
  type WatchRequest,
} from "./feed.ts";
import { checkReadable, checkWatchable, type Extent } from "./history-errors.ts";
import { checkKey } from "./keys.ts";
import type { StoreRestore } from "./store-restore.ts";
import { withShift } from "./shifted.ts";
import type { Batch, Entry, Guard, Page, Range, Revision, Store, StoreEvent } from "./store.ts";
import type { EtcdAddress } from "./store-url.ts";

/** Older events are read from etcd's history again. */
const recent: FeedLimits = { maxEvents: 10_000, maxBytes: 8 << 20 };
/** Entries per range request: etcd and gRPC build each answer in memory. */
const pageEntries = 1_000;
/** How long others' revisions may stay ahead of our watch before we write one ourselves. */
const staleMs = 200;
/** How old our knowledge of etcd's compaction floor may be. */
const floorAgeMs = 10_000;

/**
 * Opens a store on an etcd cluster, version 3.4 or later. Several processes may share it; its
 * revisions are etcd's own, so other users of the cluster make them skip numbers.
 * @throws StatusError that names the endpoints and the way out
 */
export async function openEtcdStore(address: EtcdAddress): Promise<Store> {
  const client = await connectEtcd(address);
  const keys = etcdKeys(address.prefix);
  try {
    const shift = await shiftOf(client, keys);
    return withShift(await openKeys(client, keys), shift);
  } catch (err) {
    client.close();
    throw translateEtcd(err, "open the store on", client.hosts);
  }
}

async function openKeys(client: EtcdClient, keys: EtcdKeys): Promise<Store> {
  const revision = await writeMarker(client, keys);
  const compacted = await probeCompacted(client, keys.marker);
  return new EtcdStore(client, keys, { revision, compacted });
}

/**
 * Claims an empty prefix of etcd, or what an interrupted restore left there, for a restore whose
 * revisions are greater than `seen`. `openEtcdStore` refuses it until `finish` has resolved.
 * @throws StatusError that says what is there already, and the way out
 */
export async function restoreEtcdStore(
  address: EtcdAddress,
  seen: Revision,
): Promise<StoreRestore> {
  const client = await connectEtcd(address);
  const keys = etcdKeys(address.prefix);
  try {
    const origin = await beginOrigin(client, keys, seen);
    const store = withShift(await openKeys(client, keys), origin.shift);
    return {
      store,
      async finish() {
        await origin.finish();
        await store[Symbol.asyncDispose]();
      },
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  } catch (err) {
    client.close();
    throw translateEtcd(err, "restore into", client.hosts);
  }
}

/** Takes a revision for ourselves: when its event arrives, every earlier one has arrived. */
async function writeMarker(client: EtcdClient, { marker }: EtcdKeys): Promise<Revision> {
  const request_put = { key: marker, value: Buffer.from("Written to learn the revision") };
  const { header } = await client.txn({ success: [{ request_put }] });
  return Number(header.revision);
}

class EtcdStore implements Store {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #feed: Feed;
  readonly #closing = new AbortController();
  readonly #pumping: Promise<void>;
  #compacted: Revision;
  #floorAtMs = performance.now();
  #newest: Revision;
  #staleTimer: NodeJS.Timeout | undefined;

  constructor(client: EtcdClient, keys: EtcdKeys, { revision, compacted }: Extent) {
    this.#client = client;
    this.#keys = keys;
    this.#feed = openFeed(revision, recent);
    this.#newest = revision;
    this.#compacted = compacted;
    this.#pumping = this.#pump();
  }

  async get(key: string): Promise<Entry | undefined> {
    const { kvs } = await this.#range({ key: this.#etcdKey(key) });
    return kvs[0] === undefined ? undefined : this.#entryOf(kvs[0]);
  }

  async list({ prefix, after, limit = Infinity, at }: Range): Promise<Page> {
    this.#check();
    if (at !== undefined && at < this.#compacted) checkReadable(at, this.#extent());
    if (at === 0) return { entries: [], revision: 0, remaining: 0 }; // to etcd, 0 is the latest
    const entries: Entry[] = [];
    let revision = at ?? 0;
    let last = after;
    for (;;) {
      const count = Math.min(pageEntries, limit - entries.length);
      const range = this.#keys.range(prefix, last);
      const page = await this.#range({ ...range, limit: count, revision });
      if (revision === 0) revision = Number(page.header.revision);
      for (const kv of page.kvs) entries.push(this.#entryOf(kv));
      const remaining = Number(page.count) - page.kvs.length;
      last = entries.at(-1)?.key;
      if (remaining === 0 || entries.length >= limit) return { entries, revision, remaining };
    }
  }

  put(key: string, value: Uint8Array, expected: Revision, guard?: Guard): Promise<Revision> {
    return this.#write({ key, value, expected }, guard);
  }

  async delete(key: string, expected: Revision, guard?: Guard): Promise<Revision> {
    // To etcd, deleting what is absent succeeds.
    if (expected === 0) throw revisionConflict(key, (await this.get(key))?.at ?? 0, 0);
    return this.#write({ key, value: undefined, expected }, guard);
  }

  async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void> {
    if (signal.aborted) return;
    this.#check();
    // Another process may have given out a revision that has not reached us yet.
    const { revision } = since > this.#newest ? await this.head() : this.#extent();
    checkWatchable(since, { compacted: this.#compacted, revision });
    yield* follow(this.#feed, (request) => this.#older(request), { prefix, since, signal });
  }

  async head(): Promise<Extent> {
    this.#check();
    const { header } = await this.#range({ key: this.#keys.marker, count_only: true });
    if (performance.now() - this.#floorAtMs > floorAgeMs) await this.#probeFloor();
    return { revision: Number(header.revision), compacted: this.#compacted };
  }

  async compact(upTo: Revision): Promise<void> {
    const target = Math.min(Math.floor(upTo), (await this.head()).revision);
    if (target <= this.#compacted) return;
    try {
      await this.#client.compact(target);
      this.#compacted = Math.max(this.#compacted, target);
    } catch (err) {
      if (!isCompacted(err)) throw translateEtcd(err, "compact", this.#client.hosts);
      await this.#probeFloor(); // another process, or etcd itself, was faster
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearTimeout(this.#staleTimer);
    this.#feed.fail(closedError());
    await this.#pumping;
    this.#client.close();
  }

  /** Keeps the feed going for ever: one watch of all our keys serves every watcher here. */
  async #pump(): Promise<void> {
    const { signal } = this.#closing;
    const range = this.#keys.root;
    while (!signal.aborted) {
      try {
        for await (const events of watchRange(this.#client, {
          range,
          since: this.#feed.revision,
          signal,
        })) {
          const revision = Math.max(...events.slice(-1).map(revisionOf));
          this.#observe(revision);
          this.#feed.publish(this.#eventsOf(events), revision);
        }
      } catch (err) {
        await this.#restartFeed(err);
      }
    }
  }

  /** After a compaction that overtook us: whoever was behind it must list again. */
  async #restartFeed(err: unknown): Promise<void> {
    if (!isExpired(err)) {
      this.#feed.fail(translateEtcd(err, "watch", this.#client.hosts));
      this.#closing.abort();
      return;
    }
    try {
      const revision = await writeMarker(this.#client, this.#keys);
      await this.#probeFloor();
      this.#feed.reset(revision);
    } catch {
      // The next round of the pump meets the same compaction and comes here again.
      await sleep(staleMs);
    }
  }

  /** History before the feed, for one watcher; it takes from etcd no faster than it is read. */
  async *#older({ prefix, since, signal }: WatchRequest): AsyncGenerator<Batch, void> {
    const both = AbortSignal.any([signal, this.#closing.signal]);
    // All keys, as the feed has them: only then does the feed's first revision show up here.
    const range = this.#keys.root;
    for await (const events of watchRange(this.#client, { range, since, signal: both })) {
      const revision = Math.max(...events.slice(-1).map(revisionOf));
      const ours = this.#eventsOf(events).filter(({ key }) => key.startsWith(prefix));
      yield { events: ours, revision };
    }
  }

  async #write(
    write: Pick<EtcdWrite, "key" | "value" | "expected">,
    guard: Guard | undefined,
  ): Promise<Revision> {
    const etcdKey = this.#etcdKey(write.key);
    const guarded =
      guard === undefined ? {} : { guard: { ...guard, etcdKey: this.#etcdKey(guard.key) } };
    const seen = this.#newest;
    const at = await writeOnce(this.#client, { ...write, etcdKey, seen, ...guarded });
    this.#observe(at);
    return at;
  }

  async #range(request: Parameters<EtcdClient["range"]>[0]): ReturnType<EtcdClient["range"]> {
    this.#check();
    try {
      const response = await this.#client.range(request);
      this.#observe(Number(response.header.revision));
      return response;
    } catch (err) {
      const at = Number(request.revision ?? 0);
      if (isCompacted(err)) throw expired(`Cannot read revision ${at}: etcd has compacted it`);
      if (isFutureRevision(err)) checkReadable(at, { compacted: 0, revision: this.#newest });
      throw translateEtcd(err, "read from", this.#client.hosts);
    }
  }

  /**
   * Notes how far etcd has come. Our own writes reach the watch by themselves; revisions of other
   * users of the cluster do not, so if the feed stays behind, a marker carries it on.
   */
  #observe(revision: Revision): void {
    this.#newest = Math.max(this.#newest, revision);
    if (this.#staleTimer !== undefined || this.#newest <= this.#feed.revision) return;
    this.#staleTimer = setTimeout(() => {
      this.#staleTimer = undefined;
      if (this.#closing.signal.aborted || this.#newest <= this.#feed.revision) return;
      // A failure means that etcd is away: then the watch is behind for a better reason.
      writeMarker(this.#client, this.#keys).catch(() => undefined);
    }, staleMs);
    this.#staleTimer.unref();
  }

  async #probeFloor(): Promise<void> {
    const compacted = await probeCompacted(this.#client, this.#keys.marker);
    this.#compacted = Math.max(this.#compacted, compacted);
    this.#floorAtMs = performance.now();
  }

  #eventsOf(events: readonly IEvent[]): StoreEvent[] {
    return events.flatMap((event): StoreEvent[] => {
      const key = this.#keys.fromEtcd(event.kv.key);
      return key === undefined ? [] : [eventOf(key, event)];
    });
  }

  #entryOf({ key, value, mod_revision, create_revision }: IKeyValue): Entry {
    const at = Number(mod_revision);
    return { key: this.#keys.fromEtcd(key) ?? "", value, at, createdAt: Number(create_revision) };
  }

  #extent(): Extent {
    return { revision: this.#newest, compacted: this.#compacted };
  }

  #etcdKey(key: string): Buffer {
    this.#check();
    checkKey(key);
    return this.#keys.toEtcd(key);
  }

  #check(): void {
    if (this.#closing.signal.aborted) throw closedError();
  }
}

function eventOf(key: string, event: IEvent): StoreEvent {
  const { kv, prev_kv } = event;
  const at = revisionOf(event);
  // proto-loader leaves the value before out where there is none.
  const before = (prev_kv as IKeyValue | null)?.value;
  const creation = kv.create_revision === kv.mod_revision;
  const deletion = event.type.toUpperCase() === "DELETE";
  if (before === undefined && !creation) {
    throw expired(`Cannot watch on at revision ${at}: etcd has compacted the value before it`);
  }
  if (deletion) return { type: "delete", key, value: before ?? Buffer.alloc(0), at };
  const put = { type: "put" as const, key, value: kv.value, at };
  return creation || before === undefined ? put : { ...put, previous: before };
}
