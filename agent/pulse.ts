import type { Clock } from "../api/machinery/clock.ts";
import { nodeReason } from "../crds/conditions.ts";
import { silenceOf } from "./engine/trouble.ts";
import type { Engine } from "./engine/engine.ts";
import type { Silence } from "./node.ts";
import { pause } from "./persist.ts";

/** Whose pulse is felt, and how often. */
export type PulseOptions = {
  readonly engine: Pick<Engine, "ping" | "endpoint">;
  readonly clock: Clock;
  /** Between two questions, and how long an answer may take. Milliseconds, 1 or more. */
  readonly pulseMs: number;
  readonly signal: AbortSignal;
};

/** One question may fall into a moment of great load: only the second silence in a row counts. */
const silencesToTell = 2;

function hanging(endpoint: string, pulseMs: number): Silence {
  const message = `Docker engine at ${endpoint} hangs: it takes connections and has not answered for ${(silencesToTell * pulseMs) / 1000} s`;
  return { reason: nodeReason.engineHangs, message };
}

async function whySilent({ engine, clock, pulseMs, signal }: PulseOptions) {
  const answered = new AbortController();
  const late = new AbortController();
  const timer = clock.sleep(pulseMs, AbortSignal.any([signal, answered.signal])).then(
    () => late.abort(),
    () => undefined, // answered in time
  );
  try {
    await engine.ping(AbortSignal.any([signal, late.signal]));
    return undefined;
  } catch (err) {
    if (late.signal.aborted) return hanging(engine.endpoint, pulseMs);
    return silenceOf(err);
  } finally {
    answered.abort();
    await timer;
  }
}

/**
 * Asks an engine for a sign of life until the signal aborts, and tells the outcome each time:
 * `undefined` when it answered, else why it is taken for dead.
 */
export async function followPulse(
  options: PulseOptions,
  tell: (why: Silence | undefined) => void,
): Promise<void> {
  const { clock, pulseMs, signal } = options;
  let silences = 0;
  while (!signal.aborted) {
    if (silences === 0 || silences >= silencesToTell) await pause(pulseMs, { clock, signal });
    if (signal.aborted) return;
    const why = await whySilent(options);
    silences = why === undefined ? 0 : silences + 1;
    if (!signal.aborted && (why === undefined || silences >= silencesToTell)) tell(why);
  }
}
