/** Position in the store's one history. Integer, 1 or more; 0 means "no such entry" or "the start". */
export type Revision = number;

/**
 * A live entry. Its key is text that begins with a slash, at most 1,900 bytes of UTF-8, without
 * NUL; its value must not be changed once it was given to a store or got from one. `at` is the revision of its last write, `createdAt` that of its creation.
 */
export type Entry = {
  readonly key: string;
  readonly value: Uint8Array;
  readonly at: Revision;
  readonly createdAt: Revision;
};

/** One change. A delete carries the value that it removed. */
export type StoreEvent = {
  readonly type: "put" | "delete";
  readonly key: string;
  /** The new value, or on `delete` the last one. */
  readonly value: Uint8Array;
  /** The value before a `put`; absent on a creation. */
  readonly previous?: Uint8Array;
  readonly at: Revision;
};

/**
 * Events in order of `at`. After it, every event up to and including `revision` was delivered;
 * an empty batch is progress only, and tells a quiet prefix how far the store has come.
 */
export type Batch = { readonly events: readonly StoreEvent[]; readonly revision: Revision };

/** Which entries: keys that start with `prefix`, in byte order. */
export type Range = {
  readonly prefix: string;
  /** Only keys greater than this one: the last key of the page before. */
  readonly after?: string;
  /** Integer, 1 or more. Absent: all. */
  readonly limit?: number;
  /** Read the state as of this revision. Absent: the latest. */
  readonly at?: Revision;
  /** `false`: `remaining` may be any number above 0 if something follows. Counting all of a large
   * range for each of its pages takes longer than reading them. */
  readonly counted?: false;
  /** Fail for an entry that cannot be read, where a store would leave it out: see `EncryptedStore`. */
  readonly complete?: true;
};

/** Entries of one read, and how to go on. */
export type Page = {
  readonly entries: readonly Entry[];
  /** The revision that was read: the given `at`, or the latest. Pass it on to the next page. */
  readonly revision: Revision;
  /** How many entries of the prefix follow this page. */
  readonly remaining: number;
};

/**
 * A second condition of a write: the live entry of `key` was last written at `at`. It makes sure,
 * with the write itself, that whoever writes still has the right to, e.g. holds a Lease.
 */
export type Guard = { readonly key: string; readonly at: Revision };

/**
 * Versioned key-value history beneath the API server.
 *
 * Guarantees, each a case of `test/conformance/store.ts`: every committed write takes the next
 * revision of one global history and is on disk before its promise resolves; `watch` yields each
 * later event once, in order; a `get` or `list` begun after a write resolved sees that write.
 *
 * Not promised: writes of several keys at once, or history older than the last compaction.
 *
 * Every method rejects with `ServiceUnavailable` when the storage cannot be reached or is full;
 * a rejected write whose outcome is unknown says so with `Timeout`.
 */
export interface Store extends AsyncDisposable {
  /** The live entry, or `undefined`. */
  get(key: string): Promise<Entry | undefined>;
  /** One page of entries in key order.
   * @throws StatusError `Expired` if `at` was compacted, `Timeout` if `at` is in the future. */
  list(range: Range): Promise<Page>;
  /** Compare-and-set. `expected` is the revision the caller read, 0 to create.
   * @throws StatusError `Conflict` if the live revision, or that of the guard's entry, differs; then
   * nothing is written. */
  put(key: string, value: Uint8Array, expected: Revision, guard?: Guard): Promise<Revision>;
  /** Compare-and-delete; resolves to the revision of the deletion.
   * @throws StatusError `Conflict` if the live revision, or that of the guard's entry, differs, also
   * when the entry is absent. */
  delete(key: string, expected: Revision, guard?: Guard): Promise<Revision>;
  /** Events of the prefix after `since`, until `signal` aborts; then it ends without an error.
   * Survives reconnects of its driver. The first batch arrives at once, if only as progress.
   * @throws StatusError `Expired` if `since` was compacted, or if this history never had it
   * because the data was replaced: the caller must list again. */
  watch(prefix: string, since: Revision, signal: AbortSignal): AsyncIterable<Batch>;
  /** The revision of the last committed write, and the floor below which history is gone. */
  head(): Promise<{ readonly revision: Revision; readonly compacted: Revision }>;
  /** Forgets history: reads and watches from before `upTo` answer `Expired`. Live entries stay. */
  compact(upTo: Revision): Promise<void>;
}
