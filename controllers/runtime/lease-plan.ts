import type { Lease } from "../../api/machinery/resources.ts";

/** What an elector does next about the Lease. */
export type LeaseStep = "create" | "take" | "renew" | "wait";

/** The Lease as last seen, and when, by our own clock, its version was first seen. */
export type SeenLease = { readonly lease: Lease; readonly sinceMs: number };

/**
 * Decides by our own clock only: a lease is over when we have watched it unrenewed for its whole
 * duration, whatever the times in it say, so that clocks of machines need not agree.
 */
export function planLease(seen: SeenLease | undefined, identity: string, nowMs: number): LeaseStep {
  if (seen === undefined) return "create";
  const { holderIdentity = "", leaseDurationSeconds = 0 } = seen.lease.spec ?? {};
  if (holderIdentity === identity) return "renew";
  if (holderIdentity === "") return "take";
  return nowMs - seen.sinceMs >= leaseDurationSeconds * 1_000 ? "take" : "wait";
}
