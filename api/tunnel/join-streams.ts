import type { Duplex } from "node:stream";

/**
 * Joins two connections until both are over: the end of one half is passed on and leaves the other half
 * open, a connection that breaks takes the other with it, and each is read as fast as the other takes.
 * (`pipeline` in both directions would turn the end of one half into a reset of both.)
 */
export function joinStreams(one: Duplex, other: Duplex): void {
  const follow = (side: Duplex, opposite: Duplex): void => {
    side.on("error", () => {}); // "close" follows
    side.once("close", () => {
      if (!side.readableEnded || !side.writableFinished) opposite.destroy();
    });
    if (side.destroyed) opposite.destroy();
  };
  follow(one, other);
  follow(other, one);
  one.pipe(other);
  other.pipe(one);
}
