import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { noLink, type Link, linkOf } from "../../audit/chain.ts";
import { checkpointIn, readCheckpoint, type SignedCheckpoint } from "../../audit/checkpoint.ts";
import { makePrivateDirectory, readIfPresent, secretMode, writeAtomically } from "../pki/files.ts";

/** What a log finds of its last run. */
export type LastRun = {
  /** Its last line. */
  readonly link: Link;
  /** Whether that says that the run ended in order. */
  readonly stopped: boolean;
  /** What stands after it, without a line end there: what a crash left of the next line. */
  readonly torn: string;
  /** Of the last lines. */
  readonly checkpoint?: SignedCheckpoint;
};

/** The files of one log. */
export interface LogFiles {
  /** Bytes in the file that is written. */
  readonly bytes: number;
  /** Opens the newest file and tells where it ends. */
  open(): Promise<LastRun>;
  /** Appends all of it or nothing. @throws Error of the file system, e.g. when the disk is full */
  append(bytes: Buffer): Promise<void>;
  sync(): Promise<void>;
  /** Sets the file aside as `PATH.1`, those before as `PATH.2` and so on, and begins a new one. */
  rotate(): Promise<void>;
  /** How many of the newest `keep` files that are set aside come before one last written before then. */
  countYounger(keep: number, thanMs: number): Promise<number>;
  /** Removes the files set aside but the newest `keep`. */
  prune(keep: number): Promise<void>;
  readHead(): Promise<SignedCheckpoint | undefined>;
  writeHead(head: SignedCheckpoint): Promise<void>;
  close(): Promise<void>;
}

/** No line of ours is longer, with both bodies and all headers. Bytes. */
const tailBytes = 4 << 20;

/** The files at `path`, and a head beside the keys. */
export function logFiles(path: string, headPath: string): LogFiles {
  return new DiskFiles(path, headPath);
}

class DiskFiles implements LogFiles {
  bytes = 0;
  readonly #path: string;
  readonly #headPath: string;
  #file: FileHandle | undefined;

  constructor(path: string, headPath: string) {
    this.#path = path;
    this.#headPath = headPath;
  }

  async open(): Promise<LastRun> {
    await makePrivateDirectory(dirname(this.#path));
    const tail = await readTail(this.#path);
    const run = lastRunIn(tail);
    if (run === undefined) await this.#disown();
    await this.#reopen();
    if (run !== undefined && tail !== "") return run;
    // A crash in the middle of a rotation leaves no file, or an empty one.
    const before = lastRunIn(await readTail(`${this.#path}.1`)) ?? nothing;
    return { ...before, torn: "" };
  }

  /** Files of something else, such as of a version that chained nothing, are not mixed with ours. */
  async #disown(): Promise<void> {
    for (const index of [0, ...(await this.#aside())]) {
      const name = this.#nameOf(index);
      await rename(name, `${this.#path}.unchained${index === 0 ? "" : `.${index}`}`);
    }
  }

  async #reopen(): Promise<FileHandle> {
    this.#file = await open(this.#path, "a", secretMode);
    await this.#file.chmod(secretMode);
    this.bytes = (await this.#file.stat()).size;
    return this.#file;
  }

  async append(bytes: Buffer): Promise<void> {
    const file = this.#file ?? (await this.#reopen());
    try {
      await file.appendFile(bytes);
      this.bytes += bytes.length;
    } catch (err) {
      // A full disk takes a part: the rest of it comes after it, so it goes.
      await file.truncate(this.bytes);
      throw err;
    }
  }

  async sync(): Promise<void> {
    await this.#file?.datasync();
  }

  async rotate(): Promise<void> {
    await this.sync();
    await this.close();
    for (const index of (await this.#aside()).toReversed().concat(0)) {
      await rename(this.#nameOf(index), this.#nameOf(index + 1));
    }
    await this.#reopen();
  }

  readonly #nameOf = (index: number): string =>
    index === 0 ? this.#path : `${this.#path}.${index}`;

  /** Numbers of the files that are set aside, newest first. */
  async #aside(): Promise<readonly number[]> {
    const start = `${basename(this.#path)}.`;
    const ends = (await readdir(dirname(this.#path)))
      .filter((name) => name.startsWith(start))
      .map((name) => name.slice(start.length));
    return ends
      .filter((end) => /^\d{1,6}$/.test(end))
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  async countYounger(keep: number, thanMs: number): Promise<number> {
    for (const index of await this.#aside()) {
      if (index > keep) break;
      if ((await stat(this.#nameOf(index))).mtimeMs < thanMs) return index - 1;
    }
    return keep; // one that is not there was not removed by us: it is still answered for
  }

  async prune(keep: number): Promise<void> {
    for (const index of await this.#aside()) {
      if (index > keep) await rm(this.#nameOf(index), { force: true });
    }
  }

  async readHead(): Promise<SignedCheckpoint | undefined> {
    const text = await readIfPresent(this.#headPath);
    return text === undefined ? undefined : parseHead(text);
  }

  async writeHead(head: SignedCheckpoint): Promise<void> {
    await writeAtomically(this.#headPath, `${JSON.stringify(head)}\n`, secretMode);
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

function parseHead(text: string): SignedCheckpoint | undefined {
  try {
    const { checkpoint, signature, key } = JSON.parse(text) as SignedCheckpoint;
    if (typeof signature !== "string" || typeof key !== "string") return undefined;
    return readCheckpoint(checkpoint) === undefined ? undefined : { checkpoint, signature, key };
  } catch {
    return undefined; // damaged: the log then says that it was forgotten
  }
}

async function readTail(path: string): Promise<string> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return "";
    throw err;
  }
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - tailBytes);
    const buffer = Buffer.alloc(size - from);
    await file.read(buffer, 0, buffer.length, from);
    return buffer.toString("utf8");
  } finally {
    await file.close();
  }
}

const nothing: LastRun = { link: noLink, stopped: true, torn: "" };

/** `undefined`: whole lines, but none of ours. */
function lastRunIn(tail: string): LastRun | undefined {
  if (tail === "") return nothing;
  const lines = tail.split("\n");
  const last = lines.findLastIndex((line) => linkOf(line) !== undefined);
  const torn = lines
    .slice(last + 1)
    .join("\n")
    .replace(/\n$/, "");
  const [line = ""] = last < 0 ? [] : lines.slice(last);
  const link = linkOf(line);
  if (link === undefined)
    return lines.length > 1 ? undefined : { ...nothing, stopped: false, torn };
  const own = checkpointIn(line);
  const checkpoint = own ?? lines.map(checkpointIn).findLast((one) => one !== undefined);
  const why = own === undefined ? undefined : readCheckpoint(own.checkpoint)?.why;
  return {
    link,
    stopped: torn === "" && why === "stop",
    torn,
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
}
