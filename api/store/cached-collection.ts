import { eventOf, type Item, type ItemEvent } from "./item.ts";
import { type Listener, Listeners } from "./listeners.ts";
import type { Revision, StoreEvent } from "./store.ts";

/** How much of the newest history each collection keeps; older watches ask the store. */
export type WindowLimits = { readonly maxEvents: number; readonly maxBytes: number };

/** The live items of one collection, its newest events, and who watches them. */
export class Collection {
  readonly #listeners = new Listeners();
  readonly #items = new Map<string, Item>();
  /** The same in key order, from the first list on: a list is then one copy of a range. */
  #sorted: Item[] | undefined;
  #window: ItemEvent[] = [];
  #first = 0;
  #bytes = 0;
  /** Events after this revision are in the window. */
  floor: Revision;
  readonly #limits: WindowLimits;

  constructor(floor: Revision, limits: WindowLimits) {
    this.floor = floor;
    this.#limits = limits;
  }

  /** One live item. */
  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  /** Takes in an item of the first list. */
  load(item: Item): void {
    this.#items.set(item.key, item);
    this.#sorted = undefined;
  }

  /** The items whose key starts with `prefix`, in key order. */
  list(prefix: string): readonly Item[] {
    const sorted = this.#inOrder();
    return sorted.slice(lowerBound(sorted, prefix), lowerBound(sorted, prefix + afterAll));
  }

  /** How many items `list` would give; costs next to nothing. */
  count(prefix: string): number {
    const sorted = this.#inOrder();
    return lowerBound(sorted, prefix + afterAll) - lowerBound(sorted, prefix);
  }

  /** Takes in one change and keeps it in the window. */
  apply(event: StoreEvent): ItemEvent {
    const previous = this.#items.get(event.key);
    const kept = previous === undefined ? "ADDED" : "MODIFIED";
    const type = event.type === "delete" ? "DELETED" : kept;
    const made = eventOf(type, event, previous);
    if (type === "DELETED") this.#items.delete(event.key);
    else this.#items.set(event.key, made.item);
    this.#place(event.key, type === "DELETED" ? undefined : made.item);
    return this.#remember(made);
  }

  /** Whether an event would be heard. */
  get watched(): boolean {
    return !this.#listeners.isEmpty;
  }

  /** Delivers what the window holds after `since`, then what comes; returns the way out. */
  subscribe(prefix: string, since: Revision, listener: Listener): () => void {
    const missed = this.#after(since, prefix);
    this.#listeners.add(listener, { prefix, since });
    if (missed.length > 0) listener.onEvents(missed);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Passes on events that were just applied. */
  tell(events: readonly ItemEvent[]): void {
    this.#listeners.tell(events);
  }

  /** Ends every subscription. */
  reset(): void {
    this.#listeners.reset();
  }

  #inOrder(): Item[] {
    this.#sorted ??= [...this.#items.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    return this.#sorted;
  }

  /** Puts an item in its place in the order, or takes away what is there. */
  #place(key: string, item: Item | undefined): void {
    const sorted = this.#sorted;
    if (sorted === undefined) return;
    const index = lowerBound(sorted, key);
    const there = sorted[index]?.key === key;
    if (item === undefined) sorted.splice(index, there ? 1 : 0);
    else if (there) sorted[index] = item;
    else sorted.splice(index, 0, item);
  }

  #after(since: Revision, prefix: string): readonly ItemEvent[] {
    const events: ItemEvent[] = [];
    for (let i = this.#window.length - 1; i >= this.#first; i--) {
      const event = this.#window[i];
      if (event === undefined || event.item.at <= since) break;
      if (event.item.key.startsWith(prefix)) events.push(event);
    }
    return events.reverse();
  }

  #remember(event: ItemEvent): ItemEvent {
    this.#window.push(event);
    this.#bytes += event.frame.length;
    while (this.#full()) this.#forgetFirst();
    if (this.#first > 1_024 && this.#first * 2 > this.#window.length) {
      this.#window = this.#window.slice(this.#first);
      this.#first = 0;
    }
    return event;
  }

  #full(): boolean {
    const { maxEvents, maxBytes } = this.#limits;
    return this.#window.length - this.#first > maxEvents || this.#bytes > maxBytes;
  }

  #forgetFirst(): void {
    const event = this.#window[this.#first];
    this.#first += 1;
    if (event === undefined) return;
    this.#bytes -= event.frame.length;
    this.floor = event.item.at;
  }
}

/** Greater than what follows a prefix in any key: those are percent-escaped ASCII. */
const afterAll = "\uffff";

function lowerBound(items: readonly Item[], key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle]?.key ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
