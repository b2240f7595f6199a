import { type BackupAbout, encodeRecord } from "../../backup/records.ts";
import { isExpired, reasonOf, StatusError } from "../../machinery/errors.ts";
import { formatTime } from "../../machinery/time.ts";
import { storeKey } from "../../store/keys.ts";
import { itemOf } from "../../store/item.ts";
import type { Revision, Store } from "../../store/store.ts";
import { isPassing } from "./passing.ts";
import type { ServerFile } from "./server-files.ts";

/** What a backup is taken of. */
export type BackupSource = {
  /** As readers see it: what is encrypted at rest comes out in plain text. */
  readonly store: Pick<Store, "get" | "list">;
  /** Other servers write to it, too: its revisions are those of its storage. */
  readonly shared: boolean;
  /** The files of the `pki` folder. */
  readonly files: () => Promise<readonly ServerFile[]>;
  /** How the server was set up beside its store, see `BackupRecord`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Version of the product, e.g. `0.1.0`. */
  readonly version: string;
  readonly nowMs: () => number;
};

/** Entries per page: one page is all that is held in memory, and few objects are large. */
const pageEntries = 100;
const chunkBytes = 256 << 10;

/** What the store holds for objects; its drivers' own keys lie elsewhere. */
const range = {
  prefix: "/registry/",
  limit: pageEntries,
  counted: false,
  // What cannot be read must not be missed only at the restore.
  complete: true,
} as const;

/**
 * All records of a backup as `encodeRecord` makes them, joined to larger chunks. All entries are as of
 * the revision that the first page was read at. What goes wrong is the last record: the stream itself
 * never fails, so that whoever reads it learns why it is worth nothing.
 */
export async function* takeBackup(
  source: BackupSource,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const record of recordsOf(source, signal)) {
      waiting.push(record);
      bytes += record.length;
      if (bytes < chunkBytes) continue;
      yield Buffer.concat(waiting);
      waiting = [];
      bytes = 0;
    }
  } catch (err) {
    waiting.push(failureOf(err));
  }
  yield Buffer.concat(waiting);
}

function failureOf(err: unknown): Buffer {
  const known = err instanceof StatusError || reasonOf(err) !== undefined;
  const message = isExpired(err)
    ? "the store forgot the revision before all of it was read; take the backup again, over a faster connection"
    : known && err instanceof Error
      ? err.message
      : "the server could not read all of it, see its log";
  return encodeRecord({ type: "failure", message, again: isExpired(err) });
}

async function* recordsOf(
  source: BackupSource,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { store } = source;
  // Before the read: nothing that came later is in the backup.
  const created = formatTime(source.nowMs());
  let page = await store.list(range);
  yield encodeRecord({ type: "about", about: await aboutOf(source, page.revision, created) });
  yield encodeRecord({ type: "settings", settings: source.settings });
  const files = await source.files();
  for (const file of files) yield encodeRecord({ type: "file", ...file });
  let entries = 0;
  for (;;) {
    for (const entry of page.entries) {
      if (isPassing(entry.key)) continue;
      entries += 1;
      yield encodeRecord({ type: "entry", ...entry });
    }
    const last = page.entries.at(-1);
    if (last === undefined || page.remaining === 0) break;
    signal.throwIfAborted();
    page = await store.list({ ...range, after: last.key, at: page.revision });
  }
  yield encodeRecord({ type: "end", entries, files: files.length });
}

/** The name that containers, kubeconfigs and people know the cluster by. */
const identityKey = storeKey({ group: "", plural: "namespaces" }, { name: "kube-system" });

async function aboutOf(
  { store, shared, version }: BackupSource,
  revision: Revision,
  created: string,
): Promise<BackupAbout> {
  const entry = await store.get(identityKey);
  const cluster =
    entry === undefined ? "" : (itemOf(entry.key, entry.value, 0).object.metadata.uid ?? "");
  return { product: version, cluster, revision, created, source: shared ? "shared" : "embedded" };
}
