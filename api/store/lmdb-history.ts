import { setImmediate as nextTurn } from "node:timers/promises";
import { batchLimits, eventBytes, type WatchRequest } from "./feed.ts";
import {
  absent,
  decodeIndex,
  decodeRecord,
  eventOf,
  type IndexState,
  keyRange,
  type LogRecord,
  revisionKey,
  revisionOf,
} from "./lmdb-records.ts";
import type { Tables } from "./lmdb-tables.ts";
import type { Batch, Entry, Revision, StoreEvent } from "./store.ts";

/** Keys looked at between two turns of the event loop: a few milliseconds' work. */
const stride = 500;

/** What the index says of a key. */
export function readIndex({ index }: Tables, key: Buffer): IndexState {
  const bytes = index.getBinary(key);
  return bytes === undefined ? absent : decodeIndex(bytes);
}

/** The record that was written at this revision; `undefined` if compaction removed it. */
export function readRecord({ log }: Tables, at: Revision): LogRecord | undefined {
  const bytes = log.getBinary(revisionKey(at));
  return bytes === undefined ? undefined : decodeRecord(bytes);
}

/** The live entry of a key. */
export function readEntry(tables: Tables, key: string): Entry | undefined {
  const state = readIndex(tables, Buffer.from(key));
  if (!state.live) return undefined;
  return entryOf(readRecord(tables, state.at), state.at);
}

/** The entry as of a revision that is not compacted: walks back from the newest record. */
function entryAt(tables: Tables, state: IndexState, revision: Revision): Entry | undefined {
  if (state.at <= revision && !state.live) return undefined;
  let at = state.at;
  let record = readRecord(tables, at);
  while (at > revision && record !== undefined) {
    at = record.previous;
    record = at === 0 ? undefined : readRecord(tables, at);
  }
  return entryOf(record, at);
}

function entryOf(record: LogRecord | undefined, at: Revision): Entry | undefined {
  if (record === undefined || record.type === "delete") return undefined;
  return { key: record.key, value: record.value, at, createdAt: record.createdAt };
}

/** Which entries to read, as of which revision. */
export type Scan = {
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
  readonly revision: Revision;
  /** Whether to count all that follows, see `Range`. */
  readonly counted: boolean;
};

/**
 * One page as of a revision, and how many entries follow it. Takes several turns for a long
 * range; writes in between do not show, since every key is read as of the revision.
 * `check` throws once the revision was compacted underneath.
 */
export async function scan(
  tables: Tables,
  { prefix, after, limit, revision, counted }: Scan,
  check: () => void,
): Promise<{ readonly entries: readonly Entry[]; readonly remaining: number }> {
  const entries: Entry[] = [];
  let remaining = 0;
  let last = after;
  for (;;) {
    const { start, end } = keyRange(prefix, last);
    // Copied out at once: an iterator held across turns would keep LMDB from reusing pages.
    const found = [
      ...tables.index.getRange({
        ...(start && { start }),
        ...(end && { end }),
        limit: stride,
      }),
    ];
    for (const { value } of found) {
      const state = decodeIndex(value);
      if (entries.length >= limit) {
        remaining += isLiveAt(tables, state, revision) ? 1 : 0;
        continue;
      }
      const entry = entryAt(tables, state, revision);
      if (entry !== undefined) entries.push(entry);
    }
    const tail = found.at(-1);
    const enough = !counted && remaining > 0;
    if (tail === undefined || found.length < stride || enough) return { entries, remaining };
    last = tail.key.toString();
    await nextTurn();
    check();
  }
}

function isLiveAt(tables: Tables, state: IndexState, revision: Revision): boolean {
  if (state.at <= revision) return state.live;
  return entryAt(tables, state, revision) !== undefined;
}

/**
 * Events after `since` from the log, in batches of bounded size, until the log ends.
 * `check` throws once the position was compacted underneath.
 */
export async function* eventsSince(
  tables: Tables,
  { prefix, since }: WatchRequest,
  check: (at: Revision) => void,
): AsyncGenerator<Batch, void, undefined> {
  let at = since;
  for (;;) {
    check(at);
    const batch = readBatch(tables, prefix, at);
    if (batch.revision === at) return;
    at = batch.revision;
    yield batch;
    await nextTurn();
  }
}

function readBatch(tables: Tables, prefix: string, since: Revision): Batch {
  const events: StoreEvent[] = [];
  let bytes = 0;
  let revision = since;
  const range = { start: revisionKey(since + 1), limit: batchLimits.maxEvents };
  for (const { key, value } of tables.log.getRange(range)) {
    revision = revisionOf(key);
    bytes += value.length;
    const record = decodeRecord(value);
    if (record.key.startsWith(prefix)) {
      const event = eventOf(revision, record, valueBefore(tables, revision, record));
      events.push(event);
      bytes += eventBytes(event);
    }
    if (bytes >= batchLimits.maxBytes) break;
  }
  return { events, revision };
}

/** The value that a record replaced or removed; none on a creation. */
export function valueBefore(
  tables: Tables,
  at: Revision,
  { type, createdAt, previous }: LogRecord,
): Uint8Array | undefined {
  if (type === "put" && createdAt === at) return undefined;
  return readRecord(tables, previous)?.value;
}
