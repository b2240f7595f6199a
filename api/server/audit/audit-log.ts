import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { makePrivateDirectory, secretMode } from "../pki/files.ts";

/** Where audit events go, and how much room they may take. */
export type AuditLogOptions = {
  readonly path: string;
  /** A file that is larger is set aside as `PATH.1`. Bytes, default 64 MiB. */
  readonly maxFileBytes?: number;
  /** How many files are kept aside. Integer, default 4. */
  readonly maxFiles?: number;
  /** What may wait for a slow disk; what comes beyond is dropped and counted. Bytes, default 16 MiB. */
  readonly maxQueueBytes?: number;
  /** Told once of each time that the disk stops taking lines. */
  readonly onError?: (err: unknown) => void;
};

/** Takes lines without ever making a request wait. */
export interface AuditLog extends AsyncDisposable {
  /** `false`: dropped, because the disk is too slow. */
  write(line: string): boolean;
  readonly written: number;
  readonly dropped: number;
}

/** Opens the log, for its owner alone. @throws Error when the file cannot be opened */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  await makePrivateDirectory(dirname(options.path));
  const log = new FileLog(options);
  await log.open();
  return log;
}

class FileLog implements AuditLog {
  written = 0;
  dropped = 0;
  readonly #options: Required<AuditLogOptions>;
  #file: FileHandle | undefined;
  #fileBytes = 0;
  #queue: string[] = [];
  #queueBytes = 0;
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(options: AuditLogOptions) {
    const defaults = { maxFileBytes: 64 << 20, maxFiles: 4, maxQueueBytes: 16 << 20 };
    this.#options = { ...defaults, onError: () => {}, ...options };
  }

  async open(): Promise<void> {
    const { path } = this.#options;
    this.#file = await open(path, "a", secretMode);
    this.#fileBytes = (await stat(path)).size;
  }

  write(line: string): boolean {
    if (this.#queueBytes + line.length > this.#options.maxQueueBytes) {
      this.dropped += 1;
      return false;
    }
    this.#queue.push(line);
    this.#queueBytes += line.length;
    this.#writing ??= this.#drain();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#file?.close();
  }

  async #drain(): Promise<void> {
    // What the same moment brings is one write.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const lines = this.#queue;
      this.#queue = [];
      try {
        await this.#append(lines);
        this.written += lines.length;
        this.#failing = false;
      } catch (err) {
        this.dropped += lines.length;
        if (!this.#failing) this.#options.onError(err);
        this.#failing = true;
      }
      this.#queueBytes = this.#queue.reduce((sum, line) => sum + line.length, 0);
    }
    this.#writing = undefined;
  }

  async #append(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(lines.join(""));
    if (this.#fileBytes > 0 && this.#fileBytes + bytes.length > this.#options.maxFileBytes) {
      await this.#rotate();
    }
    if (this.#file === undefined) await this.open();
    await this.#file?.appendFile(bytes);
    this.#fileBytes += bytes.length;
  }

  async #rotate(): Promise<void> {
    const { path, maxFiles } = this.#options;
    await this.#file?.close();
    this.#file = undefined;
    for (let index = maxFiles; index >= 1; index--) {
      const from = index === 1 ? path : `${path}.${index - 1}`;
      await rename(from, `${path}.${index}`).catch(ignoreAbsent);
    }
    await this.open();
  }
}

function ignoreAbsent(err: unknown): void {
  if (err instanceof Error && "code" in err && err.code === "ENOENT") return; // not that many yet
  throw err;
}
