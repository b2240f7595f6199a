import type { Clock } from "../../machinery/clock.ts";

/** How many refusals of strangers are recorded one by one. */
export type StormLimits = {
  /** At once from one source. Integer. */
  readonly burst: number;
  /** Then so many each second. */
  readonly perSecond: number;
  /** Sources that are told from each other; what comes beyond shares one place. Integer. */
  readonly sources: number;
};

/** For the product: a person who mistypes is recorded, a storm must not push history out of the log. */
export const stormLimits: StormLimits = { burst: 60, perSecond: 1, sources: 4_096 };

/** Keeps strangers from filling the log: whoever is not known costs an attacker nothing. */
export interface Storms {
  /** How many before were left out since the last that was recorded; `undefined`: leave this out too. */
  admit(source: string): number | undefined;
  /** Takes what was left out, by source: for one event each when the storm has passed. */
  takeLeftOut(): ReadonlyMap<string, number>;
}

type Bucket = { tokens: number; atMs: number; leftOut: number };

const groupsOf = (text: string): readonly string[] => (text === "" ? [] : text.split(":"));

/** Addresses of one subnet of IPv6 are one source: everybody has 2^64 of them. */
export function sourceOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const first = groupsOf(head);
  const last = groupsOf(tail ?? "");
  const zeros = Math.max(0, 8 - first.length - last.length);
  const all = tail === undefined ? first : [...first, ...Array<string>(zeros).fill("0"), ...last];
  return all.slice(0, 4).join(":");
}

const others = "others";

/** Counts by source; forgets sources that were quiet. */
export function openStorms(clock: Pick<Clock, "nowMs">, limits = stormLimits): Storms {
  const { burst, perSecond, sources } = limits;
  const buckets = new Map<string, Bucket>();
  const bucketOf = (address: string): Bucket => {
    const source = sourceOf(address);
    const known = buckets.get(source);
    if (known !== undefined) return known;
    const name = buckets.size < sources ? source : others;
    const fresh = buckets.get(name) ?? { tokens: burst, atMs: clock.nowMs(), leftOut: 0 };
    buckets.set(name, fresh);
    return fresh;
  };
  return {
    admit(address) {
      const bucket = bucketOf(address);
      const nowMs = clock.nowMs();
      const gained = ((nowMs - bucket.atMs) / 1_000) * perSecond;
      bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, gained));
      bucket.atMs = nowMs;
      if (bucket.tokens < 1) {
        bucket.leftOut += 1;
        return undefined;
      }
      bucket.tokens -= 1;
      const { leftOut } = bucket;
      bucket.leftOut = 0;
      return leftOut;
    },
    takeLeftOut() {
      const taken = new Map<string, number>();
      for (const [source, bucket] of buckets) {
        if (bucket.leftOut > 0) taken.set(source, bucket.leftOut);
        bucket.leftOut = 0;
        const fullAtMs = bucket.atMs + ((burst - bucket.tokens) / perSecond) * 1_000;
        if (fullAtMs <= clock.nowMs()) buckets.delete(source);
      }
      return taken;
    },
  };
}
