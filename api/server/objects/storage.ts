import { isConflict } from "../../machinery/errors.ts";
import { encodeObject, type Item, itemOf } from "../../store/item.ts";
import type { Revision, Store } from "../../store/store.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { Body } from "../kinds/kind.ts";

/** Where objects are written, and where they are mostly read. */
export type Storage = { readonly store: Store; readonly cache: WatchCache };

/** What a change makes of the state it was shown. `keep` answers with that state. */
export type Next =
  | { readonly does: "keep"; readonly item: Item }
  | { readonly does: "put" | "delete"; readonly value: Buffer };

/** The change that stores `object`, or removes it and shows it as it was last. */
export function write(does: "put" | "delete", object: Body | AnyObject): Next {
  return { does, value: encodeObject(object) };
}

/** The outcome of a change. A deleted object is shown as it was last. */
export type Changed = {
  readonly does: Next["does"];
  readonly item: Item;
};

/** How a change is carried out. */
export type ChangeOptions = {
  /** Decide and answer, and write nothing. */
  readonly dryRun: boolean;
};

const maxAttempts = 12;

/** The newest state of one key. */
export async function readItem({ store }: Storage, key: string): Promise<Item | undefined> {
  const entry = await store.get(key);
  return entry === undefined ? undefined : itemOf(key, entry.value, entry.at);
}

/**
 * Changes one object by compare-and-set, and decides again when somebody else was faster.
 *
 * `decide` is first shown the state that this server knows, nearly always the newest. A verdict about it
 * other than a write (an error, `keep`) counts only once it was confirmed on the stored state.
 * @throws what `decide` throws; StatusError `Conflict` after many lost races.
 */
export async function changeItem(
  storage: Storage,
  key: string,
  decide: Decide,
  { dryRun }: ChangeOptions,
): Promise<Changed> {
  let current = storage.cache.newest(key);
  for (let attempt = 1; ; attempt++) {
    const sure = attempt > 1;
    const next = await verdict(decide, current, { sure, dryRun });
    if (next?.does === "keep") return next;
    if (next !== undefined) {
      const change = { key, next, expected: current?.at ?? 0, dryRun };
      const done = await perform(storage, change, attempt === maxAttempts);
      if (done !== undefined) return done;
    }
    current = await readItem(storage, key);
  }
}

type Decide = (current: Item | undefined) => Next | Promise<Next>;

/** `undefined`: the verdict is about a state that may be old, and must be confirmed first. */
async function verdict(
  decide: Decide,
  current: Item | undefined,
  { sure, dryRun }: ChangeOptions & { readonly sure: boolean },
): Promise<Next | undefined> {
  try {
    const next = await decide(current);
    return sure || (next.does !== "keep" && !dryRun) ? next : undefined;
  } catch (err) {
    if (sure) throw err;
    return undefined;
  }
}

type Write = {
  readonly key: string;
  readonly next: Exclude<Next, { readonly does: "keep" }>;
  readonly expected: Revision;
  readonly dryRun: boolean;
};

/** `undefined`: somebody else was faster, and another attempt is left. */
async function perform(
  { store, cache }: Storage,
  { key, next, expected, dryRun }: Write,
  last: boolean,
): Promise<Changed | undefined> {
  const { value } = next;
  if (dryRun) return { does: next.does, item: itemOf(key, value, expected) };
  try {
    const at =
      next.does === "delete"
        ? await store.delete(key, expected)
        : await store.put(key, value, expected);
    const item = itemOf(key, value, at);
    if (next.does === "put") cache.wrote(item);
    return { does: next.does, item };
  } catch (err) {
    if (last || !isConflict(err)) throw err;
    return undefined;
  }
}
