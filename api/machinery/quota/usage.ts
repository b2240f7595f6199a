import { addQuantities, formatQuantity, parseQuantity, type Quantity } from "../quantity.ts";

/** Amounts by the names that quotas use, e.g. `requests.cpu` or `count/applications.lighthouse.dev`. */
export type Usage = ReadonlyMap<string, Quantity>;

/** The same as it stands in an object. */
export type RawUsage = Readonly<Record<string, string | number>>;

/** No amount at all. */
export const zero: Quantity = { nanos: 0n, format: "DecimalSI" };
/** One object. */
export const one: Quantity = { nanos: 1_000_000_000n, format: "DecimalSI" };

/** Amounts of a map of quantities; what is no quantity is left out, as validation refuses it. */
export function readUsage(raw: RawUsage | undefined): Usage {
  const usage = new Map<string, Quantity>();
  for (const [name, value] of Object.entries(raw ?? {})) {
    const quantity = parseQuantity(value);
    if (quantity !== undefined) usage.set(name, quantity);
  }
  return usage;
}

/** The inverse of {@link readUsage}, in the order of names. */
export function writeUsage(usage: Usage): Readonly<Record<string, string>> {
  const names = [...usage.keys()].sort();
  return Object.fromEntries(
    names.map((name) => [name, formatQuantity(usage.get(name) ?? zero)] as const),
  );
}

/** The sum of both. */
export function plus(left: Usage, right: Usage): Usage {
  const sum = new Map(left);
  for (const [name, amount] of right) sum.set(name, addQuantities(sum.get(name) ?? zero, amount));
  return sum;
}

/** The larger of both, name by name. */
export function larger(left: Usage, right: Usage): Usage {
  const most = new Map(left);
  for (const [name, amount] of right) {
    if (amount.nanos > (most.get(name)?.nanos ?? -1n)) most.set(name, amount);
  }
  return most;
}

/** Those amounts whose name is wanted. */
export function only(usage: Usage, wanted: (name: string) => boolean): Usage {
  return new Map([...usage].filter(([name]) => wanted(name)));
}

/** `pods=1,requests.cpu=500m`: as refusals write it. */
export function usageText(usage: Usage): string {
  return Object.entries(writeUsage(usage))
    .map(([name, amount]) => `${name}=${amount}`)
    .join(",");
}
