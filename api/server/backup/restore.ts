import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BackupAbout, BackupRecord } from "../../backup/records.ts";
import { badRequest, unavailable } from "../../machinery/errors.ts";
import { formatTime } from "../../machinery/time.ts";
import { encodeObject } from "../../store/item.ts";
import { checkKey } from "../../store/keys.ts";
import type { StoreRestore } from "../../store/store-restore.ts";
import type { Revision, Store } from "../../store/store.ts";
import {
  makePrivateDirectory,
  publicMode,
  readIfPresent,
  secretMode,
  syncDirectory,
  writeAtomically,
} from "../pki/files.ts";
import { holdObject } from "./hold.ts";
import { greatestSeen, restoredEntry } from "./restored-entry.ts";
import { checkFileCount, checkFileName } from "./server-files.ts";

/** What a restore reads from and writes to. */
export type RestoreOptions = {
  /** The records of the backup from its beginning, complete and authentic when the loop ends. */
  readonly read: () => AsyncIterable<BackupRecord>;
  /** Absolute path of the data folder. */
  readonly dataDir: string;
  /** Claims the empty store, see `beginRestore`. */
  readonly begin: (seen: Revision) => Promise<StoreRestore>;
  /** The store as the server will have it: with its own encryption at rest. */
  readonly encrypted: (store: Store) => Promise<{ readonly store: Store } & AsyncDisposable>;
  readonly nowMs: number;
  /** Told of the entries that are checked or stored so far. */
  readonly onProgress?: (does: "checked" | "restored", entries: number) => void;
};

/** What was done. */
export type RestoreReport = {
  readonly about: BackupAbout;
  readonly entries: number;
  /** How many entries were left out, by what they are. */
  readonly leftOut: Readonly<Record<string, number>>;
};

type Checked = {
  readonly about: BackupAbout;
  /** Names and contents of the server's files. */
  readonly files: ReadonlyMap<string, string>;
};

/** What makes a server who it is: another one of these is another cluster. */
const identityFiles = ["ca.crt", "ca.key", "service-account.key"] as const;
const maxWaiting = { writes: 128, bytes: 8 << 20 };

/**
 * Fills an empty store, and a data folder, from a backup. The whole backup is read once before anything
 * is written. The last write makes the store usable: until then every server refuses it, and a restore
 * that was interrupted is simply begun again.
 * @throws StatusError that says what is in the way; nothing that was there before is changed
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const checked = await check(options);
  const pki = join(options.dataDir, "pki");
  await checkFolder(options.dataDir, checked);
  await using restore = await options.begin(greatestSeen(checked.about, options.nowMs));
  const { entries, leftOut } = await fill(restore.store, options, checked.about);
  await placeFiles(pki, checked.files);
  await restore.finish();
  return { about: checked.about, entries, leftOut };
}

/** Reads all of it: what is damaged must be known before the first write. */
async function check({ read, onProgress }: RestoreOptions): Promise<Checked> {
  let about: BackupAbout | undefined;
  const files = new Map<string, string>();
  let entries = 0;
  for await (const record of read()) {
    if (record.type === "about") about = record.about;
    if (record.type === "file") {
      checkFileCount(files, record.value);
      files.set(checkFileName(record.name), Buffer.from(record.value).toString());
    }
    if (record.type !== "entry") continue;
    checkKey(record.key);
    if (!record.key.startsWith("/registry/")) {
      throw badRequest(`Cannot restore ${JSON.stringify(record.key)}: it is no object's key`);
    }
    entries += 1;
    onProgress?.("checked", entries);
  }
  const missing = identityFiles.filter((name) => !files.has(name));
  if (about === undefined || missing.length > 0) {
    throw badRequest(`Cannot restore the backup: it has no ${missing.join(" and no ")}`);
  }
  return { about, files };
}

/** By these a folder that is not empty is known as one of ours. */
const ours = ["audit", "store", "pki", "pki.restoring", "kubeconfig"];

async function checkFolder(dataDir: string, { files }: Checked): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const names = (await readdir(dataDir)).filter((name) => name !== "lost+found");
  if (names.length > 0 && !ours.some((name) => names.includes(name))) {
    throw unavailable(
      `Cannot restore into ${dataDir}: it holds other things (${names.slice(0, 3).join(", ")}); choose an empty or new directory`,
    );
  }
  const pki = join(dataDir, "pki");
  for (const name of identityFiles) {
    const there = await readIfPresent(join(pki, name));
    if (there === undefined || there === files.get(name)) continue;
    throw unavailable(
      `Cannot restore into ${dataDir}: ${join(pki, name)} is that of another cluster; move it away, or choose an empty directory`,
    );
  }
}

/** Beside its place first: a folder of keys is there as a whole or not at all. What is there stays. */
async function placeFiles(pki: string, files: ReadonlyMap<string, string>): Promise<void> {
  const draft = `${pki}.restoring`;
  await rm(draft, { recursive: true, force: true });
  const exists = (await readIfPresent(join(pki, "ca.key"))) !== undefined;
  const into = exists ? pki : draft;
  await makePrivateDirectory(into);
  for (const [name, text] of files) {
    if (exists && (await readIfPresent(join(pki, name))) !== undefined) continue;
    const mode = /\.(crt|pub)$/.test(name) ? publicMode : secretMode;
    await writeAtomically(join(into, name), text, mode);
  }
  if (exists) return;
  await rm(pki, { recursive: true, force: true }); // without a ca.key it is nobody's
  await rename(draft, pki);
  await syncDirectory(dirname(pki)); // the store that says "restored" must not outlive it
}

type Filled = Pick<RestoreReport, "entries" | "leftOut">;

async function fill(raw: Store, options: RestoreOptions, about: BackupAbout): Promise<Filled> {
  await using encryption = await options.encrypted(raw);
  const { store } = encryption;
  const since = formatTime(options.nowMs);
  const leftOut: Record<string, number> = {};
  await using writes = writesOf(store);
  let entries = 0;
  for await (const record of options.read()) {
    if (record.type !== "entry") continue;
    const restored = restoredEntry(record, since);
    if ("leftOut" in restored) {
      leftOut[restored.leftOut] = (leftOut[restored.leftOut] ?? 0) + 1;
      continue;
    }
    await writes.add(record.key, restored.value);
    entries += 1;
    options.onProgress?.("restored", entries);
  }
  await writes.done();
  const hold = holdObject(about, options.nowMs);
  const before = await store.get(hold.key);
  await store.put(hold.key, encodeObject(hold.object), before?.at ?? 0);
  return { entries, leftOut };
}

/** Writes side by side, which share their way to the disk, with bounded numbers and bytes. */
function writesOf(store: Store) {
  let waiting: Promise<unknown>[] = [];
  let bytes = 0;
  const done = async (): Promise<void> => {
    const all = waiting;
    waiting = [];
    bytes = 0;
    // All are awaited, also after a failure: none may go on behind our back.
    const failed = (await Promise.allSettled(all)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  };
  return {
    done,
    // When the backup cannot be read on: that is the error, and these may still be under way.
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.allSettled(waiting);
    },
    async add(key: string, value: Uint8Array): Promise<void> {
      waiting.push(store.put(key, value, 0));
      bytes += value.byteLength;
      if (waiting.length >= maxWaiting.writes || bytes >= maxWaiting.bytes) await done();
    },
  };
}
