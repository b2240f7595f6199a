/** Since when each Node is silent, by our own clock. */
export interface Heartbeats {
  /**
   * Notes what there is to hear of a Node: each sign changes with each sign of life, and
   * `undefined` says nothing. Gives for how long none has changed, in milliseconds.
   */
  silentMs(node: string, signs: readonly (string | undefined)[], nowMs: number): number;
  /** The Node is gone. */
  forget(node: string): void;
}

type Heard = { readonly signs: readonly (string | undefined)[]; readonly atMs: number };

/**
 * Judges by when we saw a change and not by the times in it, so that clocks need not agree. A new
 * process gives every Node the whole grace again, which is safe: it can only err to the late side.
 */
export function createHeartbeats(): Heartbeats {
  const last = new Map<string, Heard>();
  return {
    silentMs(node, signs, nowMs) {
      const known = last.get(node);
      const isNews = signs.some((sign, index) => {
        return sign !== undefined && sign !== known?.signs[index];
      });
      const merged = signs.map((sign, index) => sign ?? known?.signs[index]);
      const atMs = isNews || known === undefined ? nowMs : known.atMs;
      last.set(node, { signs: merged, atMs });
      return nowMs - atMs;
    },
    forget: (node) => void last.delete(node),
  };
}
