import { type Backoff, backoffMs } from "../../api/client/backoff.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { keyText, type ObjectKey, parseKey } from "../../api/machinery/object.ts";

/**
 * Which keys need work.
 *
 * Guarantees: a key waits at most once however often it was added; it is never handed out while
 * somebody works on it, and is handed out again afterwards when it was added meanwhile. Not
 * promised: an order between keys.
 */
export interface Queue {
  /** Work on it as soon as possible. */
  add(key: ObjectKey): void;
  /** Work on it after `ms` (0 or more); replaces an earlier appointment of this key. */
  addAfter(key: ObjectKey, ms: number): void;
  /** Work on it after a back-off that grows with each call; the wait, in milliseconds. */
  retry(key: ObjectKey): number;
  /** Its work succeeded: the next failure is the first again, and no appointment is left. */
  forget(key: ObjectKey): void;
  /** Waits for a key; `undefined` when the signal aborts. */
  take(signal: AbortSignal): Promise<ObjectKey | undefined>;
  /** Hands a taken key back. */
  done(key: ObjectKey): void;
  /** Keys that could be taken now. Integer. */
  readonly depth: number;
}

/** What a queue needs of the world. It forgets its appointments when `signal` aborts. */
export type QueueOptions = {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly backoff?: Backoff;
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
};

const defaultBackoff: Backoff = { baseMs: 100, maxMs: 60_000 };
/** Timers beyond this fire at once; about 24 days. */
const maxTimerMs = 2 ** 31 - 1;

/** Gets the next key, or `undefined` when its worker gave up. */
type Taker = (key: string | undefined) => void;

class DedupQueue implements Queue {
  readonly #options: QueueOptions;
  /** Insertion order is the order of work. */
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #addedMeanwhile = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #appointments = new Map<string, AbortController>();
  readonly #takers: Taker[] = [];
  readonly #waiters = new WeakMap<AbortSignal, Set<Taker>>();

  constructor(options: QueueOptions) {
    this.#options = options;
    const end = (): void => {
      for (const appointment of this.#appointments.values()) appointment.abort();
      this.#appointments.clear();
    };
    options.signal.addEventListener("abort", end, { once: true });
  }

  get depth(): number {
    return this.#waiting.size;
  }

  add(key: ObjectKey): void {
    this.#add(keyText(key));
  }

  addAfter(key: ObjectKey, ms: number): void {
    const text = keyText(key);
    this.#cancel(text);
    const { clock, signal } = this.#options;
    if (signal.aborted) return;
    const appointment = new AbortController();
    this.#appointments.set(text, appointment);
    clock.sleep(Math.min(ms, maxTimerMs), appointment.signal).then(
      () => {
        this.#appointments.delete(text);
        this.#add(text);
      },
      () => undefined, // cancelled
    );
  }

  retry(key: ObjectKey): number {
    const { backoff = defaultBackoff, random = Math.random } = this.#options;
    const text = keyText(key);
    const failures = (this.#failures.get(text) ?? 0) + 1;
    this.#failures.set(text, failures);
    const ms = backoffMs(backoff, failures, random());
    this.addAfter(key, ms);
    return ms;
  }

  forget(key: ObjectKey): void {
    const text = keyText(key);
    this.#failures.delete(text);
    this.#cancel(text);
  }

  async take(signal: AbortSignal): Promise<ObjectKey | undefined> {
    const text = this.#next() ?? (await this.#wait(signal));
    return text === undefined ? undefined : parseKey(text);
  }

  done(key: ObjectKey): void {
    const text = keyText(key);
    this.#working.delete(text);
    if (this.#addedMeanwhile.delete(text)) this.#add(text);
  }

  #add(text: string): void {
    if (this.#working.has(text)) {
      this.#addedMeanwhile.add(text);
      return;
    }
    this.#waiting.add(text);
    const taker = this.#takers.shift();
    taker?.(this.#next());
  }

  #next(): string | undefined {
    const [text] = this.#waiting;
    if (text === undefined) return undefined;
    this.#waiting.delete(text);
    this.#working.add(text);
    return text;
  }

  #wait(signal: AbortSignal): Promise<string | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    const waiters = this.#waitersOf(signal);
    return new Promise((resolve) => {
      const taker: Taker = (key) => {
        waiters.delete(taker);
        resolve(key);
      };
      waiters.add(taker);
      this.#takers.push(taker);
    });
  }

  /** One listener for all who wait with a signal: each would cost as much as there are others. */
  #waitersOf(signal: AbortSignal): Set<Taker> {
    const known = this.#waiters.get(signal);
    if (known !== undefined) return known;
    const waiters = new Set<Taker>();
    const giveUp = (): void => {
      for (const taker of waiters) {
        this.#takers.splice(this.#takers.indexOf(taker), 1);
        taker(undefined);
      }
    };
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiters.set(signal, waiters);
    return waiters;
  }

  #cancel(text: string): void {
    this.#appointments.get(text)?.abort();
    this.#appointments.delete(text);
  }
}

/** An empty queue. */
export function createQueue(options: QueueOptions): Queue {
  return new DedupQueue(options);
}
