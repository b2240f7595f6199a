import { type KeyObject, randomUUID } from "node:crypto";
import type { Clock } from "../../machinery/clock.ts";
import { formatMicroTime } from "../../machinery/time.ts";
import { type Link, noLink, seal } from "../../audit/chain.ts";
import {
  type Checkpoint,
  checkpointEvent,
  isGenuine,
  type Occasion,
  readCheckpoint,
  type SignedCheckpoint,
  type Signer,
  signed,
  tornOf,
  vouchedLink,
} from "../../audit/checkpoint.ts";
import type { LastRun, LogFiles } from "./log-files.ts";

/** How much room a log may take, and how long it is kept: the benchmark's own numbers. */
export type AuditLimits = {
  /** A file that would become larger is set aside. Bytes, default 100 MiB. */
  readonly maxFileBytes?: number;
  /** How many files are kept aside. Integer, default 10. */
  readonly maxFiles?: number;
  /** Files set aside that were last written longer ago are removed. Milliseconds, default 30 days; 0: never. */
  readonly maxAgeMs?: number;
  /** What may wait for a slow or full disk; what comes beyond is dropped and counted. Default 16 MiB. */
  readonly maxQueueBytes?: number;
};

/** What a log is made of. */
export type AuditLogOptions = AuditLimits & {
  readonly files: LogFiles;
  readonly signer: Signer;
  readonly publicKey: KeyObject;
  readonly clock: Pick<Clock, "nowMs">;
  /** Told once of each time that the disk stops taking lines. */
  readonly onError?: (err: unknown) => void;
  /** Between the first line and the signature that vouches for it, in milliseconds. Default 5 s. */
  readonly checkpointMs?: number;
  /** How soon a disk that refused is tried again, in milliseconds. Default 1 s. */
  readonly retryMs?: number;
};

/** Takes events without ever making a request wait that does not want to. */
export interface AuditLog extends AsyncDisposable {
  /** JSON of one event, `annotations` last, no line end. `false`: dropped, for want of room. */
  write(event: string): boolean;
  /** Resolves when the event is with the operating system; `false`: it cannot be written now. */
  record(event: string): Promise<boolean>;
  /** The disk does not take events at the moment. */
  readonly failing: boolean;
  readonly written: number;
  readonly dropped: number;
  /** What was vouched for last. */
  readonly head: SignedCheckpoint | undefined;
}

/** Continues the log that the files hold. @throws Error of the file system */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const log = new ChainedLog(options);
  await log.open();
  return log;
}

type Waiting = { readonly event: string; readonly done?: (written: boolean) => void };

const defaults = {
  maxFileBytes: 100 << 20,
  maxFiles: 10,
  maxAgeMs: 30 * 86_400_000,
  maxQueueBytes: 16 << 20,
  checkpointMs: 5_000,
  retryMs: 1_000,
  onError: (): void => {},
};

/** So much is sealed and written in one piece, in characters: others must get their turn. */
const pieceLength = 256 << 10;
/** A signature vouches for no more lines than this. */
const checkpointLines = 1_000;

