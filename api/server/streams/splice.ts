import type { Duplex } from "node:stream";
import type { IdleTimer } from "./idle-timer.ts";

/**
 * Joins two connections until both are over. The end of one half is passed on and leaves the other
 * half open; a connection that breaks takes the other with it. Each side is read as fast as the other
 * takes. Resolves to the error of `target`, if it broke.
 */
export async function splice(
  client: Duplex,
  target: Duplex,
  idle: IdleTimer,
): Promise<Error | undefined> {
  let broken: Error | undefined;
  target.on("error", (err) => {
    broken = err;
  });
  client.on("error", () => {});
  for (const side of [client, target]) side.on("data", () => idle.touch());
  const over = (side: Duplex, other: Duplex): Promise<void> =>
    new Promise((resolve) => {
      const close = (): void => {
        if (!side.readableEnded) other.destroy();
        resolve();
      };
      if (side.closed) close();
      else side.once("close", close);
    });
  const both = Promise.all([over(client, target), over(target, client)]);
  client.pipe(target);
  target.pipe(client);
  await both;
  return broken;
}
