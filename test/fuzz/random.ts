/** A small seeded generator (mulberry32): a failure can be repeated from its seed. */
export type Random = {
  /** An integer from 0 up to but not including `limit`. */
  below(limit: number): number;
  /** Whether one of `times` throws hits. */
  once(times: number): boolean;
  /** One of them. */
  pick<T>(from: readonly [T, ...T[]] | readonly T[]): T;
  /** So many random bytes. */
  bytes(count: number): Buffer;
};

/** The same seed always gives the same numbers. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    once: (times) => below(times) === 0,
    pick(from) {
      const found = from[below(from.length)];
      if (found === undefined && from.length === 0) throw new Error("Cannot pick from nothing");
      return found as (typeof from)[number];
    },
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
  };
}
