import type { Store } from "./store.ts";

/** A store that is being filled. Disposed of without `finish`, nobody opens it but another restore. */
export interface StoreRestore extends AsyncDisposable {
  /** Empty at first. As its driver has it: without the volatile part that a server adds. */
  readonly store: Store;
  /** All is written: from now on it may be opened. Closes it. */
  finish(): Promise<void>;
}
