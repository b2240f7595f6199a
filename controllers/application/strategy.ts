import { rolloutOrder } from "../../crds/rollout-order.ts";
import type { Application } from "../../crds/types.gen.ts";
import type { Strategy } from "./seen.ts";

/** `25%` of `total`, or the number itself. Not rounded. */
function share(value: number | string, total: number): number {
  if (typeof value === "number") return value;
  return (Number.parseInt(value, 10) * total) / 100;
}

/** `spec.strategy` for this many slots: percentages become numbers, seconds milliseconds. */
export function strategyOf(application: Application, slots: number): Strategy {
  const { strategy } = application.spec;
  const second = 1000;
  return {
    batch: Math.max(1, Math.ceil(share(strategy.batch, slots))),
    order: rolloutOrder(application),
    canary: strategy.canary.count,
    manualApproval: strategy.canary.approve === "Manual",
    prepare: strategy.prepare,
    minReadyMs: strategy.minReadySeconds * second,
    monitorMs: strategy.monitorSeconds * second,
    pauseMs: strategy.pauseBetweenBatchesSeconds * second,
    deadlineMs: strategy.progressDeadlineSeconds * second,
    tolerated: Math.floor(share(strategy.tolerateFailures, slots)),
    onFailure: strategy.onFailure,
    offlineNodes: strategy.offlineNodes,
  };
}
