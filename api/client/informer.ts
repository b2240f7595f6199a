import type { KubeObject, ObjectKey } from "../machinery/object.ts";

/** A read-only view of all objects of one kind, as of some recent moment. Objects are frozen. */
export interface Cache<T extends KubeObject> {
  get(key: ObjectKey): T | undefined;
  /** All objects, or those of one namespace; no promised order. */
  list(namespace?: string): readonly T[];
  /** The objects that the named index files under `value`; the index was given to the informer. */
  by(index: string, value: string): readonly T[];
}

/** What happened to one object. A replaced incarnation (other uid) arrives as delete and add. */
export type Change<T extends KubeObject> =
  | { readonly type: "added"; readonly after: T }
  | { readonly type: "updated"; readonly before: T; readonly after: T }
  | { readonly type: "deleted"; readonly before: T };

/** Which values an object is filed under, e.g. pods by `spec.nodeName`. */
export type Indexes<T extends KubeObject> = Readonly<
  Record<string, (object: T) => readonly string[]>
>;

/**
 * Keeps a cache of one kind equal to the server's, by list and watch.
 *
 * Guarantees: a relist swaps the cache at once and reports only differences; a stream's end
 * resumes from the last position without back-off, errors back off with jitter, `Expired`
 * lists again; a handler that throws is logged and does not disturb the others.
 */
export interface Informer<T extends KubeObject> {
  readonly cache: Cache<T>;
  /** Handlers run in the order of the server's history, after the cache has changed. */
  onChange(handler: (change: Change<T>) => void): void;
  /** Resolves once the first list is in the cache; rejects if the informer is stopped before. */
  readonly synced: Promise<void>;
  /** Lives until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}
