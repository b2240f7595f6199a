/** The two streams of a process. */
export type StreamName = "stdout" | "stderr";

/** One write, with its time. */
export type LogEntry = {
  readonly stream: StreamName;
  readonly atMs: number;
  readonly bytes: Buffer;
};

/** Which entries, as the query of a logs request says. */
export type LogQuery = {
  readonly streams: readonly StreamName[];
  readonly sinceMs: number;
  /** `undefined`: all. */
  readonly tail: number | undefined;
};

/** What a container wrote so far, and a way to hear of more. */
export type ContainerLog = {
  append(stream: StreamName, text: string | Uint8Array): void;
  read(query: LogQuery): readonly LogEntry[];
  /** Calls back for each entry from now on, until the returned function is called. */
  listen(listener: (entry: LogEntry) => void): () => void;
};

/** Lines with their newline; a last one may lack it. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** An empty log. With `tty` newlines become what a terminal makes of them. `now` is milliseconds
 * since the Unix epoch. */
export function createContainerLog(tty: boolean, now: () => number): ContainerLog {
  const entries: LogEntry[] = [];
  const listeners = new Set<(entry: LogEntry) => void>();
  return {
    append: (given, content) => {
      const text = typeof content === "string" ? content : Buffer.from(content).toString("utf8");
      for (const line of linesOf(text)) {
        const shown = tty ? line.replace(/\r?\n$/, "\r\n") : line;
        const stream = tty ? "stdout" : given;
        const entry = { stream, atMs: now(), bytes: Buffer.from(shown) } as const;
        entries.push(entry);
        for (const listener of listeners) listener(entry);
      }
    },
    read: ({ streams, sinceMs, tail }) => {
      const found = entries.filter(
        ({ stream, atMs }) => streams.includes(stream) && atMs >= sinceMs,
      );
      return tail === undefined ? found : found.slice(found.length - Math.min(tail, found.length));
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Docker's frame around a piece of output. */
export function frame({ stream, bytes }: Pick<LogEntry, "stream" | "bytes">): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream === "stdout" ? 1 : 2, 0);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}
