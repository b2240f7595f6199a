/** How long somebody waits for an answer that others may have to be given first. */
export type Patience = {
  /** Ends all waiting, also that for a turn. */
  readonly signal: AbortSignal;
  /** The turn has come: the time limit begins, at the first call, and aborts what this returns. */
  readonly begin: () => AbortSignal;
};

/** With one limit for both. */
export function patienceOf(signal: AbortSignal): Patience {
  return { signal, begin: () => signal };
}
