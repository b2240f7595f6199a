import { decodeRecord, revisionKey, revisionOf } from "./lmdb-records.ts";
import { readIndex } from "./lmdb-history.ts";
import { positionEntry, type Tables } from "./lmdb-tables.ts";
import type { Revision } from "./store.ts";

/** Log records looked at per commit: about a millisecond's work on the event loop. */
const stride = 256;
const strideBytes = 4 << 20;

/** Removals that one commit shall make, decided but not yet done. */
export type SweepStep = {
  readonly swept: Revision;
  /** Makes the removals. Only inside an LMDB batch. */
  apply(tables: Tables): void;
};

/**
 * Decides the next removals: records up to `compacted` that a later one up to `compacted`
 * replaced, and deletions together with their index entries. Nobody may write until it is applied.
 */
export function planSweep(tables: Tables, swept: Revision, compacted: Revision): SweepStep {
  const records: Buffer[] = [];
  const keys: Buffer[] = [];
  let bytes = 0;
  let count = 0;
  let last = swept;
  const range = { start: revisionKey(swept + 1), end: revisionKey(compacted + 1), limit: stride };
  for (const { key: at, value } of tables.log.getRange(range)) {
    const { type, key, previous } = decodeRecord(value);
    last = revisionOf(at);
    bytes += value.length;
    count += 1;
    if (previous > 0) records.push(revisionKey(previous));
    if (type === "delete") {
      records.push(at);
      const indexKey = Buffer.from(key);
      if (readIndex(tables, indexKey).at === last) keys.push(indexKey);
    }
    if (bytes >= strideBytes) break;
  }
  const upTo = count === stride || bytes >= strideBytes ? last : compacted;
  return {
    swept: upTo,
    apply({ log, index, meta }) {
      for (const record of records) void log.remove(record); // resolves with the whole batch
      for (const key of keys) void index.remove(key);
      void meta.put(...positionEntry("swept", upTo));
    },
  };
}
