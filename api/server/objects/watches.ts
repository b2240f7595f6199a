import type { Kind } from "../kinds/kind.ts";
import { FanOut } from "./fan-out.ts";

/** What all watches of a server share. */
export class Watches {
  readonly fanOut: FanOut;
  /** Told of events that were queued for a client. */
  readonly onEvents: (kind: Kind, count: number) => void;
  readonly #senders = new Set<() => void>();

  constructor({
    fanOut = new FanOut(),
    onEvents = () => {},
  }: {
    readonly fanOut?: FanOut;
    readonly onEvents?: (kind: Kind, count: number) => void;
  } = {}) {
    this.fanOut = fanOut;
    this.onEvents = onEvents;
  }

  /** Calls `send` on every tick until the returned function is called. */
  addBookmarks(send: () => void): () => void {
    this.#senders.add(send);
    return () => {
      this.#senders.delete(send);
    };
  }

  /** Lets everybody who asked for bookmarks send one; called about once a minute. */
  tick(): void {
    for (const send of this.#senders) send();
  }
}
