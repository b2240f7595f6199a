import type { Request } from "../http.ts";

/** IPv4 as IPv4, also where the listener is one of IPv6. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}

/**
 * Where a request comes from: the client first, then the proxies between. `X-Forwarded-For` counts
 * only as far as proxies are trusted, see `trustedProxies`; anybody else could write there what they like.
 */
export function sourcesOf({ ip, ips }: Pick<Request, "ip" | "ips">): readonly string[] {
  const all = ips === undefined ? [ip] : ips.toReversed();
  return all.filter((one) => typeof one === "string").map(plainAddress);
}
