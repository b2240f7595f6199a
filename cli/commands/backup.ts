import { readdir, rm, stat } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { openBackup, sealBackup } from "../../api/backup/backup-file.ts";
import type { Lock } from "../../api/backup/locks.ts";
import {
  type BackupAbout,
  type BackupRecord,
  decodeRecords,
  encodeRecord,
} from "../../api/backup/records.ts";
import { reasonOf, StatusError, unavailable } from "../../api/machinery/errors.ts";
import { bytesText, type Progress, progressOn } from "../backup/progress.ts";
import { locksOf } from "../backup/secrets.ts";
import { writeWhole } from "../backup/write-whole.ts";
import { type Call, Misuse, type Run, wholeNumber } from "../command.ts";

/** A compaction that overtakes a slow reader may do so twice; then the way is too slow. */
const maxAttempts = 3;
const suffix = ".lighthouse-backup";

class TakenAgain extends Error {
  override readonly name = "TakenAgain";
}

type Taken = {
  readonly about: BackupAbout;
  /** The file, in pieces; fails unless everything came. */
  readonly file: AsyncIterable<Buffer>;
  /** Objects so far. */
  entries(): number;
};

/** Asks the server, and seals what comes: nothing of it is ever on a disk in plain text. */
async function take(call: Call, locks: readonly Lock[]): Promise<Taken> {
  const { client } = await call.connect();
  const { body } = await client.raw({ method: "GET", path: "/backup" }, call.signal);
  const records = decodeRecords(body);
  const { value: first } = await records.next();
  if (first?.type === "failure") throw failureOf(first);
  if (first?.type !== "about") throw unavailable("Cannot take a backup: the server sent nothing");
  let entries = 0;
  async function* plain(): AsyncGenerator<Buffer, void, undefined> {
    yield encodeRecord(first as BackupRecord);
    for await (const record of records) {
      if (record.type === "failure") throw failureOf(record);
      if (record.type === "entry") entries += 1;
      yield encodeRecord(record);
    }
  }
  const { about } = first;
  return { about, file: sealBackup(about, locks, plain()), entries: () => entries };
}

function failureOf({ message, again }: BackupRecord & { readonly type: "failure" }): Error {
  const text = `Cannot take the backup: ${message}`;
  return again ? new TakenAgain(text) : new StatusError("InternalError", text);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

/** Sorts by time, and has no character that a file system minds. */
const nameOf = ({ created }: BackupAbout): string =>
  `lighthouse-${created.replaceAll(":", "-")}${suffix}`;

/** Takes a backup into a file, or into a new file of a folder; resolves to its path. */
async function takeInto(
  call: Call,
  target: string,
  locks: readonly Lock[],
): Promise<BackupAbout & { path: string }> {
  const progress = progressOn(call.io);
  const force = call.flags["force"] === true;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const taken = await take(call, locks);
      const path = (await isFolder(target)) ? join(target, nameOf(taken.about)) : target;
      const onBytes = (bytes: number): void =>
        progress.tell(`${taken.entries()} objects, ${bytesText(bytes)}`);
      const bytes = await writeWhole(path, taken.file, { force, onBytes });
      progress.end();
      call.io.err(
        `Backed up ${taken.entries()} objects at revision ${taken.about.revision} to ${path} (${bytesText(bytes)})\n`,
      );
      return { ...taken.about, path };
    } catch (err) {
      progress.end();
      if (!(err instanceof TakenAgain) || attempt >= maxAttempts) throw whole(err);
      call.io.err(`${err.message}; taking it again\n`);
    }
  }
}

/** A cut connection says so in its own words: what matters is that there is no backup. */
function whole(err: unknown): unknown {
  if (!(err instanceof Error) || reasonOf(err) !== "ServiceUnavailable") return err;
  return unavailable(`Cannot take the backup, no file was written: ${err.message}`, { cause: err });
}

async function takeToStdout(call: Call, locks: readonly Lock[], progress: Progress): Promise<void> {
  const { io } = call;
  if (io.outBytes === undefined) throw new Misuse("There is no standard output");
  if (io.isTerminal) throw new Misuse("Standard output is a terminal: redirect it, or name a file");
  const taken = await take(call, locks);
  let bytes = 0;
  for await (const chunk of taken.file) {
    await io.outBytes(chunk);
    bytes += chunk.length;
    progress.tell(`${taken.entries()} objects, ${bytesText(bytes)}`);
  }
  progress.end();
  call.io.err(
    `Backed up ${taken.entries()} objects at revision ${taken.about.revision} (${bytesText(bytes)})\n`,
  );
}

type Own = { readonly path: string; readonly revision: number; readonly created: string };

/** Revisions never go back; the time does when a clock is put right. */
const newestFirst = (a: Own, b: Own): number =>
  b.revision - a.revision || b.created.localeCompare(a.created);

/**
 * Removes all but the newest backups of this cluster from a folder; other files are left alone, and so
 * is the one that was just taken, whatever the others say of themselves.
 */
async function prune(
  folder: string,
  { cluster, path: taken }: { readonly cluster: string; readonly path: string },
  keep: number,
): Promise<readonly string[]> {
  const own: Own[] = [];
  for (const name of (await readdir(folder)).filter((one) => one.endsWith(suffix))) {
    const path = join(folder, name);
    const opened = await openBackup(createReadStream(path)).catch(() => undefined);
    await opened?.close();
    if (opened?.header.cluster !== cluster || path === taken) continue;
    const { revision, created } = opened.header;
    own.push({ path, revision, created });
  }
  const old = own.toSorted(newestFirst).slice(keep - 1);
  for (const { path } of old) await rm(path);
  return old.map(({ path }) => path);
}

/** `lighthouse backup FILE`. */
export const runBackup: Run = async (call) => {
  const [target, ...more] = call.args;
  if (target === undefined || more.length > 0) throw new Misuse("Name one file, a folder, or -");
  const keep = wholeNumber(call.flags, "keep");
  if (keep === 0) throw new Misuse("--keep must be 1 or more");
  if (keep !== undefined && !(await isFolder(target))) {
    throw new Misuse(`--keep counts the backups of a folder, and ${target} is none: make it first`);
  }
  const locks = await locksOf(call);
  if (target === "-") {
    await takeToStdout(call, locks, progressOn(call.io));
    return 0;
  }
  const taken = await takeInto(call, target, locks);
  if (keep === undefined) return 0;
  for (const path of await prune(target, taken, keep)) call.io.err(`Removed ${path}\n`);
  return 0;
};
