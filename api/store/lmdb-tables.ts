import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { markInitialized, prepareDir } from "./lmdb-dir.ts";
import { damagedError, translateWrite } from "./lmdb-errors.ts";
import { isAlive, lockedError, parseOwner, readerPids, thisOwner } from "./lmdb-owner.ts";
import { revisionOf } from "./lmdb-records.ts";
import type { Revision } from "./store.ts";

type Table = Database<Buffer, Buffer>;

/** The open tables of a data directory; see `lmdb-records.ts` for what is in them. */
export type Tables = {
  readonly dir: string;
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly log: Table;
  readonly index: Table;
  readonly meta: Table;
};

/** Names in the `meta` table. */
const metaKeys = { owner: "owner", compacted: "compacted", swept: "swept" } as const;

/** Where the history starts and ends, as found on disk. */
export type Positions = {
  readonly revision: Revision;
  /** Reads and watches from before are refused. */
  readonly compacted: Revision;
  /** Up to here, what `compacted` forgot was also removed. */
  readonly swept: Revision;
};

const encoding = { encoding: "binary", keyEncoding: "binary" } as const;

/**
 * Opens a data directory for this process alone.
 * @throws StatusError that names the directory and the way out: it is locked by another process,
 * holds other things, is damaged, not writable, or its disk is full.
 */
export async function openTables(dir: string, prepare = prepareDir): Promise<Tables> {
  try {
    await prepare(dir);
    const tables = await openEnvironment(dir);
    try {
      takeOwnership(tables);
      await markInitialized(dir);
    } catch (err) {
      await tables.root.close();
      throw err;
    }
    return tables;
  } catch (err) {
    throw await translateWrite(err, "open", dir);
  }
}

async function openEnvironment(dir: string): Promise<Tables> {
  const root = open<Buffer, Buffer>({
    path: dir,
    noSubdir: false, // or a directory with a dot in its name would be taken for a file
    maxDbs: 4,
    // Plain LMDB commits: the data is on disk, then the meta page, then the promise resolves.
    overlappingSync: false,
    // We batch by ourselves; lmdb's own batches leave rejections that nobody can handle.
    eventTurnBatching: false,
    ...encoding,
  });
  const table = (name: string): Table => root.openDB<Buffer, Buffer>(name, encoding);
  try {
    // LMDB makes them readable for all; whoever copies the folder must not spread that.
    for (const name of ["data.mdb", "lock.mdb"]) await chmod(join(dir, name), 0o600);
    return { dir, root, log: table("log"), index: table("index"), meta: table("meta") };
  } catch (err) {
    await root.close();
    throw err;
  }
}

// LMDB's write lock makes check and claim one step, and dies with its holder.
function takeOwnership({ dir, root, meta }: Tables): void {
  const me = thisOwner();
  root.readerCheck();
  const readers = readerPids(root.readerList());
  root.transactionSync(() => {
    const owner = parseOwner(meta.getBinary(metaKey("owner"))?.toString());
    if (owner !== undefined && isAlive(owner, me, readers)) throw lockedError(dir, owner, me);
    meta.putSync(metaKey("owner"), Buffer.from(JSON.stringify(me)));
  });
  meta.getBinary(metaKey("owner")); // a reader slot: what other pid namespaces can see of us
}

/** Empties the tables, and has their history begin behind `start`: no entry is older. */
export async function beginAt({ root, log, index, meta }: Tables, start: Revision): Promise<void> {
  log.clearSync();
  index.clearSync();
  await root.batch(() => {
    for (const name of ["compacted", "swept"] as const) {
      void meta.put(...positionEntry(name, start)); // resolves with the whole batch
    }
  });
}

/** Gives the directory back and closes it. No write may be under way. */
export async function closeTables({ root, meta }: Tables): Promise<void> {
  try {
    meta.removeSync(metaKey("owner"));
  } catch {
    // On a full disk the record stays; it names a process that is gone, so it locks nobody out.
  }
  await root.close();
}

/** Reads where the history stands. @throws StatusError if the tables contradict each other. */
export function readPositions({ dir, log, meta }: Tables): Positions {
  const compacted = readNumber(meta, "compacted");
  const [last] = log.getKeys({ reverse: true, limit: 1 });
  const revision = Math.max(last === undefined ? 0 : revisionOf(last), compacted);
  const swept = readNumber(meta, "swept");
  if (swept > compacted) throw damagedError(dir, `swept ${swept} past ${compacted}`);
  return { revision, compacted, swept };
}

/** The key and value under which a position is kept. */
export function positionEntry(name: "compacted" | "swept", value: Revision): [Buffer, Buffer] {
  return [metaKey(name), Buffer.from(String(value))];
}

function readNumber(meta: Table, name: "compacted" | "swept"): Revision {
  return Number(meta.getBinary(metaKey(name))?.toString() ?? 0);
}

function metaKey(name: keyof typeof metaKeys): Buffer {
  return Buffer.from(metaKeys[name]);
}
