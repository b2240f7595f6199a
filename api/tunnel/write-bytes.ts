import type { Writable } from "node:stream";

/** Writes and waits until the next may follow; a stream that ended takes nothing. */
export function writeBytes(to: Writable, bytes: Uint8Array): Promise<void> {
  if (to.destroyed || to.writableEnded) return Promise.resolve();
  return new Promise((resolve) => {
    if (to.write(bytes)) return resolve();
    const go = (): void => {
      to.off("drain", go).off("close", go).off("error", go);
      resolve();
    };
    to.once("drain", go).once("close", go).once("error", go);
  });
}