class ChainedLog implements AuditLog {
  written = 0;
  dropped = 0;
  failing = false;
  head: SignedCheckpoint | undefined;
  readonly #options: Required<AuditLogOptions>;
  #link: Link = noLink;
  #log = "";
  #fileSeqs: readonly number[] = [];
  #queue: Waiting[] = [];
  #queueLength = 0;
  #writing: Promise<void> | undefined;
  #unvouched = 0;
  #toldDropped = 0;
  #linesInFile = 0;
  #due = false;
  /** The file is new and has no checkpoint yet. */
  #headless = false;
  #timer: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(options: AuditLogOptions) {
    this.#options = { ...defaults, ...options };
  }

  async open(): Promise<void> {
    const { files } = this.#options;
    const run = await files.open();
    const newest = this.#newest(await files.readHead(), run.checkpoint);
    const vouched = vouchedLink(newest);
    const lost = vouched.seq > run.link.seq;
    this.#link = lost ? vouched : run.link;
    this.#log = newest?.log ?? randomUUID();
    this.#fileSeqs = newest?.files ?? [1];
    // A file of its own begins where the last one ended; so does what follows a loss.
    if (files.bytes === 0 && this.#link.seq > 0) this.#fileSeqs = this.#withNewFile();
    if (run.torn !== "") await files.append(Buffer.from("\n"));
    const missing = lost ? { missing: { from: run.link.seq + 1, to: vouched.seq } } : {};
    const forgotten = newest === undefined && run.link.seq > 0;
    await this.#vouch("start", { ...found(run), ...missing, ...(forgotten ? { forgotten } : {}) });
    await this.#prune();
  }

  #newest(...found: readonly (SignedCheckpoint | undefined)[]): Checkpoint | undefined {
    const trusted = found
      .filter((one) => one !== undefined)
      .filter((one) => isGenuine(one, [this.#options.publicKey]))
      .flatMap(({ checkpoint }) => readCheckpoint(checkpoint) ?? []);
    return trusted.toSorted((a, b) => b.seq - a.seq)[0];
  }

  readonly #withNewFile = (): readonly number[] => [...this.#fileSeqs, this.#link.seq + 1];

  write(event: string): boolean {
    return this.#enqueue({ event });
  }

  record(event: string): Promise<boolean> {
    return new Promise((done) => {
      const waiting = this.failing ? { event } : { event, done };
      if (!this.#enqueue(waiting) || this.failing) done(false);
    });
  }

  #enqueue(waiting: Waiting): boolean {
    if (this.#closing || this.#queueLength + waiting.event.length > this.#options.maxQueueBytes) {
      this.dropped += 1;
      return false;
    }
    this.#queue.push(waiting);
    this.#queueLength += waiting.event.length;
    if (!this.failing) this.#writing ??= this.#drain(); // else it is tried again soon
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    await this.#writing;
    do await this.#attempt(() => this.#writePiece());
    while (this.#queue.length > 0 && !this.failing);
    this.dropped += this.#queue.length;
    await this.#attempt(() => this.#vouch("stop"));
    await this.#options.files.close();
  }

  async #drain(): Promise<void> {
    // What the same moment brings is one write.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 || this.#due) {
      await this.#attempt(() => (this.#due ? this.#vouch("interval") : this.#writePiece()));
      if (this.failing) break;
    }
    this.#writing = undefined;
    if (this.failing) this.#wake(this.#options.retryMs);
  }

  /** Tries it; what is in the way is told once, and waiting requests are not kept. */
  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this.failing = false;
    } catch (err) {
      if (!this.failing) this.#options.onError(err);
      this.failing = true;
      this.#queue = this.#queue.map(({ event, done }) => {
        done?.(false);
        return { event };
      });
    }
  }

  async #writePiece(): Promise<void> {
    const count = this.#pieceCount();
    if (count === 0) return;
    if (this.#headless) await this.#beginFile();
    let { bytes, link } = this.#sealed(count);
    const { files, maxFileBytes } = this.#options;
    if (this.#linesInFile > 0 && files.bytes + bytes.length > maxFileBytes) {
      await this.#rotate();
      await this.#beginFile();
      ({ bytes, link } = this.#sealed(count)); // a checkpoint has come before it
    }
    await files.append(bytes);
    this.#link = link;
    this.#linesInFile += count;
    this.written += count;
    for (const { event, done } of this.#queue.splice(0, count)) {
      this.#queueLength -= event.length;
      done?.(true);
    }
    this.#unvouched += count;
    if (this.#unvouched >= checkpointLines) this.#due = true;
    else this.#wake(this.#options.checkpointMs);
  }

  #sealed(count: number): { readonly bytes: Buffer; readonly link: Link } {
    let link = this.#link;
    let text = "";
    for (const { event } of this.#queue.slice(0, count)) {
      const next = seal(event, link);
      text += `${next.line}\n`;
      link = next.link;
    }
    return { bytes: Buffer.from(text), link };
  }

  /** Each file begins with a checkpoint; what it no longer answers for is removed only then. */
  async #beginFile(): Promise<void> {
    await this.#vouch("rotate");
    this.#headless = false;
    await this.#prune();
  }

  #pieceCount(): number {
    let length = 0;
    const end = this.#queue.findIndex(({ event }) => {
      length += event.length;
      return length > pieceLength;
    });
    return end < 0 ? this.#queue.length : Math.max(end, 1);
  }

  /** Sees to what is due after so long, unless that is done before. */
  #wake(afterMs: number): void {
    if (this.#timer !== undefined || this.#closing) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#due = this.#unvouched > 0 || this.failing;
      this.#writing ??= this.#drain();
    }, afterMs).unref();
  }

  async #rotate(): Promise<void> {
    const { files, maxFiles, maxAgeMs, clock } = this.#options;
    await files.rotate();
    this.#linesInFile = 0;
    const keep = Math.min(maxFiles, this.#fileSeqs.length);
    const oldMs = maxAgeMs === 0 ? 0 : clock.nowMs() - maxAgeMs;
    const kept = await files.countYounger(keep, oldMs);
    this.#fileSeqs = this.#withNewFile().slice(-(kept + 1));
    this.#headless = true;
  }

  async #prune(): Promise<void> {
    await this.#options.files.prune(Math.max(this.#fileSeqs.length - 1, 0));
  }

  /** Signs all lines so far, in the log and apart from it. */
  async #vouch(why: Occasion, more: Partial<Checkpoint> = {}): Promise<void> {
    const { files, signer, clock } = this.#options;
    const dropped = this.dropped - this.#toldDropped;
    const nowMs = clock.nowMs();
    const about = { log: this.#log, why, at: formatMicroTime(nowMs), ...this.#link };
    const lost = dropped === 0 ? {} : { dropped };
    const head = signed({ ...about, files: this.#fileSeqs, ...lost, ...more }, signer);
    await files.sync();
    const { line, link } = seal(checkpointEvent(head, randomUUID(), nowMs), this.#link);
    await files.append(Buffer.from(`${line}\n`));
    this.#link = link;
    this.#toldDropped += dropped;
    this.#unvouched = 0;
    this.#due = false;
    this.head = head;
    await files.writeHead(head);
  }
}

function found({ stopped, torn }: LastRun): Partial<Checkpoint> {
  return { clean: stopped, ...(torn === "" ? {} : { torn: tornOf(torn) }) };
}
