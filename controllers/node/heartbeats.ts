/** Since when each Node is silent, by our own clock. */
export interface Heartbeats {
  /** Notes a sign of life: `version` changes with each one. Gives for how long it has not; in ms. */
  silentMs(node: string, version: string, nowMs: number): number;
  /** The Node is gone. */
  forget(node: string): void;
}

/**
 * Judges by when we saw a change and not by the times in it, so that clocks need not agree. A new
 * process gives every Node the whole grace again, which is safe: it can only err to the late side.
 */
export function createHeartbeats(): Heartbeats {
  const last = new Map<string, { readonly version: string; readonly atMs: number }>();
  return {
    silentMs(node, version, nowMs) {
      const known = last.get(node);
      if (known?.version === version) return nowMs - known.atMs;
      last.set(node, { version, atMs: nowMs });
      return 0;
    },
    forget: (node) => void last.delete(node),
  };
}
