import type { Http2Session } from "node:http2";
import type { Clock } from "../machinery/clock.ts";

/** How a silent peer is found out. Integers, milliseconds. */
export type KeepAlive = {
  /** Between an answer and the next question. */
  readonly intervalMs: number;
  /** How long an answer may take. */
  readonly deadlineMs: number;
};

/** A peer that froze, or whose network did, is found out within ten seconds. */
export const defaultKeepAlive: KeepAlive = { intervalMs: 5_000, deadlineMs: 5_000 };

function pong(session: Http2Session): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      if (!session.ping((err) => resolve(err === null))) resolve(false);
    } catch {
      resolve(false); // it is gone
    }
  });
}

/** Asks the peer again and again until the session closes, or the peer is overdue and `lose` is called. */
export async function keepAlive(
  session: Http2Session,
  { clock, intervalMs, deadlineMs }: KeepAlive & { readonly clock: Clock },
  lose: (why: string) => void,
): Promise<void> {
  const over = new AbortController();
  session.once("close", () => over.abort());
  const pause = (ms: number, signal: AbortSignal): Promise<boolean> =>
    clock.sleep(ms, signal).then(
      () => true,
      () => false,
    );
  while (!over.signal.aborted && (await pause(intervalMs, over.signal))) {
    const answered = new AbortController();
    const limit = pause(deadlineMs, AbortSignal.any([over.signal, answered.signal]));
    const result = await Promise.race([
      pong(session),
      limit.then((late) => (late ? "late" : false)),
    ]);
    answered.abort();
    if (result === "late") lose(`the other end did not answer within ${deadlineMs / 1000} s`);
    if (result !== true) return;
  }
}
