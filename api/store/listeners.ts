import type { Item, ItemEvent } from "./item.ts";
import type { Revision } from "./store.ts";

/** Who is told of changes. Called synchronously, in the order of the history. */
export type Listener = {
  /** Never empty; all events of the prefix, and of its topic, up to `WatchCache.revision` were
   * delivered after it. */
  onEvents(events: readonly ItemEvent[]): void;
  /** The cache lost its place in the history: nothing follows, the watcher must start anew. */
  onReset(): void;
  /** Resolves when more may come; waited for only while old events are read from the store. */
  ready?(): Promise<void>;
  /** Absent: everything of the prefix. It only spares work: other events may come as well. */
  readonly topic?: Topic;
};

/**
 * Items of one value, among those that are or were of it. A thousand watchers of one Node's pods
 * each are then found by the Node, and not asked one by one.
 */
export type Topic = {
  /** What the value is of, e.g. `spec.nodeName`; topics of one name have the same `of`. */
  readonly name: string;
  readonly value: string;
  readonly of: (item: Item) => string;
};

// A watcher may be ahead of the cache: it has heard everything up to `since` elsewhere.
type Interest = { readonly prefix: string; readonly since: Revision };

type Group = Map<Listener, Interest>;

function concerns({ key, at }: Item, { prefix, since }: Interest): boolean {
  return at > since && key.startsWith(prefix);
}

function deliver(group: Group, events: readonly ItemEvent[]): void {
  for (const [listener, interest] of group) {
    const mine = events.every(({ item }) => concerns(item, interest))
      ? events
      : events.filter(({ item }) => concerns(item, interest));
    if (mine.length > 0) listener.onEvents(mine);
  }
}

/** The events by the values that their items have and had. */
function byValue(
  events: readonly ItemEvent[],
  of: Topic["of"],
): ReadonlyMap<string, readonly ItemEvent[]> {
  const groups = new Map<string, ItemEvent[]>();
  const file = (value: string, event: ItemEvent): void => {
    const known = groups.get(value);
    if (known === undefined) groups.set(value, [event]);
    else known.push(event);
  };
  for (const event of events) {
    const now = of(event.item);
    file(now, event);
    const before = event.previous === undefined ? now : of(event.previous);
    if (before !== now) file(before, event);
  }
  return groups;
}

/** Those who watch one collection. */
export class Listeners {
  readonly #all: Group = new Map();
  /** By name of the topic, then by value. */
  readonly #topics = new Map<
    string,
    { readonly of: Topic["of"]; readonly groups: Map<string, Group> }
  >();

  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#topics.size === 0;
  }

  add(listener: Listener, interest: Interest): void {
    this.#groupOf(listener).set(listener, interest);
  }

  delete(listener: Listener): void {
    const { topic } = listener;
    this.#all.delete(listener);
    if (topic === undefined) return;
    const groups = this.#topics.get(topic.name)?.groups;
    const group = groups?.get(topic.value);
    group?.delete(listener);
    if (group?.size === 0) groups?.delete(topic.value);
    if (groups?.size === 0) this.#topics.delete(topic.name);
  }

  tell(events: readonly ItemEvent[]): void {
    deliver(this.#all, events);
    for (const { of, groups } of this.#topics.values()) {
      for (const [value, mine] of byValue(events, of)) {
        const group = groups.get(value);
        if (group !== undefined) deliver(group, mine);
      }
    }
  }

  /** Ends every subscription. */
  reset(): void {
    const groups = [...this.#topics.values()].flatMap((topic) => [...topic.groups.values()]);
    const listeners = [this.#all, ...groups].flatMap((group) => [...group.keys()]);
    this.#all.clear();
    this.#topics.clear();
    for (const listener of listeners) listener.onReset();
  }

  #groupOf({ topic }: Listener): Group {
    if (topic === undefined) return this.#all;
    const { name, value, of } = topic;
    const known = this.#topics.get(name) ?? { of, groups: new Map<string, Group>() };
    this.#topics.set(name, known);
    const group = known.groups.get(value) ?? new Map<Listener, Interest>();
    known.groups.set(value, group);
    return group;
  }
}
