/** The stream of one response. */
export interface WatchSink {
  /** Takes one or several lines. */
  write(lines: Buffer): void;
  /** Bytes that the client has not taken yet. */
  readonly backlogBytes: number;
  /** Resolves when the client has taken everything, or is gone. */
  drained(): Promise<void>;
  /** Ends the response; nothing is written after it. */
  end(): void;
  /** Breaks the connection off: the client must see that something is missing. */
  cut(): void;
}

/** Lines on their way to one client. */
export interface Outlet {
  /** Queues lines; they are written soon, together with others of the same moment. */
  push(lines: readonly Buffer[]): void;
  /** Writes what is queued, now. */
  flush(): void;
  /** Bytes that are queued, or written and not yet taken. */
  readonly backlogBytes: number;
}

/** How far clients may be behind, in bytes: one of them, and all together. */
export type BacklogLimits = { readonly eachBytes: number; readonly allBytes: number };

const defaultLimits: BacklogLimits = { eachBytes: 8 << 20, allBytes: 256 << 20 };
/** Work between two turns of the event loop, and the longest rest between two rounds. */
const sliceMs = 5;
const maxRestMs = 20;

/**
 * Writes what happened to all who watch it: each client once per round, with everything that
 * was queued for it. A round is made in slices, and followed by a rest that is as long as the
 * round took, so that with many clients their events are joined and half of the time is left to
 * other work. With few clients a round takes no time, and so they wait for nothing.
 */
export class FanOut {
  readonly #limits: BacklogLimits;
  readonly #behind = new Set<QueuedOutlet>();
  #dirty: QueuedOutlet[] = [];
  #next = 0;
  #scheduled = false;
  #roundMs = 0;
  #joined: { readonly lines: readonly Buffer[]; readonly bytes: Buffer } | undefined;

  constructor(limits = defaultLimits) {
    this.#limits = limits;
  }

  /** `onCut` is called after a client that is too far behind was cut off. */
  outlet(sink: WatchSink, onCut: () => void): Outlet {
    return new QueuedOutlet(sink, onCut, this);
  }

  /** Queues an outlet for the next round. */
  enqueue(outlet: QueuedOutlet): void {
    this.#dirty.push(outlet);
    if (this.#scheduled) return;
    this.#scheduled = true;
    const restMs = Math.min(Math.round(this.#roundMs), maxRestMs);
    this.#roundMs = 0;
    if (restMs < 1) setImmediate(this.#round);
    else setTimeout(this.#round, restMs);
  }

  /** The same lines for many clients are joined once. */
  join(lines: readonly Buffer[]): Buffer {
    const [only] = lines;
    if (lines.length === 1 && only !== undefined) return only;
    const last = this.#joined;
    const same = last?.lines.length === lines.length;
    if (same && lines.every((line, index) => line === last.lines[index])) return last.bytes;
    const bytes = Buffer.concat(lines);
    this.#joined = { lines, bytes };
    return bytes;
  }

  /** Judges one client by what it has not taken. */
  judge(outlet: QueuedOutlet): void {
    const { backlogBytes } = outlet;
    if (backlogBytes > this.#limits.eachBytes) outlet.cut();
    else if (backlogBytes * 32 > this.#limits.eachBytes) this.#behind.add(outlet);
  }

  readonly #round = (): void => {
    const begun = performance.now();
    let spentMs = 0;
    while (this.#next < this.#dirty.length && spentMs < sliceMs) {
      this.#dirty[this.#next]?.flush();
      this.#next += 1;
      spentMs = performance.now() - begun;
    }
    this.#roundMs += spentMs;
    if (this.#next < this.#dirty.length) {
      setImmediate(this.#round);
      return;
    }
    this.#dirty = [];
    this.#next = 0;
    this.#scheduled = false;
    this.#joined = undefined;
    if (this.#behind.size > 0) this.#judgeAll();
  };

  /** Cuts off the clients that are furthest behind while all together are too much. */
  #judgeAll(): void {
    let sum = 0;
    for (const outlet of this.#behind) {
      if (outlet.backlogBytes === 0) this.#behind.delete(outlet);
      sum += outlet.backlogBytes;
    }
    if (sum <= this.#limits.allBytes) return;
    const worst = [...this.#behind].sort((a, b) => b.backlogBytes - a.backlogBytes);
    for (const outlet of worst) {
      if (sum <= this.#limits.allBytes) return;
      sum -= outlet.backlogBytes;
      this.#behind.delete(outlet);
      outlet.cut();
    }
  }
}

class QueuedOutlet implements Outlet {
  readonly #sink: WatchSink;
  readonly #onCut: () => void;
  readonly #fanOut: FanOut;
  #lines: Buffer[] = [];
  #bytes = 0;
  #cut = false;

  constructor(sink: WatchSink, onCut: () => void, fanOut: FanOut) {
    this.#sink = sink;
    this.#onCut = onCut;
    this.#fanOut = fanOut;
  }

  get backlogBytes(): number {
    return this.#cut ? 0 : this.#bytes + this.#sink.backlogBytes;
  }

  push(lines: readonly Buffer[]): void {
    if (lines.length === 0 || this.#cut) return;
    if (this.#lines.length === 0) this.#fanOut.enqueue(this);
    for (const line of lines) {
      this.#lines.push(line);
      this.#bytes += line.length;
    }
  }

  flush(): void {
    if (this.#lines.length === 0 || this.#cut) return;
    const bytes = this.#fanOut.join(this.#lines);
    this.#lines = [];
    this.#bytes = 0;
    this.#sink.write(bytes);
    this.#fanOut.judge(this);
  }

  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#lines = [];
    this.#sink.cut();
    this.#onCut();
  }
}
