import { parseQuantity, wholeUnits } from "./quantity.ts";

/** Kubernetes' bounds, in bits per second: what is outside is a slip of the pen. */
const [least, most] = [1_000n, 1_000_000_000_000_000n];

/** Bits per second, or what is wrong with the text that should say so. */
export type Bandwidth = { readonly bits: number } | { readonly problem: string };

/**
 * Reads the value of `kubernetes.io/ingress-bandwidth` and `kubernetes.io/egress-bandwidth`: a
 * quantity of bits per second such as `10M`, from 1k to 1P, in Kubernetes' words when it is none.
 */
export function readBandwidth(text: string): Bandwidth {
  const quantity = parseQuantity(text);
  if (quantity === undefined) return { problem: "must be a quantity of bits per second, e.g. 10M" };
  const bits = wholeUnits(quantity);
  if (bits < least) return { problem: "resource is unreasonably small (< 1kbit)" };
  if (bits > most) return { problem: "resource is unreasonably large (> 1Pbit)" };
  return { bits: Number(bits) };
}
