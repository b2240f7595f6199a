import { expect, onTestFinished } from "vitest";
import { isConflict } from "../../api/machinery/errors.ts";
import type { Batch, Revision, Store, StoreEvent } from "../../api/store/store.ts";

/** One empty store of a driver, and a way to close and open it over the same data. */
export type StoreHarness = {
  /** Opens the data; at most one store is open at a time. */
  open(): Promise<Store>;
  /** Removes the data. Called after the store was closed. */
  remove(): Promise<void>;
};

/** What differs between drivers beyond their contract. */
export type StoreTraits = {
  /** The data outlives a closed store. */
  readonly durable: boolean;
  /** Nobody else writes: each write takes exactly the next number. */
  readonly dense: boolean;
};

/** An open store with a signal that aborts when the test ends, and a way to restart it. */
export type Opened = {
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Closes the store and opens it again over the same data. */
  reopen(): Promise<Store>;
};

/** Opens a store for the running test and removes all of it afterwards. */
export type Start = () => Promise<Opened>;

/** Makes the `start` that every case begins with. */
export function starter(prepare: () => Promise<StoreHarness>): Start {
  return async () => {
    const harness = await prepare();
    const abort = new AbortController();
    let store: Store | undefined;
    onTestFinished(async () => {
      abort.abort();
      await store?.[Symbol.asyncDispose]();
      await harness.remove();
    });
    const first = await harness.open();
    store = first;
    const reopen = async (): Promise<Store> => {
      await store?.[Symbol.asyncDispose]();
      const next = await harness.open();
      store = next;
      return next;
    };
    return { store: first, signal: abort.signal, reopen };
  };
}

/** Text to value. */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Value to text. */
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);

/** An event as a line: easy to compare, easy to read in a failure. */
export function line(event: StoreEvent): string {
  const previous = event.previous === undefined ? "" : ` was ${text(event.previous)}`;
  return `${event.at} ${event.type} ${event.key} ${text(event.value)}${previous}`;
}

/** Reads batches until `done` says so; checks the promises that every batch makes. */
export async function collect(
  batches: AsyncIterable<Batch>,
  done: (events: readonly StoreEvent[], revision: Revision) => boolean,
): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  let covered = 0;
  for await (const batch of batches) {
    for (const event of batch.events) {
      expect(event.at, "an event came after its revision was promised").toBeGreaterThan(covered);
      expect(event.at).toBeGreaterThanOrEqual(events.at(-1)?.at ?? 0);
      events.push(event);
    }
    expect(batch.revision).toBeGreaterThanOrEqual(events.at(-1)?.at ?? 0);
    expect(batch.revision).toBeGreaterThanOrEqual(covered);
    covered = batch.revision;
    if (done(events, covered)) break;
  }
  return events;
}

/** Retries a read-modify-write until it wins; returns the revisions it lost at and won at. */
export async function increment(store: Store, key: string): Promise<Revision> {
  for (;;) {
    const entry = await store.get(key);
    const next = bytes(String(Number(text(entry?.value) ?? "0") + 1));
    try {
      return await store.put(key, next, entry?.at ?? 0);
    } catch (err) {
      if (!isConflict(err)) throw err;
    }
  }
}

/** The first `count` items; then the source is told to stop. */
export async function* take<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T, void> {
  let left = count;
  for await (const item of items) {
    yield item;
    left -= 1;
    if (left === 0) return;
  }
}
