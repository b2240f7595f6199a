import { deadline } from "../../api/client/deadline.ts";
import { type Call, TimedOut } from "../command.ts";

/** What is waited for. */
export type Bound = {
  /** metadata.name of the Application. */
  readonly name: string;
  /** Integer, milliseconds; absent: as long as it takes. */
  readonly timeoutMs: number | undefined;
};

/**
 * Waits for a rollout that goes on by itself: whoever stops waiting is told so.
 * @throws TimedOut after `timeoutMs`; what the work throws, else
 */
export async function bounded<T>(
  { io, signal }: Call,
  { name, timeoutMs }: Bound,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const seconds = (timeoutMs ?? 0) / 1000;
  const text = `Application "${name}" has no verdict after ${seconds} s; the rollout goes on`;
  const late =
    timeoutMs === undefined ? undefined : deadline(timeoutMs, () => new TimedOut(text), signal);
  try {
    return await work(late?.signal ?? signal);
  } catch (err) {
    if (signal.aborted) {
      io.err(`The rollout goes on: see "lighthouse rollout status ${name}"\n`);
    } else if (late?.signal.aborted === true) throw new TimedOut(text, { cause: err });
    throw err;
  } finally {
    late?.dispose();
  }
}
