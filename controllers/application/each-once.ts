import type { Order, Step } from "./step.ts";

const orderKey = ({ uid, from, to, replaces }: Order): string =>
  ["order", uid, from, to, replaces].join(" ");

/**
 * The steps without those that ask a pod for the same once more: a drain and a template that was
 * given up both remove it, a stop and a repair both stop it.
 */
export function eachOnce(steps: readonly Step[]): readonly Step[] {
  const known = new Set<string>();
  const isNew = (key: string): boolean => {
    const isFirst = !known.has(key);
    known.add(key);
    return isFirst;
  };
  return steps.flatMap((step): readonly Step[] => {
    if (step.kind === "deletePod") return isNew(`delete ${step.uid}`) ? [step] : [];
    if (step.kind !== "order") return [step];
    const orders = step.orders.filter((order) => isNew(orderKey(order)));
    return orders.length === 0 ? [] : [{ ...step, orders }];
  });
}
